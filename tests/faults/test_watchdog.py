"""F25 (trust.md §9): an agent that stands still while it plays is started again, and says what was lost."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.broker import Broker
from support.eventually import eventually
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.signing import GATEWAY, an_item
from support.supervisor import Supervisor

from wire.types import Event

pytestmark = [pytest.mark.slow]

WATCHDOG_S = 3.0
ENDS = (Event.PLAYED, Event.PARTIAL, Event.FAILED, Event.MISSED, Event.PREEMPTED, Event.CANCELLED)


@pytest.fixture
def supervisor(tmp_path: Path, broker: Broker, media: MediaServer) -> Iterator[Supervisor]:
    watched = Supervisor.environment(tmp_path / "notify", WATCHDOG_S)
    pole = Pole(tmp_path / "pole", GATEWAY, broker, media.url, environment=watched)
    media.passwords[GATEWAY] = pole.secret
    supervisor = Supervisor(pole, tmp_path / "notify", WATCHDOG_S).start()
    yield supervisor
    supervisor.stop()


@pytest.fixture
def far_end(broker: Broker, supervisor: Supervisor) -> Iterator[FarEnd]:  # noqa: ARG001 - it has to be running
    far_end = FarEnd(broker.controller_address())
    far_end.wait_online(GATEWAY)
    yield far_end
    far_end.stop()


def test_an_agent_that_stands_still_in_a_slot_is_started_again_and_what_was_lost_is_told(
    supervisor: Supervisor, far_end: FarEnd, media: MediaServer
) -> None:
    clip = media.add(opus(warble(60_000)), 60_000)
    cut = an_item(now() + timedelta(seconds=2), clips=(clip,), late_limit_ms=600_000)
    far_end.send(far_end.pen(GATEWAY).plan(now(), cut), "plan")
    pole = supervisor.pole
    far_end.wait(lambda: pole.recording.first_sample_at(cut.start_at + timedelta(seconds=2)), 10)
    stopped = pole.process
    assert stopped is not None
    # It would stand for the whole minute of the slot; the watchdog is shortened, not the fault.
    stopped.send_signal(signal.SIGSTOP)
    far_end.wait_for_events(GATEWAY, cut.broadcast_id, Event.PARTIAL, timeout_s=20)
    far_end.wait_online(GATEWAY)

    (aborted_at,) = supervisor.aborted_at
    assert stopped.returncode is not None
    assert pole.process is not stopped
    (end,) = [report for report in far_end.about(GATEWAY, cut.broadcast_id) if report.event in ENDS]
    assert (end.event, end.reason, end.expected_ms) == (Event.PARTIAL, "restarted", 60_000)
    assert end.played_ms is not None
    assert 1_000 <= end.played_ms <= 5_000
    after = datetime.fromtimestamp(aborted_at, UTC)
    eventually(lambda: "READY=1" in supervisor.said[-40:], 5, "the new one is ready")
    far_end.wait(lambda: now() > after + timedelta(seconds=3), 10)
    assert pole.recording.is_silent(after + timedelta(milliseconds=200), now())
    offline = [state for state in far_end.states[GATEWAY] if not state.online]
    assert offline, "the broker said for it that it was gone"


def test_an_agent_at_work_feeds_its_watchdog_and_says_how_it_stands(
    supervisor: Supervisor, far_end: FarEnd
) -> None:
    pings = supervisor.said.count("WATCHDOG=1")
    eventually(lambda: supervisor.said.count("WATCHDOG=1") >= pings + 3, 10, "three more pings")
    assert supervisor.said.index("READY=1") < supervisor.said.index("STATUS=Connected.")
    assert supervisor.aborted_at == []
    assert far_end.states[GATEWAY][-1].online
    assert supervisor.stop() == 0
    assert supervisor.pole.process is None
