"""The thread that listens: follows what sounds, watches the silence, runs the self-test.

It decides nothing about playing. Everything that it finds is evidence: a verdict in a report, a fault, a
figure in the health. A probe that is not there, or breaks, makes it say less and changes nothing else.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, time
from pathlib import Path

import structlog
from msgspec import structs

from device_agent.clock import Clock
from device_agent.evidence import remembered as memory
from device_agent.evidence.ears import Ears
from device_agent.evidence.following import Following
from device_agent.evidence.idle import IdleWatch
from device_agent.evidence.probe import OpenProbe
from device_agent.evidence.self_tester import SelfTester
from device_agent.evidence.sink import WatchedSink, Written
from device_agent.evidence.squelch import Squelch
from device_agent.player_events import Failed, Finished, PlayerEvent, Progress, Started
from device_agent.sinks.contract import Sink
from wire.messages import Health
from wire.types import Fault, SelfTest

log = structlog.get_logger(__name__)

TICK_S = 0.25
FLOOR_STEP_DB = 3.0
"""A floor that moved by this is worth a write to the disk."""


@dataclass(frozen=True, slots=True)
class FaultNews:
    """Something began to be wrong with the gateway itself, or is over."""

    fault: Fault
    is_over: bool
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """What a gateway is given to listen with."""

    open_probe: OpenProbe | None = None
    self_test_at: time | None = None
    """Hour of the self-test, local time; None for none."""

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to do."""
        return self.open_probe is not None or self.self_test_at is not None


NOT_LISTENING = Listening()


class Witness:
    """Listens to one gateway.

    Args:
        listening: The probe and the hour of the self-test.
        state_dir: Where it remembers.
        say: Takes its news; called in its thread, must not wait.
        clock: The machine's clocks.
        next_start_at: Tells when the next item is due; called in its thread.
        beat: Called four times a second: this thread lives.
    """

    def __init__(
        self,
        listening: Listening,
        state_dir: Path,
        say: Callable[[FaultNews], None],
        clock: Clock,
        *,
        next_start_at: Callable[[], datetime | None],
        beat: Callable[[], None],
    ) -> None:
        self._listening = listening
        self._state_dir = state_dir
        self._say = say
        self._clock = clock
        self._next_start_at = next_start_at
        self._beat = beat
        self._written = Written()
        self._portaudio = threading.Lock()
        self._ears = Ears(listening.open_probe, clock.monotonic_ns, self._portaudio)
        self._following = Following(self._written.samples)
        self._known = memory.read(state_dir)
        alarmed = Fault.SOUND_WHILE_IDLE in self._known.faults
        self._idle = IdleWatch(Squelch(floor_db=self._known.floor_db, alarmed=alarmed))
        self._tester = SelfTester(listening.self_test_at, has_probe=self._ears.are_wanted)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)

    def watched(self, open_sink: Callable[[], Sink]) -> Callable[[], Sink]:
        """Return what opens the same sink so that what is written can be compared with what is heard."""
        if not self._listening.is_wanted:
            return open_sink
        return lambda: WatchedSink(open_sink, self._written, self._portaudio)

    def whispers(self) -> bool:
        """Whether the test sound is about to sound, or does."""
        return self._written.is_whispering

    def start(self) -> None:
        """Begin to listen, if there is anything to listen for."""
        if not self._ears.are_wanted:
            self._note_fault(Fault.SOUND_WHILE_IDLE, present=False, detail="no probe any more")
        if self._listening.self_test_at is None:
            self._note_fault(Fault.SELF_TEST, present=False, detail="no self-test any more")
        if self._listening.self_test_at is not None and not self._ears.are_wanted:
            log.info("self_test_without_probe", tested="whether the device takes samples", sounds="nothing")
        if self._listening.is_wanted:
            self._thread.start()

    def stop(self) -> None:
        """Stop listening."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def attested(self, event: PlayerEvent) -> PlayerEvent:
        """Return what the player says, with what the probe has to say to it. Called in the agent's loop."""
        match event:
            case Started(broadcast_id, at):
                since_s = (self._clock.now() - at).total_seconds()
                self._following.begin(broadcast_id, self._clock.monotonic_ns() - round(since_s * 1e9))
                return event
            case Finished() | Failed():
                return self._judged(event)
            case Progress():
                return event

    def health(self, health: Health) -> Health:
        """Return the health with what is known of the probe and the last self-test."""
        return structs.replace(
            health,
            self_test=self._known.self_test,
            self_test_at=self._known.self_test_at,
            idle_noise_db=None if self._ears.heard is None else self._idle.level_db,
        )

    def _judged(self, event: Finished | Failed) -> PlayerEvent:
        if not self._ears.are_wanted:
            return event
        found = self._following.end(event.broadcast_id, event.played_ms, self._ears.heard)
        log.info(
            "sound_judged",
            broadcast=event.broadcast_id,
            sound=found.sound.value,
            confidence=found.confidence,
            delay_ms=found.delay_ms,
        )
        return replace(event, sound=found.sound, sound_confidence=found.confidence)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._beat()
            self._ears.keep_open()
            self._tick()
            self._stopping.wait(TICK_S)
        self._ears.close()

    def _tick(self) -> None:
        heard = self._ears.heard
        if heard is not None:
            self._following.follow(heard)
            self._idle.listen(self._written, heard)
            self._note_idle()
        result = self._tester.step(
            self._clock.now(),
            self._clock.monotonic_ns(),
            self._written,
            heard,
            last_at=self._known.self_test_at,
            next_start_at=self._next_start_at(),
        )
        if result is not None:
            self._note_self_test(result)

    def _note_idle(self) -> None:
        squelch, level_db = self._idle.squelch, self._idle.level_db
        floor_db, kept_db = squelch.floor_db, self._known.floor_db
        if floor_db is None or level_db is None:
            return
        detail = f"{level_db:.1f} dBFS, floor {floor_db:.1f} dBFS"
        self._note_fault(Fault.SOUND_WHILE_IDLE, present=squelch.alarmed, detail=detail)
        if kept_db is None or abs(floor_db - kept_db) >= FLOOR_STEP_DB:
            self._remember(floor_db=round(floor_db, 1))

    def _note_self_test(self, result: SelfTest) -> None:
        log.info("self_test", result=result.value)
        self._remember(self_test=result, self_test_at=self._clock.now())
        passed = result in {SelfTest.HEARD, SelfTest.DEVICE_ONLY}
        self._note_fault(Fault.SELF_TEST, present=not passed, detail=result.value)

    def _note_fault(self, fault: Fault, *, present: bool, detail: str | None) -> None:
        if present == (fault in self._known.faults):
            return
        others = tuple(each for each in self._known.faults if each is not fault)
        self._remember(faults=(*others, fault) if present else others)
        log.warning("fault" if present else "fault_over", fault=fault.value, detail=detail)
        self._say(FaultNews(fault, not present, detail))

    def _remember(self, **changes: object) -> None:
        self._known = structs.replace(self._known, **changes)
        memory.write(self._state_dir, self._known)
