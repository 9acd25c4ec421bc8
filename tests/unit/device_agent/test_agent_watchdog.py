"""Telling the service manager that we live, and ending when a thread of ours does not."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from support.clocks import NOON, SetClock
from support.signing import an_id

from device_agent.logs import LastError, configure
from device_agent.probes import Board, Readings
from device_agent.self_report import SelfReport
from device_agent.standing import Standing, StandingFile, read_standing
from device_agent.watchdog import LOOP_LATE_S, Notifier, StoodStill, Watchdog
from wire.messages import Health


class Manager:
    """The end of the socket that systemd holds."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)

    def heard(self) -> list[str]:
        lines: list[str] = []
        try:
            while True:
                lines += self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return lines


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.socket.close()


def watched(manager: Manager, clock: SetClock, limit_s: float | None = 30.0) -> Watchdog:
    return Watchdog(Notifier(manager.socket.getsockname()), limit_s, clock)


def test_it_pings_three_times_within_the_limit_and_no_more(manager: Manager) -> None:
    clock = SetClock()
    watchdog = watched(manager, clock)
    for _ in range(61):
        watchdog.check()
        clock.pass_s(1.0)
    assert manager.heard().count("WATCHDOG=1") == 7
    watchdog.notifier.close()


def test_a_thread_that_stands_still_ends_the_agent_and_is_named(manager: Manager) -> None:
    clock = SetClock()
    watchdog = watched(manager, clock)
    player, fetcher = watchdog.pulse("player", 20.0), watchdog.pulse("fetcher", 120.0)
    for _ in range(20):
        clock.pass_s(1.0)
        player()
        fetcher()
        watchdog.check()
    for _ in range(20):
        clock.pass_s(1.0)
        fetcher()
        watchdog.check()
    clock.pass_s(1.0)
    with pytest.raises(StoodStill, match="player has stood still for 21 s"):
        watchdog.check()
    watchdog.notifier.close()


def test_a_box_that_slept_does_not_blame_its_threads() -> None:
    clock = SetClock()
    watchdog = Watchdog(Notifier(None), None, clock)
    player = watchdog.pulse("player", 20.0)
    clock.pass_s(3_600.0)
    watchdog.check()
    for _ in range(20):
        clock.pass_s(1.0)
        watchdog.check()
    player()
    watchdog.check()


@given(st.lists(st.floats(0.01, LOOP_LATE_S - 0.1), min_size=1, max_size=80), st.floats(5.0, 60.0))
def test_whatever_the_rounds_are_a_dead_thread_is_noticed_within_a_round_of_its_limit(
    rounds: list[float], limit_s: float
) -> None:
    clock = SetClock()
    watchdog = Watchdog(Notifier(None), None, clock)
    watchdog.pulse("player", limit_s)
    passed = 0.0
    for length in rounds:
        clock.pass_s(length)
        passed += length
        try:
            watchdog.check()
        except StoodStill:
            assert passed > limit_s - 0.001
            return
    assert passed <= limit_s + 0.001


@pytest.mark.parametrize(
    ("environment", "every_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_only_what_is_asked_of_this_process_is_done(
    environment: dict[str, str], every_s: float | None
) -> None:
    assert Watchdog.from_environment(environment, SetClock()).every_s == every_s


def test_an_abstract_socket_is_spoken_to_and_a_missing_one_harms_nothing(tmp_path: Path) -> None:
    name = f"@loacast-{an_id()}"
    manager = Manager(name)
    notifier = Notifier(name)
    notifier.say("READY=1", "STATUS=No broker yet.")
    assert manager.heard() == ["READY=1", "STATUS=No broker yet."]
    notifier.close()
    notifier.say("READY=1")
    manager.socket.close()
    gone = Notifier(str(tmp_path / "gone"))
    gone.say("READY=1")
    gone.close()
    Notifier("relative/path").say("READY=1")


def test_a_probe_that_hangs_holds_up_neither_the_reader_nor_other_boards() -> None:
    clock, asked, go_on = SetClock(), threading.Event(), threading.Event()

    def hangs() -> Readings:
        asked.set()
        assert go_on.wait(30)
        return Readings(signal_percent=50)

    slow, quick = Board({"signal": hangs}, clock), Board({"uptime": lambda: Readings(uptime_s=7)}, clock)
    slow.start()
    assert asked.wait(10)
    quick.ask_all()
    assert slow.readings() == Readings(unreadable=("signal",))
    assert quick.readings() == Readings(uptime_s=7)
    slow.stop()
    go_on.set()


def a_report(tmp_path: Path, last_error: LastError, *boards: Board) -> SelfReport:
    standing = Standing(
        pid=os.getpid(), gateway_id="31672-001", agent_version="0", started_at=NOON, written_at=NOON
    )
    watchdog = Watchdog(Notifier(None), None, SetClock())
    return SelfReport(watchdog, StandingFile(tmp_path, standing), boards, last_error)


def test_health_has_what_the_probes_found_and_the_newest_error(tmp_path: Path) -> None:
    clock = SetClock()
    last_error = LastError(clock)
    board = Board({"uptime": lambda: Readings(uptime_s=7), "load": Readings}, clock)
    board.ask_all()
    report = a_report(tmp_path, last_error, board)
    health = Health(at=NOON, boot=an_id(), underruns=2)
    told = report.completed(health, clips_damaged=1, fetch_error=None)
    assert (told.uptime_s, told.underruns, told.clips_damaged, told.last_error) == (7, 2, 1, None)
    last_error(None, "info", {"event": "amplifier_switched"})
    last_error(None, "error", {"event": "sound_device_lost", "reason": "unplugged"})
    told = report.completed(health, clips_damaged=0, fetch_error=None)
    assert (told.last_error, told.last_error_at) == ("sound_device_lost: unplugged", NOON)
    told = report.completed(health, clips_damaged=0, fetch_error="clip 12: broke off")
    assert (told.last_error, told.last_error_at) == ("clip 12: broke off", None)
    told = report.completed(
        structs.replace(health, last_error="disk full " * 50), clips_damaged=0, fetch_error=None
    )
    assert told.last_error is not None
    assert len(told.last_error) == 300
    shown = read_standing((tmp_path,))
    assert shown is not None
    assert shown.health == told
    report.close()
    assert read_standing((tmp_path,)) is None


@pytest.mark.parametrize(("environment", "first"), [({"JOURNAL_STREAM": "8:1234"}, "<3>[error"), ({}, "20")])
def test_the_journal_is_told_priorities_and_a_terminal_the_time(
    environment: dict[str, str], first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = structlog.get_config()
    last_error = configure(environment, SetClock())
    try:
        structlog.get_logger("test").error("sound_device_lost", reason="unplugged")
        structlog.get_logger("test").info("connected")
    finally:
        structlog.configure(**before)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(first)
    assert "unplugged" in lines[0]
    assert "\x1b" not in lines[0], "no colours where nobody sees them"
    assert last_error.newest == ("sound_device_lost: unplugged", NOON)
