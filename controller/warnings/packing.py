"""Preparing what the built-in pack holds for an area that does not have it yet."""

from collections.abc import Callable, Sequence

from sqlmodel import Session

from audio.sirens import write as write_siren
from audio.timeline import PrepareSpec
from controller.audit.service import record
from controller.bulletins.models import Source
from controller.bulletins.service import NewBulletin
from controller.clips.preparation import Preparation, Preparations
from controller.db import writing
from controller.warnings.keeping import VOICE, Keeper, prepared_warnings, wait
from controller.warnings.pack import PackedWarning, issuer_of
from wire.types import Priority

Told = Callable[[int, int], None]
"""Told how many of how many warnings are done."""


def keep_packed(keeper: Keeper, wanted: Sequence[PackedWarning], told: Told) -> int:
    """Prepare those warnings of the pack that an area does not have yet.

    One that an older version prepared under its title alone is given its key instead of a double.

    Args:
        keeper: Of the area.
        wanted: From the pack.
        told: Told of progress.

    Returns:
        How many were missing.

    Raises:
        WarningRefused: There is no voice.
    """
    _adopt(keeper, wanted)
    with Session(keeper.engine) as session:
        there = {each.warning_key for each in prepared_warnings(session, keeper.area.path, below=False)}
    missing = [each for each in wanted if each.key not in there]
    issuer = issuer_of(keeper.area.kind, keeper.area.name)
    with keeper.preparing() as preparations:
        begun = [(each, _begin(keeper, preparations, each, issuer)) for each in missing]
        for done, (each, preparation) in enumerate(begun):
            told(done, len(missing))
            keeper.keep(
                NewBulletin(
                    each.title,
                    wait(preparations, preparation),
                    Source.SPEECH if each.text else Source.UPLOAD,
                    each.spoken(issuer),
                    priority=Priority.EMERGENCY,
                    warning_key=each.key,
                    hazard=each.hazard,
                    level=each.level,
                )
            )
    told(len(missing), len(missing))
    return len(missing)


def _begin(keeper: Keeper, preparations: Preparations, each: PackedWarning, issuer: str) -> Preparation:
    if each.signal is None:
        spec = PrepareSpec(repeats=each.times)
        return preparations.from_text(each.spoken(issuer), VOICE, 1.0, spec, None)
    made = keeper.scratch / f"{each.key}.wav"
    write_siren(each.signal, made)
    return preparations.from_upload(made, PrepareSpec(), None)


def _adopt(keeper: Keeper, wanted: Sequence[PackedWarning]) -> None:
    """Give their keys to warnings that were prepared before there were keys."""
    by_title = {title: each for each in wanted for title in (each.title, each.formerly) if title}
    with Session(keeper.engine) as session, session.begin():
        writing(session)
        for bulletin in prepared_warnings(session, keeper.area.path, below=False):
            packed = by_title.get(bulletin.title)
            if packed is None or bulletin.warning_key is not None or bulletin.language != "vi":
                continue
            bulletin.warning_key, bulletin.hazard, bulletin.level = packed.key, packed.hazard, packed.level
            record(
                session,
                keeper.clock.now(),
                "name_warning",
                subject=bulletin.id,
                area_id=bulletin.area_id,
                detail={"title": bulletin.title, "key": packed.key},
            )
