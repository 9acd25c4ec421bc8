"""A PulseAudio of our own with a null sink for each player, and what is heard at each sink's monitor."""

import os
import selectors
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.eventually import eventually

RATE = 48_000
FRAME_BYTES = 2

MONITOR_LATENCY_MS = 20


class Pulse:
    """The sound server; `environment` leads a player to one of its sinks."""

    def __init__(self, directory: Path, sinks: list[str]) -> None:
        directory.mkdir(mode=0o700, parents=True)
        socket = directory / "native"
        alsa = directory / "asound.conf"
        # Not alsa.conf with its plug-ins: PortAudio opens each of them once, and one brings an FFmpeg along.
        alsa.write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        private = ("XDG_RUNTIME_DIR", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH", "HOME")
        self._environment = dict.fromkeys(private, str(directory)) | {
            "PULSE_SERVER": f"unix:{socket}",
            "ALSA_CONFIG_PATH": str(alsa),
        }
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]
        command += ["--disallow-exit", "--high-priority=yes", "--log-target=stderr"]
        command += [f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1"]
        command += [
            f"--load=module-null-sink sink_name={sink} rate={RATE} channels=1 format=s16le" for sink in sinks
        ]
        with (directory / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env=os.environ | self._environment)
        eventually(self._answers, 20, "PulseAudio answers")

    def environment(self, sink: str) -> dict[str, str]:
        """Return what a player needs in its environment to play to this sink."""
        return self._environment | {"PULSE_SINK": sink}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def _answers(self) -> bool:
        asked = subprocess.run(
            ["pactl", "info"], capture_output=True, check=False, env=os.environ | self._environment
        )
        return asked.returncode == 0


class Monitor:
    """What one sink lets hear, with the instant of each arrival."""

    def __init__(self, pulse: Pulse, sink: str) -> None:
        command = ["parec", "-d", f"{sink}.monitor", "--format=s16le", f"--rate={RATE}", "--channels=1"]
        command += ["--raw", f"--latency-msec={MONITOR_LATENCY_MS}"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env=os.environ | pulse.environment(sink)
        )
        self._heard = bytearray()
        self._arrivals: list[tuple[float, int]] = []

    def read(self) -> None:
        """Take what there is; called when there is something."""
        assert self.process.stdout is not None
        piece = os.read(self.process.stdout.fileno(), 1 << 16)
        self._heard += piece
        self._arrivals.append((time.monotonic(), len(self._heard) // FRAME_BYTES))

    def between(self, a_s: float, b_s: float) -> tuple[NDArray[np.float32], float]:
        """Return what sounded between two monotonic instants, and that of the first sample.

        A sample arrives when it was rendered, or later when a processor was busy, never earlier: the
        earliest arrival of a while tells where all of it stands. That is off by what the monitor itself
        delays, which is the same for all.
        """
        arrivals = [(at, frames) for at, frames in self._arrivals if a_s <= at <= b_s]
        origin_s = min(at - frames / RATE for at, frames in arrivals)
        first = max(0, round((a_s - origin_s) * RATE))
        end = round((b_s - origin_s) * RATE)
        piece = self._heard[first * FRAME_BYTES : end * FRAME_BYTES]
        samples = np.frombuffer(bytes(piece[: len(piece) // 2 * 2]), dtype="<i2").astype(np.float32) / 32767
        return samples, origin_s + first / RATE

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


class Monitors:
    """All sinks heard at once, by one thread."""

    def __init__(self, pulse: Pulse, sinks: list[str]) -> None:
        self.of = {sink: Monitor(pulse, sink) for sink in sinks}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monitors")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)
        for monitor in self.of.values():
            monitor.stop()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for monitor in self.of.values():
                assert monitor.process.stdout is not None
                selector.register(monitor.process.stdout, selectors.EVENT_READ, monitor)
            while not self._stopping.is_set():
                for key, _ in selector.select(0.5):
                    key.data.read()
