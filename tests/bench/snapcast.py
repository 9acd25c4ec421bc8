"""The yardstick: Snapcast (Debian: snapserver, snapclient), fed with the same sound."""

import contextlib
import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.ports import free_port, wait_for_port

from tests.bench.pulse import Pulse

RATE = 48_000
BLOCK_FRAMES = 960


def version() -> str | None:
    """Return which Snapcast is installed, None if none is."""
    if shutil.which("snapserver") is None or shutil.which("snapclient") is None:
        return None
    answer = subprocess.run(["snapserver", "--version"], capture_output=True, text=True, check=False)
    return answer.stdout.split("\n", 1)[0].removeprefix("snapserver v").strip()


class Snapcast:
    """A server, a client for each sink, and a feeder that lets silence or the sound flow."""

    def __init__(self, directory: Path, pulse: Pulse, sinks: list[str], player: str) -> None:
        directory.mkdir(parents=True)
        fifo, port = directory / "fifo", free_port()
        os.mkfifo(fifo)
        configuration = directory / "snapserver.conf"
        configuration.write_text(
            f"[server]\ndatadir = {directory}\n[http]\nenabled = false\n"
            f"[tcp]\nenabled = false\n"
            f"[stream]\nport = {port}\nbind_to_address = 127.0.0.1\n"
            f"source = pipe://{fifo}?name=bench&mode=read&sampleformat={RATE}:16:2&codec=pcm\n"
        )
        self._log = (directory / "log").open("wb")
        self.processes = [self._run(["snapserver", "-c", str(configuration)], pulse, sinks[0])]
        wait_for_port(port)
        for number, sink in enumerate(sinks, start=1):
            command = ["snapclient", "--host", "127.0.0.1", "--port", str(port), "--player", player]
            command += ["--instance", str(number), "--hostID", sink]
            self.processes.append(self._run(command, pulse, sink))
        self._sounds: list[NDArray[np.float32]] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._feed, args=(fifo,), name="snapcast")
        self._thread.start()

    def play(self, sound: NDArray[np.float32]) -> None:
        """Let this flow next; it sounds about a second later."""
        self._sounds.append(sound)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
        self._log.close()

    def _run(self, command: list[str], pulse: Pulse, sink: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command, stdout=self._log, stderr=self._log, env=os.environ | pulse.environment(sink)
        )

    def _feed(self, fifo: Path) -> None:
        silence = bytes(BLOCK_FRAMES * 4)
        with fifo.open("wb", buffering=0) as flow:
            while not self._stopping.is_set():
                # The server takes as much as sounds, which paces this.
                flow.write(_stereo(self._sounds.pop(0)) if self._sounds else silence)


def _stereo(sound: NDArray[np.float32]) -> bytes:
    samples = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2")
    return np.repeat(samples, 2).tobytes()
