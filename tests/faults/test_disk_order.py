"""F10: bytes are synced before they get a name, and what is told has been synced before it is told."""

from pathlib import Path

import pytest
from support.broker import Broker
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.refusing_disk import missing
from support.signing import GATEWAY, a_credential, an_id, an_item
from support.system_calls import Call, watched

from device_agent.journal import JOURNAL_FILE
from device_agent.journal.database import open_to_write
from device_agent.standing import STANDING_FILE
from wire.credential import read_credential, write_credential
from wire.types import Event

MISSING = missing("strace")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MISSING is not None, reason=f"the order of system calls: {MISSING}"),
]


def test_the_agent_syncs_before_it_renames_and_before_it_speaks(tmp_path: Path) -> None:
    broker, media = Broker(tmp_path / "broker").start(), MediaServer()
    pole = Pole(tmp_path / "pole", GATEWAY, broker, media.url)
    media.passwords[GATEWAY] = pole.secret
    far_end = FarEnd(broker.controller_address())
    state = pole.directory / "state"
    try:
        pole.start()
        far_end.wait_online(GATEWAY)
        assert pole.process is not None
        with watched(pole.process.pid, tmp_path / "calls") as calls:
            clip = media.add(opus(warble(300)), 300)
            item = an_item(now(), clips=(clip,))
            far_end.send(far_end.pen(GATEWAY).plan(now(), item), "plan")
            far_end.send(far_end.pen(GATEWAY).volume(now(), 50))
            far_end.wait_for_events(GATEWAY, item.broadcast_id, Event.PLAYED)
            far_end.wait(lambda: far_end.said(GATEWAY, Event.RECEIVED))
    finally:
        pole.stop()
        far_end.stop()
        media.stop()
        broker.stop()
    renamed = [call for call in calls if call.renames and lasts(Path(call.paths[-1]), state)]
    assert str(state / "clips" / clip.sha256) in {call.paths[-1] for call in renamed}
    for rename in renamed:
        assert_synced_before_and_after(calls, rename)
    names = {call.paths[-1] for call in renamed} | {call.paths[0] for call in renamed}
    made = {call.paths[0] for call in calls if call.makes_file and lasts(Path(call.paths[0]), state)}
    assert {path for path in made - names if not Path(path).name.startswith(JOURNAL_FILE)} == set()
    assert_told_only_what_is_synced(calls, str(state / f"{JOURNAL_FILE}-wal"))


def lasts(path: Path, state: Path) -> bool:
    """Whether a file is to outlive the run; what the agent shows of itself right now is not."""
    return path.is_relative_to(state) and path.stem != Path(STANDING_FILE).stem


def assert_synced_before_and_after(calls: list[Call], rename: Call) -> None:
    source, target = rename.paths
    place = calls.index(rename)
    last_write = max(i for i, call in enumerate(calls[:place]) if call.writes and call.paths == (source,))
    assert any(call.syncs and call.paths == (source,) for call in calls[last_write:place]), rename
    own = [call for call in calls[place + 1 :] if call.thread == rename.thread]
    # To sync a directory it has to be opened; nothing else comes in between.
    after = next(call for call in own if call.name != "openat")
    assert (after.name, after.paths) == ("fsync", (str(Path(target).parent),)), rename


def assert_told_only_what_is_synced(calls: list[Call], log: str) -> None:
    """The thread that writes the journal hands nothing to the network before the log was synced."""
    (thread,) = {call.thread for call in calls if call.writes and call.paths == (log,)}
    unsynced, synced, told = False, 0, 0
    for call in calls:
        if call.thread != thread:
            continue
        if call.writes and call.paths == (log,):
            unsynced = True
        elif call.syncs and call.paths == (log,):
            unsynced, synced = False, synced + 1
        elif call.sends:
            assert not unsynced, call
            told += 1
    assert min(synced, told) >= 4


def test_the_journal_of_an_agent_syncs_every_commit(tmp_path: Path) -> None:
    db = open_to_write(tmp_path / JOURNAL_FILE, an_id)
    kept = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    db.close()
    full = 2
    assert kept == {"journal_mode": "wal", "synchronous": full}


def test_a_credential_is_replaced_whole_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "credential.json"
    write_credential(a_credential(), path)
    path.chmod(0o644)
    write_credential(a_credential(secret="t" * 43), path)
    assert read_credential(path).secret == "t" * 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
