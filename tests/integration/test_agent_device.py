"""The real way to a sound device: PortAudio, ALSA, a PulseAudio null sink, recorded at its monitor."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.media import warble
from support.pulse import needs_pulse, running_pulse

from device_agent.clock import Clock
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, SILENCE, SinkError
from device_agent.sinks.device import DeviceSink

pytestmark = [pytest.mark.slow, needs_pulse]


@pytest.fixture
def pulse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PulseAudio of our own with one null sink as the default device of ALSA."""
    with running_pulse(tmp_path) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield


@dataclass(frozen=True, slots=True)
class Passage:
    """What was promised and written, and what the device let hear."""

    heard: np.ndarray
    promised: list[int]
    really: list[int]
    underruns: int


def passage(sound: np.ndarray, record: Path) -> Passage:
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
        promised, really = [], []
        for start in range(0, len(sound), BLOCK_FRAMES):
            promised.append(sink.next_ns())
            really.append(sink.write(sound[start : start + BLOCK_FRAMES]))
        underruns = sink.underruns
        for _ in range(25):
            sink.write(SILENCE)
        sink.close()
    finally:
        recorder.terminate()
        recorder.wait(10)
    heard = np.frombuffer(record.read_bytes()[: record.stat().st_size // 2 * 2], dtype="<i2") / 32767
    return Passage(heard, promised, really, underruns)


@pytest.mark.usefixtures("pulse")
def test_what_is_written_comes_out_of_the_device_whole(tmp_path: Path) -> None:
    sound = warble(2_000, seed=9)
    # This thread has none of the player's priority: beside other tests the device may run dry, and says so.
    attempts = (passage(sound, tmp_path / f"{number}.raw") for number in range(6))
    whole = next((each for each in attempts if each.underruns == 0), None)
    assert whole is not None
    first = int(np.flatnonzero(np.abs(whole.heard) > 1e-3)[0])
    lag = best_lag(whole.heard, sound, first)
    assert np.corrcoef(whole.heard[lag : lag + len(sound)], sound)[0, 1] > 0.999
    paced_s = (whole.really[-1] - whole.really[0]) / 1e9
    assert paced_s == pytest.approx((len(sound) - BLOCK_FRAMES) / RATE, abs=0.03)
    assert np.abs(np.subtract(whole.really, whole.promised)).max() < 20_000_000


def best_lag(heard: np.ndarray, sound: np.ndarray, near: int) -> int:
    lags = range(max(0, near - 2_000), near + 200)
    piece = sound[:20_000]
    return max(lags, key=lambda lag: float(np.dot(heard[lag : lag + len(piece)], piece)))


@pytest.mark.usefixtures("pulse")
def test_a_device_that_is_not_there_is_said_so() -> None:
    with pytest.raises(SinkError, match="no such horn"):
        DeviceSink("no such horn", Clock())
