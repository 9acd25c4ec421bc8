"""``loacast-agent test-tone``: soft, short, asked for, and not at night."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from support.clocks import NOON, SetClock
from support.signing import an_id, an_item
from support.simulated import SimulatedGateway

from device_agent.clock import Clock
from device_agent.commands.tone import LEVEL_DB, notes, play_tone, why_not
from device_agent.journal import JOURNAL_FILE, SqliteJournal
from device_agent.sinks.contract import RATE
from wire.messages import Config, DailySpan

MIDNIGHT = NOON + timedelta(hours=12)


def a_config(*quiet: tuple[int, int]) -> Config:
    spans = tuple(DailySpan(from_minute=start * 60, to_minute=end * 60) for start, end in quiet)
    return Config(
        id=an_id(), aud="31672-001", epoch=1, seq=1, iat=NOON, nbf=NOON, exp=NOON, order_id=an_id(),
        version=1, quiet=spans,
    )  # fmt: skip


def test_the_notes_are_soft_short_and_begin_and_end_in_silence() -> None:
    samples = notes()
    assert len(samples) < 1.5 * RATE
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(LEVEL_DB, abs=0.2)
    assert samples[0] == pytest.approx(0, abs=1e-6)
    assert abs(samples[-1]) < 1e-4
    assert np.abs(np.diff(samples)).max() < 0.01


@pytest.mark.parametrize(
    ("now", "config", "why"),
    [
        (NOON, None, None),
        (MIDNIGHT, None, "quiet"),
        (MIDNIGHT, a_config(), None),
        (NOON, a_config((11, 14)), "quiet"),
        (MIDNIGHT, a_config((22, 4)), "quiet"),
        (NOON, a_config((22, 4)), None),
        (NOON, a_config((3, 3)), "quiet"),
    ],
)
def test_the_signed_quiet_hours_are_kept_and_those_of_the_night_without_any(
    now: datetime, config: Config | None, why: str | None
) -> None:
    refused = why_not(now, config, None, {})
    assert (None if refused is None else refused[0]) == why


def test_nothing_is_disturbed_that_sounds_or_soon_will() -> None:
    assert why_not(NOON, None, "b-1", {}) == ("playing", {"broadcast": "b-1"})
    assert why_not(NOON, None, None, {"b-2": NOON + timedelta(seconds=50)}) == ("soon", {"broadcast": "b-2"})
    assert why_not(NOON, None, None, {"b-2": NOON + timedelta(seconds=70)}) is None


class AtMidnight(Clock):
    """A real clock in everything but the time of day."""

    def now(self) -> datetime:
        return MIDNIGHT


def test_it_is_refused_at_night_unless_forced_and_said_before_it_sounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = f"file:{tmp_path / 'sound'}"
    assert play_tone(tmp_path, sink, language="vi", sure=True, clock=AtMidnight()) == 1
    assert "giờ yên tĩnh" in capsys.readouterr().err
    assert not (tmp_path / "sound").exists()
    assert play_tone(tmp_path, sink, language="en", sure=True, force=True, clock=AtMidnight()) == 0
    assert "about to sound: 1.2 s, peak -30 dBFS" in capsys.readouterr().out
    assert (tmp_path / "sound/sound.pcm").stat().st_size > RATE


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("c", 0), ("n", 1), ("", 1), (None, 1)])
def test_it_asks_and_takes_no_answer_for_no(tmp_path: Path, answer: str | None, code: int) -> None:
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer or ""

    sink = f"file:{tmp_path / 'sound'}"
    ended = play_tone(
        tmp_path, sink, language="en", force=True, ask=None if answer is None else ask, clock=SetClock()
    )
    assert ended == code
    assert (tmp_path / "sound").exists() is (code == 0)
    assert len(asked) == (0 if answer is None else 1)


def test_what_the_journal_holds_for_this_minute_is_not_disturbed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = SqliteJournal.create_or_open(tmp_path / JOURNAL_FILE, an_id)
    gateway = SimulatedGateway(journal)
    item = an_item(NOON + timedelta(seconds=30))
    gateway.hear(gateway.pen.plan(NOON, item), "plan")
    journal.close()
    assert play_tone(tmp_path, "file:x", language="en", sure=True, clock=SetClock()) == 1
    assert item.broadcast_id in capsys.readouterr().err


def test_without_a_device_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert play_tone(tmp_path, "loudspeaker", language="en", sure=True, clock=SetClock()) == 1
    assert "device:NAME" in capsys.readouterr().err
