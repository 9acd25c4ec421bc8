"""What live sessions say, from the network's thread to the voice that reads it."""

import threading
from collections.abc import Iterator

import structlog

from device_agent.decoding import Samples, Unplayable
from device_agent.jitter_buffer import Gap, JitterBuffer
from device_agent.live_decoding import LiveDecoder
from wire.live import FRAME_MS, LiveVerifier
from wire.messages import LiveSource, WireError

log = structlog.get_logger(__name__)

SILENCE_ENDS_S = 2.0
"""So long without a packet, and the session is over: a lost phone must not hold the horn."""


class LiveLost(Unplayable):
    """Whoever spoke is not there any more."""

    reason = "live_lost"


class LiveFeed:
    """One session.

    Args:
        source: As the signed order names it.

    Raises:
        WireError: Its key is no key.
    """

    def __init__(self, source: LiveSource) -> None:
        self.source = source
        self._verifier = LiveVerifier(source)
        self._longest_frames = source.longest_ms // FRAME_MS
        self._buffer = JitterBuffer()
        self._news = threading.Condition()
        self._closed = False
        self.refused = 0
        """Packets that were not signed by this session's key."""

    def put(self, data: bytes) -> None:
        """Take a packet as it came; what is not of this session is counted and dropped."""
        try:
            packet = self._verifier.open(data)
        except WireError:
            self.refused += 1
            return
        with self._news:
            self._buffer.put(packet)
            self._news.notify()

    def close(self) -> None:
        """Let whoever reads it end."""
        with self._news:
            self._closed = True
            self._news.notify()

    def blocks(self) -> Iterator[Samples]:
        """Yield blocks of 20 ms as they come; ends with the last one, or at the order's limit.

        Raises:
            LiveLost: Nothing came for two seconds.
            CannotDecodeLive: This box cannot decode it.
        """
        decoder = LiveDecoder()
        for _ in range(self._longest_frames):
            frame = self._next_frame()
            if frame is Gap.END:
                return
            yield _decoded(decoder, None if isinstance(frame, Gap) else frame)

    def _next_frame(self) -> bytes | Gap:
        with self._news:
            while True:
                frame = Gap.END if self._closed else self._buffer.take()
                if frame is not Gap.NOT_YET:
                    return frame
                if not self._news.wait(SILENCE_ENDS_S):
                    raise LiveLost("no packet for two seconds")


class LiveFeeds:
    """The sessions that a signed order has opened; packets of any other are dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._feeds: dict[str, LiveFeed] = {}

    def listen(self, sources: tuple[LiveSource, ...]) -> None:
        """Listen to these and no others."""
        wanted = {source.session: source for source in sources}
        with self._lock:
            for session, feed in tuple(self._feeds.items()):
                # Under another key it is another voice: a beat may have lied, an order does not.
                if wanted.get(session) != feed.source:
                    self._feeds.pop(session).close()
            for session in wanted.keys() - self._feeds.keys():
                self._feeds[session] = LiveFeed(wanted[session])

    def feed(self, source: LiveSource) -> LiveFeed:
        """Return an open session's feed; one that is closed already has nothing to say."""
        with self._lock:
            feed = self._feeds.get(source.session)
        if feed is None or feed.source != source:
            feed = LiveFeed(source)
            feed.close()
        return feed

    def put(self, session: str, data: bytes) -> None:
        """Take a packet from the network's thread."""
        with self._lock:
            feed = self._feeds.get(session)
        if feed is not None:
            feed.put(data)


def _decoded(decoder: LiveDecoder, frame: bytes | None) -> Samples:
    try:
        return decoder.decode(frame)
    except ValueError as error:
        log.info("live_frame_unreadable", reason=str(error))
        return decoder.decode(None)
