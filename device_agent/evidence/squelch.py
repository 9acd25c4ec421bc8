"""Sound while nothing is played: the floor of an idle probe, and when what is above it is an alarm. Pure.

One level a second, only of seconds in which the player was silent. The floor follows the place slowly, so
that rain, traffic and the hum of an amplifier become part of it, and it stands still while there is an
alarm: a loudspeaker that whistles all evening never becomes normal.
"""

from dataclasses import dataclass, replace

LEARN_S = 20
"""Levels from which the first floor is taken; until then nothing is an alarm."""

MARGIN_DB = 20.0
QUIETEST_DB = -60.0
"""Below this nothing is an alarm, however silent the floor: nobody hears it."""

RAISE_S = 5
"""So many loud seconds more than quiet ones raise the alarm: a word has pauses, a motorcycle passes."""

END_S = 6
"""So many quiet seconds on end are the end of it."""

_FALL = 0.2
_RISE_DB = 1 / 60


@dataclass(frozen=True, slots=True)
class Squelch:
    """What is known of an idle probe. Replaced, never changed."""

    floor_db: float | None = None
    """Level of the place when nothing is played; None while it is being learnt."""
    learning: tuple[float, ...] = ()
    loud_s: int = 0
    quiet_s: int = 0
    alarmed: bool = False

    @property
    def threshold_db(self) -> float | None:
        """Louder than this is not the place itself; None while that is not known."""
        return None if self.floor_db is None else max(self.floor_db + MARGIN_DB, QUIETEST_DB)


def idle_second(squelch: Squelch, level_db: float) -> Squelch:
    """Take in the level of one second in which nothing was played."""
    if squelch.floor_db is None or squelch.threshold_db is None:
        learning = (*squelch.learning, level_db)
        if len(learning) < LEARN_S:
            return replace(squelch, learning=learning)
        return replace(squelch, floor_db=sorted(learning)[LEARN_S // 2], learning=())
    if level_db > squelch.threshold_db:
        loud_s = min(squelch.loud_s + 1, RAISE_S)
        return replace(squelch, loud_s=loud_s, quiet_s=0, alarmed=squelch.alarmed or loud_s == RAISE_S)
    quiet_s = min(squelch.quiet_s + 1, END_S)
    alarmed = squelch.alarmed and quiet_s < END_S
    floor_db = squelch.floor_db if alarmed else _towards(squelch.floor_db, level_db)
    return replace(
        squelch, floor_db=floor_db, loud_s=max(squelch.loud_s - 1, 0), quiet_s=quiet_s, alarmed=alarmed
    )


def _towards(floor_db: float, level_db: float) -> float:
    """Return the floor a second later: down quickly, for the quietest is the place; up a decibel a minute."""
    if level_db < floor_db:
        return floor_db + _FALL * (level_db - floor_db)
    return min(floor_db + _RISE_DB, level_db)
