"""Prepared warnings by their key: which sounds a commune has, in the order in which they are said."""

from dataclasses import dataclass

from sqlmodel import Session, col, select

from controller.areas.models import Area
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


def sounds_of(session: Session, area_path: str, key: str) -> PreparedSound:
    """Return a prepared warning as an area has it: its own, else that of the nearest area above it.

    Args:
        session: Only read from.
        area_path: Path of the area whose gateways are to say it.
        key: Of the warning.

    Raises:
        NothingPrepared: Neither the area nor one above it has it.
    """
    rows = session.exec(
        select(Bulletin, Clip, Area.path)
        .join(Clip, col(Clip.sha256) == col(Bulletin.clip_sha256))
        .join(Area, col(Area.id) == col(Bulletin.area_id))
        .where(col(Bulletin.prepared), Bulletin.warning_key == key)
        .order_by(col(Bulletin.id))
    ).all()
    owners = [path for _, _, path in rows if area_path.startswith(path)]
    if not owners:
        raise NothingPrepared(key=key)
    nearest = max(owners, key=len)
    by_language = {bulletin.language: (bulletin, clip) for bulletin, clip, path in rows if path == nearest}
    chosen = [by_language[language] for language in sorted(by_language, key=_place)]
    return PreparedSound(
        key, tuple(bulletin for bulletin, _ in chosen), tuple(clip_ref(clip) for _, clip in chosen)
    )


def clip_ref(clip: Clip) -> ClipRef:
    """Return a clip as gateways know it."""
    return ClipRef(sha256=clip.sha256, size_bytes=clip.size_bytes, duration_ms=clip.duration_ms)


def _place(language: str) -> tuple[int, str]:
    first = LANGUAGES_FIRST
    return (first.index(language) if language in first else len(first), language)
