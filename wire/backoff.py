"""How long to wait before the next try to connect. Pure: the dice are thrown by the caller."""

FIRST_S = 1.0
LONGEST_S = 30.0
LONGEST_LOCAL_S = 5.0


def wait_s(failures: int, dice: float, *, local: bool = False) -> float:
    """Return seconds to wait after so many tries in a row that came to nothing.

    Between one second and a ceiling that doubles up to 30 s: ten thousand gateways whose broker was away ask
    for it some six hundred times a second, and all are back within half a minute of it.

    Args:
        failures: Tries in a row that failed, the connection that has just ended included; at least 1.
        dice: Between 0 and 1, evenly; where between the two bounds.
        local: The last try did not leave this machine (no route, no name server): asking again soon costs
            nobody anything, and a link that is up for seconds only is not slept through.
    """
    longest = LONGEST_LOCAL_S if local else LONGEST_S
    ceiling = min(longest, FIRST_S * 2.0 ** min(failures, 10))
    return FIRST_S + dice * (ceiling - FIRST_S)
