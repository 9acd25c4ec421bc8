"""The small parts: the command line, identifiers, the clock's trust, reports on their way."""

import random
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from support.signing import NOON, an_id, an_item
from support.simulated import SimulatedGateway

from device_agent.__main__ import main
from device_agent.clock import Clock
from device_agent.clock_trust import ClockTrust
from device_agent.commands.options import settings_of_this_box
from device_agent.ids import new_id
from device_agent.journal import Changes, MemoryJournal, SqliteJournal
from device_agent.outbox import PER_MESSAGE, PER_ROUND, ReportOutbox
from device_agent.sinks.choice import UnknownSink, sink_opener
from device_agent.status import describe
from wire.messages import MAX_BYTES, Report, encode
from wire.types import Event


def test_identifiers_sort_by_time_and_are_version_7() -> None:
    rng = random.Random(1)
    made = [new_id(NOON + timedelta(milliseconds=ms), rng) for ms in range(50)]
    assert made == sorted(made)
    assert {(one[14], one[19] in "89ab") for one in made} == {("7", True)}


def test_a_clock_is_trusted_within_thirty_seconds_of_the_controllers() -> None:
    assert ClockTrust().heard(NOON + timedelta(seconds=30), NOON).at(NOON).trusted
    far = ClockTrust().heard(NOON + timedelta(seconds=31), NOON).at(NOON)
    assert (far.trusted, far.true_now) == (False, NOON + timedelta(seconds=31))


def test_an_unconfirmed_clock_never_raises_what_is_known_of_time() -> None:
    year = timedelta(days=365)
    assert ClockTrust(floor_at=NOON).raised(NOON + year).floor_at == NOON
    heard = ClockTrust(floor_at=NOON).heard(NOON + year, NOON + year)
    assert heard.raised(NOON + 2 * year).floor_at == NOON + 2 * year


def test_a_set_clock_changes_the_measured_offset_by_as_much() -> None:
    trust = ClockTrust().heard(NOON + timedelta(minutes=10), NOON).stepped(600_000)
    assert trust.offset_ms == 0
    assert ClockTrust().stepped(5) == ClockTrust()


@pytest.mark.parametrize("text", ["", "file:", "horn", "file"])
def test_a_sink_that_does_not_exist_is_refused_with_those_that_do(text: str) -> None:
    with pytest.raises(UnknownSink, match="file:DIR"):
        sink_opener(text, Clock())


@pytest.mark.parametrize("command", ["run", "status", "fleet"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "--state-dir" in capsys.readouterr().out


def test_without_a_credential_it_ends_with_a_reason(tmp_path: Path) -> None:
    wanted = ["--state-dir", str(tmp_path), "--sink", "file:x"]
    assert main(["run", "--credential", str(tmp_path / "none"), *wanted]) == 1
    assert main(["fleet", "--credentials", str(tmp_path), "--state-dir", str(tmp_path)]) == 1


def test_what_is_not_given_comes_from_the_environment_or_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status"], {"LOACAST_AGENT_STATE_DIR": str(tmp_path)}) == 1
    assert str(tmp_path) in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["status"], {})
    assert "--state-dir" in capsys.readouterr().err


def test_what_install_wrote_is_read_without_its_remarks(tmp_path: Path) -> None:
    (tmp_path / "agent.env").write_text("# as installed\nLOACAST_AGENT_SINK=device:horn\n\n")
    assert settings_of_this_box(tmp_path / "agent.env") == {"LOACAST_AGENT_SINK": "device:horn"}
    assert settings_of_this_box(tmp_path / "none") == {}


def test_status_tells_plan_next_items_and_waiting_reports(tmp_path: Path) -> None:
    journal = SqliteJournal.create_or_open(tmp_path / "journal.sqlite3", an_id)
    assert "plan      none yet" in list(describe(journal, UTC))
    gateway = SimulatedGateway(journal)
    item = an_item(NOON + timedelta(hours=1), priority="priority")
    gateway.hear(gateway.pen.plan(NOON, item), "plan")
    lines = list(describe(journal, UTC))
    journal.close()
    assert "plan      version 1, epoch 1" in lines
    assert any(item.broadcast_id in line and "2026-11-24 06:00:00+00:00" in line for line in lines)
    assert "reports   1 waiting for a receipt" in lines


def full_outbox(count: int, detail: str = "") -> tuple[MemoryJournal, ReportOutbox]:
    journal = MemoryJournal(an_id())
    report = Report(n=0, at=NOON, event=Event.READY, broadcast_ids=(an_id(),), detail=detail)
    journal.commit(Changes(reports=(report,) * count))
    return journal, ReportOutbox(journal, an_id(), an_id(), random.Random(1))


def numbers(effects: object) -> list[list[int]]:
    return [[report.n for report in effect.reports.reports] for effect in effects]  # type: ignore[attr-defined]


def test_a_long_silence_comes_out_in_rounds_each_waiting_for_a_receipt() -> None:
    journal, outbox = full_outbox(1_200)
    sent = numbers(outbox.connected(NOON))
    assert [len(chunk) for chunk in sent] == [PER_MESSAGE] * (PER_ROUND // PER_MESSAGE)
    journal.commit(Changes(receipted_up_to=500))
    sent = numbers(outbox.receipted(500, NOON))
    assert (sent[0][0], sent[-1][-1]) == (501, 1_000)
    assert outbox.connected(NOON)[0].reports.oldest == 501


def test_reports_are_said_again_until_receipted_ever_less_often() -> None:
    journal, outbox = full_outbox(3)
    outbox.connected(NOON)
    now, waits = NOON, []
    for _ in range(6):
        assert outbox.resend_at is not None
        assert outbox.on_time(outbox.resend_at - timedelta(milliseconds=1)) == ()
        waits.append((outbox.resend_at - now).total_seconds())
        now = outbox.resend_at
        assert numbers(outbox.on_time(now)) == [[1, 2, 3]]
    assert 10 <= waits[0] <= 12
    assert 60 <= waits[-1] <= 72
    journal.commit(Changes(receipted_up_to=3))
    assert outbox.receipted(3, now) == ()
    assert outbox.resend_at is None


def test_a_message_of_reports_fits_on_the_wire_whatever_they_hold() -> None:
    _, outbox = full_outbox(500, detail="\x01" * 500)
    sent = outbox.connected(NOON)
    assert sum(len(effect.reports.reports) for effect in sent) == 500
    assert all(len(encode(effect.reports)) <= MAX_BYTES for effect in sent)


def test_a_new_report_waits_behind_older_ones_that_were_not_sent() -> None:
    journal, outbox = full_outbox(600)
    outbox.connected(NOON)
    (late,) = journal.commit(Changes(reports=(Report(n=0, at=NOON, event=Event.READY),)))
    assert outbox.appended((late,), NOON) == ()


def test_nothing_is_sent_without_a_connection() -> None:
    _, outbox = full_outbox(2)
    assert outbox.again(NOON) == ()
    outbox.connected(NOON)
    outbox.lost()
    assert (outbox.again(NOON), outbox.resend_at) == ((), None)
