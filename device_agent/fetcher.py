"""The thread that brings clips to disk: checks what lies there, then fetches what is missing."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from device_agent.cache import Cache, CorruptClip
from device_agent.clock import Clock
from device_agent.download import Downloader, Source
from device_agent.effects import Want
from device_agent.fetching import FetchQueue

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClipsReady:
    """These clips are on disk and their hashes are right."""

    clips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClipsLost:
    """These clips are not there any more."""

    clips: tuple[str, ...]


ClipNews = ClipsReady | ClipsLost


class Fetcher:
    """Fetches for one gateway, or for many that share one cache.

    Args:
        cache: Where clips go.
        clock: For back-off and for how near a start is.
        rng: Source of jitter.
        say: Takes the news; called in the fetcher's thread, must not wait.
    """

    def __init__(
        self, cache: Cache, clock: Clock, rng: random.Random, say: Callable[[ClipNews], None]
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._say = say
        self._queue = FetchQueue(rng)
        self._sources: dict[str, Source] = {}
        self._here: set[str] = set()
        self._unchecked: set[str] = set()
        self._last_error: str | None = None
        self._changed = threading.Condition()
        self._stopping = False
        self._downloader = Downloader()
        self._thread = threading.Thread(target=self._run, name="fetcher", daemon=True)

    @property
    def last_error(self) -> str | None:
        """Why the latest attempt failed; None if it did not."""
        return self._last_error

    def start(self) -> None:
        """Begin with checking what lies in the cache."""
        self._unchecked.update(self._cache.names())
        self._thread.start()

    def stop(self) -> None:
        """End; what was gathered of a clip stays for the next time."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(5.0)

    def want(self, source: Source, wants: tuple[Want, ...]) -> None:
        """Take all wishes of one gateway in place of its earlier ones."""
        with self._changed:
            self._sources[source.gateway_id] = source
            self._queue.want(source.gateway_id, wants, self._clock.now(), self._mono_s())
            self._changed.notify()
        self._cache.used(want.sha256 for want in wants)

    def distrust(self, sha256: str) -> None:
        """Throw away a clip that could not be decoded, and fetch it again if it is still wanted."""
        with self._changed:
            self._here.discard(sha256)
            self._cache.discard(sha256)
            self._changed.notify()
        self._say(ClipsLost((sha256,)))

    def _run(self) -> None:
        while not self._stopping:
            if self._unchecked:
                self._check_one()
            else:
                self._fetch_or_wait()
        self._downloader.close()

    def _check_one(self) -> None:
        with self._changed:
            wanted_first = self._unchecked & self._queue.needed() or self._unchecked
            sha256 = next(iter(wanted_first))
            self._unchecked.discard(sha256)
        try:
            self._cache.check(sha256)
        except (CorruptClip, OSError) as error:
            log.warning("clip_corrupt", sha256=sha256, reason=str(error))
            return
        self._is_here(sha256)

    def _fetch_or_wait(self) -> None:
        with self._changed:
            job = self._queue.next_job(self._here, self._clock.now(), self._mono_s())
            if not isinstance(job, tuple):
                if not self._stopping:
                    self._changed.wait(job)
                return
            owner, want = job
            source, needed = self._sources[owner], self._queue.needed()
        try:
            self._fetch(source, want, needed)
        except (CorruptClip, OSError) as error:
            log.info("clip_not_fetched", sha256=want.sha256, reason=str(error))
            self._last_error = f"clip {want.sha256[:12]}: {error}"
            with self._changed:
                self._queue.failed(want.sha256, self._mono_s())
        else:
            self._last_error = None
            self._is_here(want.sha256)

    def _fetch(self, source: Source, want: Want, needed: frozenset[str]) -> None:
        partial = self._cache.partial(want.sha256)
        gathered = partial.stat().st_size if partial.exists() else 0
        gone = self._cache.make_room(max(0, want.size_bytes - gathered), needed)
        if gone:
            clips = tuple(name for name in gone if name in self._here)
            self._here.difference_update(clips)
            self._say(ClipsLost(clips))
        self._downloader.download(source, want.sha256, want.size_bytes, partial, lambda: self._stopping)
        self._cache.admit(want.sha256)

    def _is_here(self, sha256: str) -> None:
        with self._changed:
            self._here.add(sha256)
        self._say(ClipsReady((sha256,)))

    def _mono_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9
