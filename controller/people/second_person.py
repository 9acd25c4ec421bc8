"""Who warns more than one commune is not alone: two people, or one who says why there are no two.

Hawaii, 13 January 2018: one person's false alarm reached a whole state, and nobody else had to agree (FCC,
Public Safety and Homeland Security Bureau, report of April 2018). A flood at night must not wait for a second
person either, so a reason does, and everyone above sees it.
"""

from controller.areas.models import Area, AreaKind
from controller.errors import SecondPersonNeeded
from wire.types import Mode

WIDE = frozenset({AreaKind.PROVINCE, AreaKind.DISTRICT})
"""An audience whose smallest common area is one of these spans communes."""

SHORTEST_REASON = 8
"""Characters. "x" is no reason."""


def takes_two(area: Area, mode: Mode) -> bool:
    """Whether this is for two people: a real one that spans communes."""
    return mode is Mode.ACTUAL and area.kind in WIDE


def require_second_person(area: Area, mode: Mode, alone_because: str = "") -> None:
    """Check that one person may order this alone.

    Args:
        area: The smallest that holds the audience.
        mode: A test or a drill says in the sound itself what it is, and is ordered by one.
        alone_because: Why nobody else is asked, if someone said so.

    Raises:
        SecondPersonNeeded: A real one spans communes, and there is no reason.
    """
    if takes_two(area, mode) and len(alone_because.strip()) < SHORTEST_REASON:
        raise SecondPersonNeeded(field="alone_because")
