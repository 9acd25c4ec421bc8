"""A schedule's recurrence as a row and as a value of `schedules`."""

from typing import Any

from controller.errors import NothingToPlay, RuleRefused
from schedules.errors import Refusal, UnsupportedRule
from schedules.rules import Recurrence, parse


def load(stored: dict[str, Any]) -> Recurrence:
    """Read a recurrence: the keyword arguments of `schedules.rules.parse`, as JSON.

    Raises:
        NothingToPlay: It would never be played.
        RuleRefused: It is not one that we support; `params` hold the stable reason.
    """
    try:
        return parse(**stored)
    except UnsupportedRule as refused:
        if refused.code is Refusal.NO_OCCURRENCE:
            raise NothingToPlay(field="rrule") from refused
        raise RuleRefused(refused.code.value, detail=refused.reason) from refused
