"""Prepared warnings by their key: which sounds an area has, in the order in which they are said."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.areas.service import paths_above
from controller.bulletins.models import Bulletin
from controller.clips.models import Clip
from controller.errors import NothingPrepared
from wire.messages import ClipRef

LANGUAGES_FIRST = ("vi", "km")
"""Vietnamese, then Khmer, then what else there is by its tag."""


@dataclass(frozen=True, slots=True)
class PreparedSound:
    """One prepared warning, in all its languages."""

    key: str
    bulletins: tuple[Bulletin, ...]
    """One for each language, in the order in which they are said."""
    clips: tuple[ClipRef, ...]

    @property
    def main(self) -> Bulletin:
        """The one whose title and text stand for all."""
        return self.bulletins[0]

    @property
    def languages(self) -> tuple[str, ...]:
        """BCP 47 tags, in the order in which it is said."""
        return tuple(bulletin.language for bulletin in self.bulletins)

    def others(self, language: str) -> tuple[ClipRef, ...]:
        """Return what is said in all languages but one."""
        said = zip(self.bulletins, self.clips, strict=True)
        return tuple(clip for bulletin, clip in said if bulletin.language != language)

    @property
    def duration_ms(self) -> int:
        """All languages, one after the other."""
        return sum(clip.duration_ms for clip in self.clips)


def key_of(bulletin: Bulletin) -> str:
    """Return what names a prepared warning; one that was given no key goes by its id."""
    return bulletin.warning_key or bulletin.id


def sounds_of(session: Session, area_path: str, key: str) -> PreparedSound:
    """Return a prepared warning as an area has it.

    Each language is the area's own, else that of the nearest area above: a commune that has added a reading
    in Khmer still says the Vietnamese that its province prepared. All of it lies on every gateway of the
    area: gateways keep what is prepared for the areas above them, not what is prepared beside or below.

    Args:
        session: Only read from.
        area_path: Path of the area whose gateways are to say it.
        key: Of the warning; of one without a key the id of its bulletin.

    Raises:
        NothingPrepared: Neither the area nor one above it has it.
    """
    its_rows = (col(Bulletin.warning_key) == key) | (col(Bulletin.id) == key)
    found = [each for each in _sounds(session, area_path, its_rows) if each.key == key]
    if not found:
        raise NothingPrepared(key=key)
    return found[0]


def clips_if_prepared(session: Session, area_path: str, key: str) -> tuple[ClipRef, ...]:
    """Return what an area says for a key, as `sounds_of` does; nothing if it is not prepared."""
    try:
        return sounds_of(session, area_path, key).clips
    except NothingPrepared:
        return ()


def all_sounds(session: Session, area_path: str) -> list[PreparedSound]:
    """Return all that is prepared for an area, as `sounds_of` does, by hazard, level and title."""
    return _sounds(session, area_path, sa.true())


def _sounds(session: Session, area_path: str, which: sa.ColumnElement[bool]) -> list[PreparedSound]:
    rows = session.exec(
        select(Bulletin, Clip, Area.path)
        .join(Clip, col(Clip.sha256) == col(Bulletin.clip_sha256))
        .join(Area, col(Area.id) == col(Bulletin.area_id))
        .where(col(Bulletin.prepared), which, col(Area.path).in_(paths_above(area_path)))
        .order_by(col(Bulletin.id))
    ).all()
    # Farthest first and oldest first: what comes later takes the place of what came before.
    rows = sorted(rows, key=lambda row: len(row[2]))
    by_key: dict[str, dict[str, tuple[Bulletin, Clip]]] = {}
    for bulletin, clip, _ in rows:
        by_key.setdefault(key_of(bulletin), {})[bulletin.language] = (bulletin, clip)
    return sorted((_sound(key, each.values()) for key, each in by_key.items()), key=_by_hazard)


def clip_ref(clip: Clip) -> ClipRef:
    """Return a clip as gateways know it."""
    return ClipRef(sha256=clip.sha256, size_bytes=clip.size_bytes, duration_ms=clip.duration_ms)


def _sound(key: str, said: Iterable[tuple[Bulletin, Clip]]) -> PreparedSound:
    chosen = sorted(said, key=lambda each: _place(each[0].language))
    return PreparedSound(
        key, tuple(bulletin for bulletin, _ in chosen), tuple(clip_ref(clip) for _, clip in chosen)
    )


def _place(language: str) -> tuple[int, str]:
    first = LANGUAGES_FIRST
    return (first.index(language) if language in first else len(first), language)


def _by_hazard(sound: PreparedSound) -> tuple[bool, str, int, str]:
    """Sort the hazards together, what has none behind them."""
    main = sound.main
    return (main.hazard is None, main.hazard or "", main.level or 0, main.title)
