"""What a gateway fetches clips from, over real HTTP: Range, Basic authentication, faults on demand."""

import base64
import hashlib
import io
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from wire.messages import ClipRef

RATE = 48_000


def opus(samples: NDArray[np.float32], *, bit_rate: int = 32_000) -> bytes:
    """Encode mono 48 kHz samples as a clip is: Opus in Ogg."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE, layout="mono")
        stream.bit_rate = bit_rate
        pcm = np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0  # without it each page says 6.5 ms more than it holds
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def warble(duration_ms: int, seed: int = 1) -> NDArray[np.float32]:
    """Return sound that correlates with nothing but itself and is nowhere silent."""
    t = np.arange(duration_ms * RATE // 1000) / RATE
    rng = np.random.default_rng(seed)
    low, high = sorted(rng.uniform(300, 1200, 2))
    phase = 2 * np.pi * (low * t + (high - low + 200) * t**2 / (2 * max(t[-1], 1e-3)))
    return (0.5 * np.sin(phase) * (0.7 + 0.3 * np.sin(2 * np.pi * rng.uniform(2, 7) * t))).astype(np.float32)


def murmur(duration_ms: int, seed: int = 1) -> NDArray[np.float32]:
    """Return sound of which not even a fifth of a second is like any other seed's, as speech is; peak 0.5.

    Two warbles of different seeds may go through the same tones for a moment.
    """
    frames = duration_ms * RATE // 1000
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(frames))
    hz = np.fft.rfftfreq(frames, 1 / RATE)
    spectrum[(hz < 200) | (hz > 3_000)] = 0
    noise = np.fft.irfft(spectrum, frames)
    loudest = float(np.abs(noise).max())
    return np.asarray(0.5 / loudest * noise, dtype=np.float32)


class MediaServer:
    """Serves ``/media/<sha256>`` from memory and remembers each request's Range header."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self.clips: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.passwords: dict[str, str] = {}
        self.break_after: int | None = None
        """Close the connection once after so many bytes."""
        self.bytes_s: int | None = None
        """Send so many bytes a second; None is as fast as they are taken."""
        self.sent: Counter[str] = Counter()
        """Bytes of each clip, noted only while `bytes_s` slows them down."""
        self.broken_off: list[str] = []
        """Clips that somebody stopped to take in the middle."""
        media = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                media.answer(self)

            def log_message(self, *_args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._server.server_port}"

    def add(self, content: bytes, duration_ms: int) -> ClipRef:
        sha256 = hashlib.sha256(content).hexdigest()
        self.clips[sha256] = content
        return ClipRef(sha256=sha256, size_bytes=len(content), duration_ms=duration_ms)

    def add_file(self, path: Path, duration_ms: int) -> ClipRef:
        return self.add(path.read_bytes(), duration_ms)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        sha256 = request.path.removeprefix("/media/")
        wanted = request.headers.get("Range")
        self.requests.append((sha256, wanted))
        if not self._may_read(request.headers.get("Authorization", "")):
            request.send_error(401)
            return
        content = self.clips.get(sha256)
        if content is None:
            request.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        request.send_response(206 if wanted else 200)
        if wanted:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.send_header("Content-Length", str(len(content) - start))
        request.end_headers()
        body = content[start:]
        if self.break_after is not None:
            body, self.break_after = body[: self.break_after], None
        if self.bytes_s is None:
            request.wfile.write(body)
        else:
            self._trickle(request, sha256, body, self.bytes_s)

    def _trickle(self, request: BaseHTTPRequestHandler, sha256: str, body: bytes, bytes_s: int) -> None:
        piece = bytes_s // 20
        pace = threading.Event()
        try:
            for start in range(0, len(body), piece):
                request.wfile.write(body[start : start + piece])
                self.sent[sha256] += piece
                pace.wait(1 / 20)
        except OSError:
            self.broken_off.append(sha256)

    def _may_read(self, authorization: str) -> bool:
        if not self.passwords:
            return True
        user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        return self.passwords.get(user) == password
