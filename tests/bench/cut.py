"""Pre-emption: from the order of an emergency to the fade of what sounds, and to the emergency's own sound.

A real agent plays through PortAudio, ALSA and PulseAudio to a null sink, whose monitor is recorded. What
sounds is one tone and the emergency another, so each has an envelope of its own in the recording. The
instants include the way over the broker, the signature, the journal's fsync, and what the monitor adds.
"""

import contextlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer
from numpy.typing import NDArray
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus
from support.pole import Pole
from support.signing import EMERGENCY, GATEWAY, an_item

from device_agent.voice import FADE_FRAMES
from tests.bench.pulse import RATE, Monitors, Pulse
from wire.messages import ClipRef
from wire.types import Event

SINK = "pole"
OLD_HZ, NEW_HZ = 400, 1_600
SMOOTH_FRAMES = RATE // 200
"""5 ms: whole periods of both tones, so neither shows in the other's envelope."""

NEW_MS = 500
BETWEEN_MS = 600
"""Of the tone, so much is needed from one emergency to the next."""

LAST_MS = 3_000
BEFORE_S, AFTER_S = 0.3, 0.7
AUDIBLE = 0.1
STEPS_S = 0.0073
"""By how much later each order comes: against the device's blocks of 20 ms they fall everywhere."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One pre-emption, milliseconds after the order was published."""

    fade_ms: float
    """Beginning of the fade of what sounded."""
    silent_ms: float
    """Its end."""
    began_ms: float
    """First sample of the emergency."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """All pre-emptions of a run, and how often the device ran dry in it."""

    cuts: list[Cut]
    underruns: int
    old_ms: int
    """How much of the tone that was cut and came back each time was reported as played."""
    length_ms: int
    """How long that tone is."""

    @property
    def fade_ms(self) -> float:
        """Median."""
        return statistics.median(cut.fade_ms for cut in self.cuts)


def measure(rounds: int) -> None:
    """Cut a sound off so many times; print the median and the worst."""
    with TemporaryDirectory(prefix="loacast-") as name:
        result = run(Path(name), rounds)
    for what, values in (
        ("fade begins", [cut.fade_ms for cut in result.cuts]),
        ("old sound is silent", [cut.silent_ms for cut in result.cuts]),
        ("emergency begins", [cut.began_ms for cut in result.cuts]),
    ):
        typer.echo(
            f"{what}: median {statistics.median(values):.0f} ms, {min(values):.0f} to {max(values):.0f} ms"
        )
    typer.echo(f"underruns: {result.underruns}")


def run(directory: Path, rounds: int) -> Cuts:
    """Let a tone sound on a gateway, and an emergency cut it off so many times."""
    with contextlib.ExitStack() as ending:
        pulse = Pulse(directory / "pulse", [SINK])
        ending.callback(pulse.stop)
        monitors = Monitors(pulse, [SINK])
        ending.callback(monitors.stop)
        broker, media = Broker(directory / "broker").start(), MediaServer()
        ending.callback(broker.stop)
        ending.callback(media.stop)
        pole = Pole(
            directory / "pole", GATEWAY, broker, media.url, sink="device", environment=pulse.environment(SINK)
        )
        media.passwords[GATEWAY] = pole.secret
        far_end = FarEnd(broker.controller_address())
        ending.callback(far_end.stop)
        ending.callback(pole.stop)
        pole.start()
        far_end.wait_online(GATEWAY)
        length_ms = rounds * BETWEEN_MS + LAST_MS
        sent_s, old = _orders(far_end, media, rounds, length_ms)
        heard = monitors.of[SINK].between
        cuts = [_judge(heard, at_s) for at_s in sent_s]
        end = far_end.about(GATEWAY, old)[-1]
        return Cuts(cuts, end.underruns or 0, end.played_ms or 0, length_ms)


def _orders(far_end: FarEnd, media: MediaServer, rounds: int, length_ms: int) -> tuple[list[float], str]:
    old = an_item(now(), clips=(media.add(opus(_tone(OLD_HZ, length_ms)), length_ms),))
    warning = media.add(opus(_tone(NEW_HZ, NEW_MS)), NEW_MS)
    _have(far_end, warning)
    far_end.send(far_end.pen(GATEWAY).play(now(), old))
    far_end.wait_for_events(GATEWAY, old.broadcast_id, Event.PLAYING)
    sent_s: list[float] = []
    for turn in range(rounds):
        resumed = sum(report.event is Event.RESUMED for report in far_end.about(GATEWAY, old.broadcast_id))
        _pass(0.45 + turn * STEPS_S % 0.02)
        emergency = an_item(now(), clips=(warning,), priority="emergency")
        message = far_end.pen(GATEWAY).play(now(), emergency)
        sent_s.append(time.monotonic())
        far_end.send(message, "emergency", EMERGENCY)
        far_end.wait(lambda before=resumed: _resumed(far_end, old.broadcast_id) > before)
    far_end.wait_for_events(GATEWAY, old.broadcast_id, Event.PLAYED, timeout_s=length_ms / 1_000 + 10)
    return sent_s, old.broadcast_id


def _have(far_end: FarEnd, clip: ClipRef) -> None:
    """Let the gateway fetch the clip of the emergency: what is measured is a warning that it has."""
    first = an_item(now(), clips=(clip,), priority="emergency")
    far_end.send(far_end.pen(GATEWAY).play(now(), first), "emergency", EMERGENCY)
    far_end.wait_for_events(GATEWAY, first.broadcast_id, Event.PLAYED)


def _resumed(far_end: FarEnd, broadcast_id: str) -> int:
    return sum(report.event is Event.RESUMED for report in far_end.about(GATEWAY, broadcast_id))


def _judge(heard: Callable[[float, float], tuple[NDArray[np.float32], float]], sent_s: float) -> Cut:
    samples, first_s = heard(sent_s - BEFORE_S, sent_s + AFTER_S)
    old, new = envelope(samples, OLD_HZ), envelope(samples, NEW_HZ)
    usual = float(np.median(old[: int(BEFORE_S * RATE)]))
    # The fade is a straight line: its middle is sharper than its beginning.
    sent = int(BEFORE_S * RATE)
    middle = sent + int(np.argmax(old[sent:] < usual / 2))
    loud = float(np.median(new[new > AUDIBLE]))
    began = sent + int(np.argmax(new[sent:] > loud / 2))

    def after_ms(frame: float) -> float:
        return (first_s + frame / RATE - sent_s) * 1_000

    return Cut(
        fade_ms=after_ms(middle - FADE_FRAMES / 2),
        silent_ms=after_ms(middle + FADE_FRAMES / 2),
        began_ms=after_ms(began),
    )


def envelope(samples: NDArray[np.float32], hertz: int) -> NDArray[np.float64]:
    """Return the amplitude of one tone over time, smoothed evenly over 5 ms, shape as `samples`."""
    turning = samples * np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / RATE)
    smooth = np.convolve(turning, np.ones(SMOOTH_FRAMES) / SMOOTH_FRAMES, mode="same")
    return 2 * np.abs(smooth)


def _tone(hertz: int, duration_ms: int) -> NDArray[np.float32]:
    frames = np.arange(duration_ms * RATE // 1_000)
    return (0.4 * np.sin(2 * np.pi * hertz * frames / RATE)).astype(np.float32)


def _pass(seconds: float) -> None:
    time.sleep(seconds)  # noqa: TID251 - a stretch of the sound that nothing ends
