"""One real agent process over a real Mosquitto, its sound recorded to the sample."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.signing import EMERGENCY, GATEWAY, STRANGER, an_item, signed
from support.sound import as_decoded, normalised_cross_correlation
from support.speaking import Speaker, opus_frames

from device_agent.__main__ import main
from wire.messages import ClipRef, Report
from wire.types import Event

pytestmark = [pytest.mark.slow]

CLIP = opus(warble(3_000))
SOUND = as_decoded(CLIP)


@pytest.fixture
def clip(media: MediaServer) -> ClipRef:
    return media.add(CLIP, 3_000)


@pytest.fixture
def pole(tmp_path: Path, broker: Broker, media: MediaServer) -> Iterator[Pole]:
    pole = Pole(tmp_path / "pole", GATEWAY, broker, media.url)
    media.passwords[GATEWAY] = pole.secret
    pole.start()
    yield pole
    pole.stop()


@pytest.fixture
def far_end(broker: Broker, pole: Pole) -> Iterator[FarEnd]:  # noqa: ARG001 - it has to be running
    far_end = FarEnd(broker.controller_address())
    far_end.wait_online(GATEWAY)
    yield far_end
    far_end.stop()


def heard(pole: Pole, at: object, frames: int = len(SOUND)) -> float:
    """Return the correlation of what sounded from `at` on with what should have."""
    got = pole.recording.between(at, at + timedelta(seconds=frames / 48_000))  # type: ignore[operator, arg-type]
    return float(np.corrcoef(got, SOUND[:frames])[0, 1])


def test_a_planned_item_sounds_at_its_instant_with_the_network_gone(
    broker: Broker, pole: Pole, far_end: FarEnd, clip: ClipRef
) -> None:
    item = an_item(now() + timedelta(seconds=4), clips=(clip,))
    far_end.send(far_end.pen(GATEWAY).plan(now(), item), "plan")
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.READY)
    broker.kill()
    far_end.wait(lambda: pole.recording.first_sample_at(item.start_at + timedelta(seconds=2.9)), 12)
    broker.start()
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.PLAYED, timeout_s=40)

    playing, played = far_end.about(GATEWAY, item.broadcast_id)[-2:]
    assert (playing.event, played.event) == (Event.PLAYING, Event.PLAYED)
    assert played.started_at is not None
    assert abs(played.started_at - item.start_at) <= timedelta(microseconds=30)
    assert heard(pole, item.start_at) > 0.99
    assert (played.played_ms, played.expected_ms, played.underruns) == (3_000, 3_000, 0)
    assert played.peak_db is not None
    assert -8 < played.peak_db < -5
    numbers = [report.n for report in far_end.said(GATEWAY)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_after_a_kill_mid_play_the_rest_is_not_played_and_nothing_is_lost_or_doubled(
    pole: Pole, far_end: FarEnd, media: MediaServer, clip: ClipRef
) -> None:
    long = media.add(opus(warble(20_000)), 20_000)
    cut = an_item(now() + timedelta(seconds=2), clips=(long,), late_limit_ms=600_000)
    after = an_item(now() + timedelta(seconds=9), clips=(clip,))
    far_end.send(far_end.pen(GATEWAY).plan(now(), cut, after), "plan")
    far_end.wait_for_events(GATEWAY, cut.broadcast_id, Event.PLAYING)
    far_end.wait(lambda: pole.recording.first_sample_at(cut.start_at + timedelta(seconds=2.5)), 10)
    pole.kill()
    killed_at = now()
    pole.start()
    far_end.wait_for_events(GATEWAY, after.broadcast_id, Event.PLAYED, timeout_s=30)

    (partial,) = [
        report for report in far_end.about(GATEWAY, cut.broadcast_id) if report.event is Event.PARTIAL
    ]
    assert (partial.reason, partial.expected_ms) == ("restarted", 20_000)
    assert partial.played_ms is not None
    assert 1_000 <= partial.played_ms <= 4_000
    assert pole.recording.is_silent(
        killed_at + timedelta(milliseconds=100), after.start_at - timedelta(milliseconds=1)
    )
    assert heard(pole, after.start_at) > 0.99
    numbers = [report.n for report in far_end.said(GATEWAY)]
    assert numbers == list(range(1, len(numbers) + 1))
    ends = far_end.said(GATEWAY, Event.PLAYED, Event.PARTIAL, Event.FAILED, Event.MISSED)
    assert len(ends) == 2


def test_an_emergency_takes_over_at_once_and_what_it_cut_off_comes_back_at_its_place(
    pole: Pole, far_end: FarEnd, media: MediaServer, clip: ClipRef
) -> None:
    sound = warble(9_000, seed=5)
    long = media.add(opus(sound), 9_000)
    pen = far_end.pen(GATEWAY)
    routine = an_item(now(), clips=(long,))
    far_end.send(pen.play(now(), routine))
    far_end.wait_for_events(GATEWAY, routine.broadcast_id, Event.RECEIVED, Event.READY, Event.PLAYING)
    boot = far_end.states[GATEWAY][-1].boot
    # The clip must be there for the emergency to be quick: another item brings it.
    far_end.send(pen.plan(now(), an_item(now() + timedelta(seconds=90), clips=(clip,))), "plan")
    far_end.wait(lambda: len(far_end.said(GATEWAY, Event.READY)) == 2)

    urgent = an_item(now(), clips=(clip,), priority="emergency")
    far_end.send(pen.play(now(), urgent, boot=boot), "emergency", EMERGENCY)
    far_end.wait_for_events(GATEWAY, routine.broadcast_id, Event.RESUMED, Event.PLAYED)
    received, playing = (
        only(far_end, urgent.broadcast_id, event) for event in (Event.RECEIVED, Event.PLAYING)
    )
    paused, resumed, played = (
        only(far_end, routine.broadcast_id, event) for event in (Event.PAUSED, Event.RESUMED, Event.PLAYED)
    )
    assert playing.started_at is not None
    assert playing.started_at - received.at < timedelta(milliseconds=250)
    assert heard(pole, playing.started_at) > 0.99

    faded = pole.recording.between(playing.started_at - timedelta(milliseconds=50), playing.started_at)
    before = pole.recording.between(
        playing.started_at - timedelta(milliseconds=100), playing.started_at - timedelta(milliseconds=50)
    )
    assert loudness(faded[-240:]) < 0.1 * loudness(before)
    assert loudness(faded[:1200]) > loudness(faded[1200:]) > 0

    assert (paused.by, resumed.started_at is not None) == (urgent.broadcast_id, True)
    assert resumed.started_at is not None
    assert paused.played_ms is not None
    place = (paused.played_ms - 50) * 48
    rest = sound[place:]
    got = pole.recording.between(
        resumed.started_at, resumed.started_at + timedelta(seconds=len(rest) / 48_000)
    )
    # The clip is coded: its samples lie a millisecond or so beside those it was made of.
    likeness, lag = normalised_cross_correlation(got, rest[4_800:-4_800])
    assert likeness > 0.95
    assert abs(lag - 4_800) < 480
    assert played.played_ms == played.expected_ms == 9_000


def test_what_is_spoken_live_is_heard_at_once_and_of_no_one_else(pole: Pole, far_end: FarEnd) -> None:
    spoken = warble(3_000, seed=9)
    speaker, stranger = Speaker(), Speaker()
    item = an_item(now(), clips=(), live=speaker.source, priority="emergency")
    boot = far_end.states[GATEWAY][-1].boot
    far_end.send(far_end.pen(GATEWAY).play(now(), item, boot=boot), "emergency", EMERGENCY)
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.RECEIVED)
    pace, began = threading.Event(), time.monotonic()
    spoken_at = now()
    forged = stranger.packets(opus_frames(warble(3_000, seed=8)))
    for number, packet in enumerate(speaker.packets(opus_frames(spoken))):
        pace.wait(max(0.0, began + number * 0.02 - time.monotonic()))
        far_end.speak(speaker.source.session, packet)
        far_end.speak(speaker.source.session, next(forged))
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.PLAYED)
    playing = only(far_end, item.broadcast_id, Event.PLAYING)
    assert playing.started_at is not None
    assert playing.started_at - spoken_at < timedelta(milliseconds=800)
    got = pole.recording.between(playing.started_at, playing.started_at + timedelta(seconds=3.5))
    assert normalised_cross_correlation(got, spoken[4_800:-4_800])[0] > 0.9
    played = only(far_end, item.broadcast_id, Event.PLAYED)
    assert played.played_ms == played.expected_ms
    assert 2_900 <= (played.played_ms or 0) <= 3_040


def test_a_cancel_in_the_middle_of_its_download_ends_both(
    pole: Pole, far_end: FarEnd, media: MediaServer
) -> None:
    slow = media.add(opus(warble(30_000)), 30_000)
    media.bytes_s = slow.size_bytes // 8
    item = an_item(now(), clips=(slow,), late_limit_ms=60_000)
    far_end.send(far_end.pen(GATEWAY).play(now(), item))
    far_end.wait(lambda: media.sent[slow.sha256] > slow.size_bytes // 4)

    far_end.send(far_end.pen(GATEWAY).cancel(now(), item.broadcast_id))
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.CANCELLED, timeout_s=3)
    far_end.wait(lambda: media.broken_off == [slow.sha256], 5)
    assert media.sent[slow.sha256] < slow.size_bytes
    told = [report.event for report in far_end.about(GATEWAY, item.broadcast_id)]
    assert told == [Event.RECEIVED, Event.CANCELLED]
    assert pole.recording.runs == []


def only(far_end: FarEnd, broadcast_id: str, event: Event) -> Report:
    (report,) = [each for each in far_end.about(GATEWAY, broadcast_id) if each.event is event]
    return report


def loudness(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def test_what_is_forged_misaddressed_expired_or_replayed_never_sounds(
    pole: Pole, far_end: FarEnd, clip: ClipRef
) -> None:
    pen = far_end.pen(GATEWAY)
    far_end.send(pen.plan(now(), an_item(now() + timedelta(seconds=90), clips=(clip,))), "plan")
    far_end.wait(lambda: far_end.said(GATEWAY, Event.READY))
    began = now()
    item = an_item(now(), clips=(clip,))
    far_end.send_raw(GATEWAY, "order", signed(pen.play(now(), item), STRANGER))
    far_end.send_raw(GATEWAY, "order", signed(pen.play(now(), item, aud="31672-002")))
    far_end.send_raw(GATEWAY, "order", signed(pen.play(now(), item, exp=now() - timedelta(seconds=5))))
    far_end.send_raw(GATEWAY, "emergency", signed(pen.play(now(), item)))
    far_end.send_raw(GATEWAY, "order", b"not even an envelope")
    far_end.wait(lambda: len(far_end.said(GATEWAY, Event.REJECTED)) == 5)
    reasons = {report.reason for report in far_end.said(GATEWAY, Event.REJECTED)}
    assert reasons == {"bad_signature", "wrong_audience", "expired", "unknown_key", "malformed"}
    assert pole.recording.is_silent(began, now())


def test_an_order_for_an_absent_gateway_waits_at_the_broker_and_is_done_once(
    pole: Pole, far_end: FarEnd
) -> None:
    pen = far_end.pen(GATEWAY)
    pole.kill()
    order = far_end.send(pen.volume(now(), 35))
    far_end.send_raw(GATEWAY, "order", order)
    pole.start()
    far_end.wait(lambda: far_end.said(GATEWAY, Event.RECEIVED))
    far_end.wait(lambda: far_end.states[GATEWAY][-1].volume_percent == 35)
    far_end.send(pen.resync(now()))
    states = len(far_end.states[GATEWAY])
    far_end.wait(lambda: len(far_end.states[GATEWAY]) > states)
    assert len(far_end.said(GATEWAY, Event.RECEIVED)) == 1
    assert far_end.said(GATEWAY, Event.REJECTED) == []


def test_a_stopped_agent_says_goodbye_and_what_it_held_can_be_read(
    pole: Pole, far_end: FarEnd, clip: ClipRef, capsys: pytest.CaptureFixture[str]
) -> None:
    item = an_item(now() + timedelta(minutes=5), clips=(clip,))
    far_end.send(far_end.pen(GATEWAY).plan(now(), item), "plan")
    far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.READY)
    far_end.wait(lambda: far_end.health.get(GATEWAY))
    assert main(["status", "--state-dir", str(pole.directory / "state")]) == 0
    told = capsys.readouterr().out
    assert "version 1, epoch 1" in told
    assert item.broadcast_id in told
    assert pole.stop() == 0
    far_end.wait_online(GATEWAY, online=False)
    assert main(["status", "--state-dir", str(pole.directory)]) == 1
