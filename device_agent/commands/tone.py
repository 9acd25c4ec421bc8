"""``test-tone``: three soft notes through the gateway's loudspeaker, for whoever stands under it.

A horn at a pole is heard by hundreds of people. So it is quiet and short, it is said beforehand, and it is
refused at night and while something sounds.
"""

import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from device_agent.clock import Clock
from device_agent.commands.unit import RUNTIME_DIR
from device_agent.commands.words import say
from device_agent.journal import JOURNAL_FILE, JournalError, SqliteJournal
from device_agent.sinks.choice import UnknownSink, sink_opener
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, Sink, SinkError
from device_agent.standing import read_standing
from wire.messages import Config, DailySpan

LEVEL_DB = -30.0
"""Peak, of full scale: what is spoken peaks some 25 dB above this."""

NOTES_HZ = (523.25, 659.25, 783.99)
NOTE_MS = 400
FADE_MS = 40
SOON = timedelta(seconds=60)
NIGHT = (DailySpan(from_minute=21 * 60, to_minute=5 * 60),)
"""Quiet hours of a gateway that has no configuration yet: those of a new controller."""

ZONE = "Asia/Ho_Chi_Minh"

_WORDS = {
    "about": (
        "Sắp phát ba nốt nhỏ, {seconds:.1f} giây, mức đỉnh {level:.0f} dBFS, qua {sink}.",
        "Three soft notes are about to sound: {seconds:.1f} s, peak {level:.0f} dBFS, through {sink}.",
    ),
    "ask": ("Phát bây giờ? [c/K] ", "Now? [y/N] "),
    "not_asked": (
        "Không có ai để hỏi: thêm --yes nếu muốn phát ngay.",
        "There is nobody to ask: give --yes to play it at once.",
    ),
    "left": ("Không phát.", "Nothing was played."),
    "done": ("Đã phát. Có nghe thấy không?", "Played. Was it heard?"),
    "quiet": (
        "Đang là giờ yên tĩnh; --force nếu thật sự cần.",
        "These are quiet hours; --force if it has to be.",
    ),
    "playing": (
        "Đang phát {broadcast}; chờ xong, hoặc --force.",
        "{broadcast} is playing; wait for its end, or --force.",
    ),
    "soon": (
        "Sắp đến giờ phát {broadcast}; chờ xong, hoặc --force.",
        "{broadcast} is about to play; wait for its end, or --force.",
    ),
    "no_device": (
        "Không mở được loa: {reason}. Nếu chương trình đang giữ nó: sudo systemctl stop loacast-agent",
        "No sound device: {reason}. If the agent holds it: sudo systemctl stop loacast-agent",
    ),
}


def why_not(
    now: datetime, config: Config | None, playing: str | None, due: Mapping[str, datetime]
) -> tuple[str, dict[str, str]] | None:
    """Return why it would disturb, a key of the words and its facts; None if it would not.

    Args:
        now: The wall clock.
        config: The gateway's signed configuration; None if it has none.
        playing: The broadcast that sounds.
        due: When each broadcast that is held is due.
    """
    if playing is not None:
        return "playing", {"broadcast": playing}
    coming = [name for name, at in due.items() if now - SOON < at < now + SOON]
    if coming:
        return "soon", {"broadcast": coming[0]}
    quiet = NIGHT if config is None else config.quiet
    local = now.astimezone(ZoneInfo(ZONE if config is None else config.zone))
    if any(_holds(span, local.hour * 60 + local.minute) for span in quiet):
        return "quiet", {}
    return None


def notes() -> NDArray[np.float32]:
    """Return the samples, 48 kHz: each note swells and fades, so that nothing clicks."""
    frames, fade = NOTE_MS * RATE // 1000, FADE_MS * RATE // 1000
    envelope = np.ones(frames)
    envelope[:fade] = np.sin(np.linspace(0, np.pi / 2, fade)) ** 2
    envelope[-fade:] = envelope[:fade][::-1]
    t = np.arange(frames) / RATE
    sung = [envelope * np.sin(2 * np.pi * hz * t) for hz in NOTES_HZ]
    return (10 ** (LEVEL_DB / 20) * np.concatenate(sung)).astype(np.float32)


def play_tone(
    state_dir: Path,
    sink: str,
    *,
    language: str,
    sure: bool = False,
    force: bool = False,
    ask: Callable[[str], str] | None = None,
    clock: Clock | None = None,
) -> int:
    """Say what will sound, ask, and play it; return 0 if it was played.

    Args:
        state_dir: Of the gateway: its configuration and plan say when not to.
        sink: Where it sounds.
        language: ``vi`` or ``en``.
        sure: Do not ask.
        force: Play it whatever it disturbs.
        ask: Puts a question to a person; None if nobody is there.
        clock: The machine's clocks; None is the real ones.
    """
    clock = clock or Clock()
    refused = None if force else why_not(clock.now(), *_circumstances(state_dir))
    if refused is not None:
        return _leave(refused[0], language, **refused[1])
    samples = notes()
    about = {"seconds": len(samples) / RATE, "level": LEVEL_DB, "sink": sink}
    sys.stdout.write(say(_WORDS["about"], language, **about) + "\n")
    if not sure:
        if ask is None:
            return _leave("not_asked", language)
        if ask(say(_WORDS["ask"], language)).strip().lower() not in {"y", "yes", "c", "có", "co"}:
            return _leave("left", language)
    try:
        _play(samples, sink_opener(sink, clock))
    except (SinkError, UnknownSink) as error:
        return _leave("no_device", language, reason=str(error))
    sys.stdout.write(say(_WORDS["done"], language) + "\n")
    return 0


def _circumstances(state_dir: Path) -> tuple[Config | None, str | None, dict[str, datetime]]:
    """Return configuration, what sounds, and when what is held is due, as far as this box can tell."""
    standing = read_standing((RUNTIME_DIR, state_dir))
    playing = None if standing is None or standing.state is None else standing.state.playing
    try:
        journal = SqliteJournal.open_to_read(state_dir / JOURNAL_FILE)
    except JournalError:  # a box without a journal has nothing planned, and keeps the night quiet
        return None, playing, {}
    try:
        held = journal.load()
    finally:
        journal.close()
    return held.config, playing, {name: entry.due_at for name, entry in held.entries.items()}


def _play(samples: NDArray[np.float32], open_sink: Callable[[], Sink]) -> None:
    sink = open_sink()
    try:
        for start in range(0, len(samples), BLOCK_FRAMES):
            sink.write(samples[start : start + BLOCK_FRAMES])
    finally:
        sink.close()


def _holds(span: DailySpan, minute: int) -> bool:
    if span.from_minute < span.to_minute:
        return span.from_minute <= minute < span.to_minute
    return minute >= span.from_minute or minute < span.to_minute


def _leave(key: str, language: str, **facts: str) -> int:
    sys.stderr.write(say(_WORDS[key], language, **facts) + "\n")
    return 1
