"""The real way to a sound device: PortAudio, ALSA, a PulseAudio null sink, recorded at its monitor."""

import ctypes.util
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.media import warble

from device_agent.clock import Clock
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, SILENCE, SinkError
from device_agent.sinks.device import DeviceSink

MISSING = [name for name in ("pulseaudio", "pactl", "parec") if shutil.which(name) is None]
if ctypes.util.find_library("portaudio") is None:
    MISSING.append("libportaudio2")

pytestmark = [
    pytest.mark.xdist_group("sound"),
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PulseAudio of our own with one null sink as the default device of ALSA."""
    runtime = tmp_path / "pulse"
    runtime.mkdir(mode=0o700)
    socket = runtime / "native"
    alsa = tmp_path / "asound.conf"
    alsa.write_text("</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n")
    for name, value in {
        "XDG_RUNTIME_DIR": str(runtime),
        "PULSE_RUNTIME_PATH": str(runtime),
        "PULSE_STATE_PATH": str(runtime),
        "HOME": str(tmp_path),
        "PULSE_SERVER": f"unix:{socket}",
        "ALSA_CONFIG_PATH": str(alsa),
    }.items():
        monkeypatch.setenv(name, value)
    daemon = subprocess.Popen(
        [
            "pulseaudio",
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--disallow-exit",
            f"--load=module-native-protocol-unix socket={socket} auth-anonymous=1",
            "--load=module-null-sink sink_name=pole rate=48000 channels=1 format=s16le",
        ],
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 10
    while subprocess.run(["pactl", "info"], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "PulseAudio does not start"
        assert daemon.poll() is None, "PulseAudio has ended"
    yield
    daemon.terminate()
    daemon.wait(10)


@pytest.mark.usefixtures("pulse")
def test_what_is_written_comes_out_of_the_device_whole(tmp_path: Path) -> None:
    record = tmp_path / "heard.raw"
    with record.open("wb") as file:
        recorder = subprocess.Popen(
            [
                "parec",
                "-d",
                "pole.monitor",
                "--format=s16le",
                "--rate=48000",
                "--channels=1",
                "--latency-msec=20",
            ],
            stdout=file,
        )
    try:
        sink = DeviceSink(None, Clock())
        sound = warble(2_000, seed=9)
        promised, really = [], []
        for start in range(0, len(sound), BLOCK_FRAMES):
            promised.append(sink.next_ns())
            really.append(sink.write(sound[start : start + BLOCK_FRAMES]))
        paced_s = (really[-1] - really[0]) / 1e9
        underruns = sink.underruns
        for _ in range(25):
            sink.write(SILENCE)
        sink.close()
    finally:
        recorder.terminate()
        recorder.wait(10)
    heard = np.frombuffer(record.read_bytes()[: record.stat().st_size // 2 * 2], dtype="<i2") / 32767
    first = int(np.flatnonzero(np.abs(heard) > 1e-3)[0])
    lag = best_lag(heard, sound, first)
    assert underruns == 0
    assert np.corrcoef(heard[lag : lag + len(sound)], sound)[0, 1] > 0.999
    assert paced_s == pytest.approx((len(sound) - BLOCK_FRAMES) / RATE, abs=0.03)
    assert np.abs(np.subtract(really, promised)).max() < 20_000_000


def best_lag(heard: np.ndarray, sound: np.ndarray, near: int) -> int:
    lags = range(max(0, near - 2_000), near + 200)
    piece = sound[:20_000]
    return max(lags, key=lambda lag: float(np.dot(heard[lag : lag + len(piece)], piece)))


@pytest.mark.usefixtures("pulse")
def test_a_device_that_is_not_there_is_said_so() -> None:
    with pytest.raises(SinkError, match="no such horn"):
        DeviceSink("no such horn", Clock())
