"""Acknowledgements in the order of arrival, as MQTT 5 §4.6 demands, whatever is done first. Pure."""


class AcksInOrder:
    """What came on one connection and is not acknowledged yet."""

    def __init__(self) -> None:
        self._done: dict[int, bool] = {}
        """Packet identifiers as they arrived (a dict keeps order), and whether each may be acknowledged."""

    def received(self, mid: int) -> None:
        """Note a message; the other side gives no identifier twice before it was acknowledged."""
        self._done[mid] = False

    def done(self, mid: int) -> tuple[int, ...]:
        """Note that what a message says is safe; return what to acknowledge now, in order."""
        if mid not in self._done:
            return ()
        self._done[mid] = True
        ready = []
        for first, done in self._done.items():
            if not done:
                break
            ready.append(first)
        for first in ready:
            del self._done[first]
        return tuple(ready)
