"""The thread that keeps clips whole on disk: checks what lies there, fetches what is missing."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from device_agent.cache import Cache, CorruptClip
from device_agent.checking import BEFORE_USE, Checks
from device_agent.clock import Clock
from device_agent.download import Downloader, GivenUp
from device_agent.effects import Want
from device_agent.fetching import FetchQueue, Job
from device_agent.http_pool import Source
from device_agent.rate import RateLimit
from wire.certificates import Pin
from wire.messages import ClipRef

log = structlog.get_logger(__name__)

LONGEST_CHECK_BYTES = 8 << 20
"""Half an hour of sound: on a slow card and a slow core read in less than `starting.CUE_AHEAD`."""

LONGEST_WAIT_S = 60.0
"""How long the thread waits at most, for what is far off comes near by the wall clock."""


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
        clock: For back-off.
        rng: Source of jitter.
        say: Takes the news; called in the fetcher's thread, must not wait.
        beat: Called in each round and with each piece of a clip: this thread lives.
        limit: A cap on how fast clips come; None is none.
        pin: The only authority that may vouch for the controller; None: the system's.
        true_now: Tells how near a start is; None: the clock is right. Called in any thread.
    """

    def __init__(
        self,
        cache: Cache,
        clock: Clock,
        rng: random.Random,
        say: Callable[[ClipNews], None],
        beat: Callable[[], None] = lambda: None,
        *,
        limit: RateLimit | None = None,
        pin: Pin | None = None,
        true_now: Callable[[], datetime] | None = None,
    ) -> None:
        self._cache = cache
        self._clock = clock
        self._true_now = true_now or clock.now
        self._say = say
        self._beat = beat
        self._limit = limit
        self._queue = FetchQueue(rng)
        self._sources: dict[str, Source] = {}
        self._checks = Checks()
        self._give_way = False
        self._damaged = 0
        self._last_error: str | None = None
        self._changed = threading.Condition()
        self._stopping = False
        self._downloader = Downloader(pin)
        self._thread = threading.Thread(target=self._run, name="fetcher", daemon=True)

    @property
    def last_error(self) -> str | None:
        """Why the latest attempt failed; None if it did not."""
        return self._last_error

    @property
    def damaged(self) -> int:
        """How many clips were found damaged on the disk since the start."""
        return self._damaged

    def start(self) -> None:
        """Begin with checking what lies in the cache."""
        self._checks.found(self._cache.names())
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
            self._queue.want(source.gateway_id, wants, self._true_now(), self._mono_s())
            self._changed.notify()
        self._cache.used(want.sha256 for want in wants)

    def pin(self, source: Source, clips: tuple[ClipRef, ...]) -> None:
        """Hold these clips for one gateway whether or not an item plays them, in place of its earlier ones.

        They count in the budget, never go, and are fetched before what is not about to start.
        """
        with self._changed:
            self._sources[source.gateway_id] = source
            self._queue.pin(source.gateway_id, clips, self._mono_s())
            self._changed.notify()

    def give_way(self) -> None:
        """Give up clips that nobody needs until the disk has room again for what matters more."""
        with self._changed:
            self._give_way = True
            self._changed.notify()

    def distrust(self, sha256: str) -> None:
        """Throw away a clip that could not be decoded, and fetch it again if it is still wanted."""
        self._last_error = f"clip {sha256[:12]} could not be decoded"
        self._throw_away(sha256)

    def is_whole(self, sha256: str, size_bytes: int) -> bool:
        """Read a clip once more before it is played; a damaged one is fetched again. Called in any thread.

        A long one is believed: it was read within `BEFORE_USE`, and reading it all would delay its start.
        """
        if size_bytes > LONGEST_CHECK_BYTES:
            return True
        try:
            self._cache.check(sha256)
        except CorruptClip as error:
            self._found_damaged(sha256, error)
            self._throw_away(sha256)
            return False
        return True

    def _run(self) -> None:
        while not self._stopping:
            self._beat()
            with self._changed:
                work = self._next_work()
                if not callable(work):
                    if not self._stopping:
                        self._changed.wait(work)
                    continue
            work()
        self._downloader.close()

    def _next_work(self) -> Callable[[], None] | float:
        """Return what to do now, else seconds to wait."""
        if self._give_way:
            return self._make_room
        now, mono_s = self._true_now(), self._mono_s()
        soon = self._queue.needed_before(now + BEFORE_USE)
        check = self._checks.next_check(self._queue.needed(), soon, mono_s)
        # What lies on the disk is looked at first: it may save the fetch.
        if isinstance(check, str) and check not in self._checks.here:
            return partial(self._check, check)
        job = self._queue.next_job(self._checks.here, now, mono_s)
        if isinstance(job, Job):
            return partial(self._fetch_or_fail, job, self._sources[job.owner], self._queue.needed())
        if isinstance(check, str):
            return partial(self._check, check)
        return min(wait for wait in (LONGEST_WAIT_S, job, check) if wait is not None)

    def _check(self, sha256: str) -> None:
        try:
            self._cache.check(sha256)
        except CorruptClip as error:
            self._found_damaged(sha256, error)
            self._lost((sha256,))
        else:
            self._is_here(sha256)

    def _fetch_or_fail(self, job: Job, source: Source, needed: frozenset[str]) -> None:
        try:
            self._fetch(job, source, needed)
        except GivenUp:
            log.debug("clip_waits", sha256=job.sha256)
        except (CorruptClip, OSError) as error:
            log.info("clip_not_fetched", sha256=job.sha256, reason=str(error))
            self._last_error = f"clip {job.sha256[:12]}: {error}"
            with self._changed:
                self._queue.failed(job.sha256, self._mono_s())
        else:
            self._last_error = None
            self._is_here(job.sha256)

    def _fetch(self, job: Job, source: Source, needed: frozenset[str]) -> None:
        partial_file = self._cache.partial(job.sha256)
        gathered = partial_file.stat().st_size if partial_file.exists() else 0
        self._lost(self._cache.make_room(max(0, job.size_bytes - gathered), needed))
        missing = job.size_bytes - gathered

        def go_on(came_bytes: int) -> bool:
            nonlocal missing
            missing -= came_bytes
            return self._go_on(job, missing, came_bytes)

        self._downloader.download(source, job.sha256, job.size_bytes, partial_file, go_on)
        self._cache.admit(job.sha256)

    def _go_on(self, job: Job, missing_bytes: int, came_bytes: int) -> bool:
        """Wait as the cap wants it; False when we stop, it is not needed any more, or another is sooner."""
        self._beat()
        now, mono_s = self._true_now(), self._mono_s()

        def ends() -> bool:
            return (
                self._stopping
                or job.sha256 not in self._queue.needed()
                or self._queue.overtaken(job, self._checks.here, now, mono_s)
            )

        with self._changed:
            if self._limit is not None and not self._limit.gives_way(missing_bytes, job.needed_at, now):
                self._changed.wait_for(ends, self._limit.wait_s(came_bytes, mono_s))
            return not ends()

    def _make_room(self) -> None:
        with self._changed:
            self._give_way = False
            needed = self._queue.needed()
        try:
            self._lost(self._cache.make_room(0, needed))
        except OSError as error:
            log.warning("no_room_to_give", reason=str(error))
            self._last_error = str(error)

    def _found_damaged(self, sha256: str, error: CorruptClip) -> None:
        log.warning("clip_damaged", sha256=sha256, reason=str(error))
        with self._changed:
            self._damaged += 1
        self._last_error = f"clip {sha256[:12]} was damaged on the disk"

    def _throw_away(self, sha256: str) -> None:
        with self._changed:
            self._checks.gone(sha256)
            self._cache.discard(sha256)
            self._changed.notify()
        self._say(ClipsLost((sha256,)))

    def _is_here(self, sha256: str) -> None:
        with self._changed:
            news = sha256 not in self._checks.here
            self._checks.whole(sha256, self._mono_s())
        if news:
            self._say(ClipsReady((sha256,)))

    def _lost(self, names: tuple[str, ...]) -> None:
        with self._changed:
            clips = tuple(name for name in names if name in self._checks.here)
            for name in names:
                self._checks.gone(name)
        if clips:
            self._say(ClipsLost(clips))

    def _mono_s(self) -> float:
        return self._clock.monotonic_ns() / 1e9
