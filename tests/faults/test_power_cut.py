"""F9: the power goes at two hundred random instants, and the gateway starts from what the disk then holds.

One real agent process works through a busy quarter of a minute over a real broker on a disk that remembers
every write. Then the disk is put together as it would be after a cut before any of these writes, mounted
(the kernel replays its own journal), and the gateway's core, journal and cache start from it.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog
from support.busy_gateway import SEED, Run, Story, busy_run
from support.far_end import now
from support.recording_disk import (
    missing_for_power_cuts,
    mounted_image,
)
from support.signing import GATEWAY, an_id
from support.simulated import SimulatedGateway

from device_agent.cache import Cache
from device_agent.journal import JOURNAL_FILE, Changes, Held, open_or_begin_anew
from wire.messages import Report
from wire.types import Event

log = structlog.get_logger(__name__)

MISSING = missing_for_power_cuts()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(MISSING is not None, reason=f"power cuts: {MISSING}"),
]

CUTS = 200
WHOLE_BOOTS = 8
AFTERWARDS_S = 40.0
ENDS = (Event.PLAYED, Event.PARTIAL, Event.FAILED, Event.MISSED, Event.CANCELLED, Event.PREEMPTED)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with busy_run(tmp_path_factory.mktemp("power-cut")) as run:
        yield run


@dataclass(frozen=True)
class Cut:
    """The disk after the power went before entry `place` of its log."""

    place: int
    at: datetime
    told: tuple[Report, ...]
    """What the controller had been told by then."""


def cuts(run: Run, count: int) -> list[Cut]:
    dice = random.Random(SEED)
    places = range(run.story.first_entry + 1, len(run.disk.log))
    chosen = sorted(dice.sample(places, count))
    return [Cut(place, at := run.disk.log[place].at, tuple(run.witness.told_before(at))) for place in chosen]


def test_after_a_cut_at_any_instant_the_gateway_starts_and_keeps_every_promise(
    run: Run, tmp_path: Path
) -> None:
    seen = {"writes": len(run.disk.log), "starts": 0, "downloading": 0, "playing": 0, "writing": 0}
    image = in_memory(tmp_path)
    try:
        for cut in cuts(run, CUTS):
            image.write_bytes(run.disk.after_cut(cut.place, random.Random(cut.place)))
            with mounted_image(image, tmp_path / "mounted") as mounted:
                seen["downloading"] += any(mounted.glob("state/clips/*.part"))
                start_from(mounted / "state", cut, run)
            seen["starts"] += 1
            seen["playing"] += any(begun <= cut.at <= ended for begun, ended in sounded(run).values())
            seen["writing"] += run.disk.unflushed(cut.place) > 0
    finally:
        image.unlink(missing_ok=True)
    log.info("power cuts", **seen)
    assert seen["starts"] == CUTS
    # The cuts really fell into the middle of things.
    assert min(seen["downloading"], seen["playing"], seen["writing"]) >= CUTS // 10


def start_from(state: Path, cut: Cut, run: Run) -> None:
    """Start core, journal and cache, let some time pass, and compare with what others remember."""
    journal, lost = open_or_begin_anew(state / JOURNAL_FILE, an_id)
    assert not lost
    held = journal.load()
    cache = Cache(state / "clips", 10**9)
    for name in cache.names():
        cache.check(name)  # a partial file under a clip's name would raise
    keeps_what_it_promised(held, frozenset(cache.names()), cut, run.story)

    gateway = SimulatedGateway(journal, cut.at + timedelta(seconds=1))
    highest = max((report.n for report in cut.told), default=0)
    reports = {report.n: report for report in gateway.reports()}
    told = {report.n: report for report in run.witness.said(GATEWAY)}
    new = [n for n, report in reports.items() if report.at >= cut.at]
    assert all(n > highest for n in new), (cut, new, highest)
    assert all(reports[n] == told[n] for n in reports.keys() & told.keys() - set(new)), cut

    gateway.get_clips(*cache.names())
    gateway.wait(AFTERWARDS_S)
    begun_before = {name for name, (begun, _) in sounded(run).items() if begun <= cut.at}
    again = [broadcast_id for broadcast_id, _ in gateway.sounded]
    assert begun_before.isdisjoint(again), cut
    assert len(again) == len(set(again)), cut
    ends = [name for report in gateway.reports(*ENDS) for name in report.broadcast_ids]
    assert len(ends) == len(set(ends)), cut
    for report in gateway.reports(Event.PLAYED):
        assert report.broadcast_ids[0] in (*again, *told_ended(run)), cut
    for broadcast_id in begun_before - told_ended_before(cut):
        assert_settled_as_begun(gateway, broadcast_id, cut)
    journal.close()


def keeps_what_it_promised(held: Held, clips: frozenset[str], cut: Cut, story: Story) -> None:
    window = held.freshness.window("order").accepted
    for report in cut.told:
        for order_id in report.orders:
            assert order_id in held.freshness.done_orders, cut
            if story.seqs[order_id] <= max(window.values(), default=-1):
                continue
            assert story.seqs[order_id] in held.freshness.window("emergency").accepted.values(), cut
        match report.event:
            case Event.PLAN_STORED:
                assert held.plan is not None
                assert report.plan_version is not None
                assert held.plan.version >= report.plan_version, cut
            case Event.READY:
                needed = {clip.sha256 for name in report.broadcast_ids for clip in story.items[name].clips}
                assert needed <= clips, cut
            case event if event in ENDS:
                assert held.settled.keys() >= set(report.broadcast_ids), cut
                assert held.entries.keys().isdisjoint(report.broadcast_ids), cut


def sounded(run: Run) -> dict[str, tuple[datetime, datetime]]:
    """Return when each item was heard, by what the gateway told of it in the end, or an instant at least."""
    times: dict[str, tuple[datetime, datetime]] = {}
    for report in run.witness.said(GATEWAY):
        if report.started_at is not None:
            length = timedelta(milliseconds=report.played_ms or 0)
            (name,) = report.broadcast_ids
            times[name] = (report.started_at, report.started_at + length)
    return times


def told_ended(run: Run) -> set[str]:
    return {name for report in run.witness.said(GATEWAY, *ENDS) for name in report.broadcast_ids}


def told_ended_before(cut: Cut) -> set[str]:
    return {name for report in cut.told if report.event in ENDS for name in report.broadcast_ids}


def assert_settled_as_begun(gateway: SimulatedGateway, broadcast_id: str, cut: Cut) -> None:
    """What had begun ends as what it was: never replayed, never missed, and played only if it had ended."""
    (end,) = [report for report in gateway.reports(*ENDS) if broadcast_id in report.broadcast_ids]
    assert end.event is not Event.MISSED, cut
    if end.at >= cut.at:
        assert (end.event, end.reason) in ((Event.PARTIAL, "restarted"), (Event.FAILED, "restarted")), cut


def in_memory(otherwise: Path) -> Path:
    """Return a file for the image of a disk, in memory if possible."""
    directory = Path("/dev/shm")  # noqa: S108 - under a name of our own
    return (directory if directory.is_dir() else otherwise) / f"loacast-cut-{os.getpid()}.img"


def test_a_whole_agent_starts_from_a_cut_disk_and_goes_on_with_its_numbers(run: Run, tmp_path: Path) -> None:
    image, state = in_memory(tmp_path), run.pole.directory / "state"
    states = run.witness.states[GATEWAY]
    try:
        for cut in random.Random(SEED).sample(cuts(run, CUTS), WHOLE_BOOTS):
            image.write_bytes(run.disk.after_cut(cut.place, random.Random(cut.place)))
            with mounted_image(image, tmp_path / "mounted") as mounted:
                (mounted / "state").mkdir(exist_ok=True)
                state.symlink_to(mounted / "state")
                states.clear()
                run.pole.start()
                run.witness.wait_online(GATEWAY)
                run.pole.kill()
                journal, lost = open_or_begin_anew(state / JOURNAL_FILE, an_id)
                (report,) = journal.commit(Changes(reports=(Report(n=0, at=now(), event=Event.READY),)))
                journal.close()
                state.unlink()
            assert not lost
            assert report.n > max((told.n for told in cut.told), default=0)
    finally:
        image.unlink(missing_ok=True)
