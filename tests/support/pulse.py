"""A PulseAudio of a test's own: a null sink for a loudspeaker, its monitor for a microphone."""

import ctypes.util
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MISSING = [name for name in ("pulseaudio", "pactl", "parec", "pacat") if shutil.which(name) is None]
if ctypes.util.find_library("portaudio") is None:
    MISSING.append("libportaudio2")

needs_pulse = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

ALSA = """</usr/share/alsa/alsa.conf>
pcm.!default { type pulse }
ctl.!default { type pulse }
pcm.probe {
  type pulse
  device pole.monitor
  hint { show on description "What the pole sounds" }
}
"""


@contextmanager
def running_pulse(directory: Path) -> Iterator[dict[str, str]]:
    """Run one whose only sink is ALSA's default device, its monitor the device ``probe``.

    Yields:
        What the environment of its clients needs.
    """
    runtime = directory / "pulse"
    runtime.mkdir(mode=0o700)
    alsa = directory / "asound.conf"
    alsa.write_text(ALSA)
    environment = {
        "XDG_RUNTIME_DIR": str(runtime),
        "PULSE_RUNTIME_PATH": str(runtime),
        "PULSE_STATE_PATH": str(runtime),
        "HOME": str(directory),
        "PULSE_SERVER": f"unix:{runtime / 'native'}",
        "ALSA_CONFIG_PATH": str(alsa),
    }
    daemon = subprocess.Popen(
        [
            "pulseaudio",
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--disallow-exit",
            f"--load=module-native-protocol-unix socket={runtime / 'native'} auth-anonymous=1",
            "--load=module-null-sink sink_name=pole rate=48000 channels=1 format=s16le",
        ],
        stderr=subprocess.DEVNULL,
        env=os.environ | environment,
    )
    try:
        deadline = time.monotonic() + 10
        while pactl(environment, "info"):
            assert time.monotonic() < deadline, "PulseAudio does not start"
            assert daemon.poll() is None, "PulseAudio has ended"
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(10)


def pactl(environment: dict[str, str], *arguments: str) -> int:
    """Give an order to the server; returns the exit code."""
    command = ["pactl", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env=os.environ | environment).returncode


@contextmanager
def foreign_sound(environment: dict[str, str], pcm: Path) -> Iterator[None]:
    """Let a file sound from the loudspeaker, mono 16 bit at 48 kHz, until the block ends."""
    with pcm.open("rb") as sound:
        player = subprocess.Popen(
            ["pacat", "--format=s16le", "--rate=48000", "--channels=1", "--latency-msec=50"],
            stdin=sound,
            env=os.environ | environment,
        )
    try:
        yield
    finally:
        player.kill()
        player.wait(10)
