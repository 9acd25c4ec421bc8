"""The thread that keeps the sound device fed, with silence when nothing plays."""

import threading
from collections import deque
from collections.abc import Callable

import structlog

from device_agent.amplifier import Amplifier
from device_agent.clock import Clock
from device_agent.effects import PlayerEffect, StartPlaying, StopPlaying
from device_agent.frame_clock import NOMINAL_NS
from device_agent.player_events import Failed, PlayerEvent
from device_agent.priority import ask_for_priority
from device_agent.revising import Revisable
from device_agent.sequencer import Composed, Sequencer
from device_agent.sinks.contract import BLOCK_FRAMES, RATE, Sink, SinkError
from device_agent.trim import Trim
from device_agent.voice import OpenVoice

log = structlog.get_logger(__name__)

REOPEN_S = 1.0

PATIENT_S = 0.5
IMPATIENT_S = 0.002
"""How long to wait at a time while something that should have begun is being decoded."""

NO_DEVICE = "sound_device"


class Player:
    """Plays through one sink, from its own thread.

    Args:
        open_sink: Opens the sound device; called again a second after it failed.
        open_voice: Opens an item for reading.
        say: Takes the player's events; called in the player's thread, must not wait.
        clock: Maps the start of an item to the sound device's time.
        beat: Called with every block, or every second without a device: this thread lives.
        amplifier: Switched on for what sounds, off at the end; the default is none.
        whispers: Whether the sink has something of its own to sound, for which the amplifier is needed too.
    """

    def __init__(
        self,
        open_sink: Callable[[], Sink],
        open_voice: OpenVoice,
        say: Callable[[PlayerEvent], None],
        clock: Clock,
        beat: Callable[[], None] = lambda: None,
        *,
        amplifier: Amplifier | None = None,
        whispers: Callable[[], bool] = lambda: False,
    ) -> None:
        self._open_sink = open_sink
        self._say = say
        self._clock = clock
        self._beat = beat
        self._amplifier = amplifier or Amplifier()
        self._whispers = whispers
        self._sequencer = Sequencer(open_voice, say)
        self._wishes: deque[PlayerEffect] = deque()
        self._sink: Sink | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)

    def start(self) -> None:
        """Open the sound device and keep it open."""
        self._thread.start()

    def do(self, effect: PlayerEffect) -> None:
        """Take a wish of the core; carried out at once where the sink lets what it took be revised."""
        self._wishes.append(effect)
        sink = self._sink
        if sink is not None:
            sink.nudge()

    def stop(self) -> None:
        """Let the sound device go, after what it has was heard."""
        self._stopping.set()
        self._thread.join(5.0)

    def _run(self) -> None:
        ask_for_priority()
        try:
            self._play()
        finally:
            self._amplifier.close()

    def _play(self) -> None:
        while not self._stopping.is_set():
            self._beat()
            self._amplifier.attend(self._clock.monotonic_ns(), None)
            try:
                sink = self._open_sink()
            except SinkError as error:
                self._without_device(error)
                continue
            try:
                self._feed(sink)
            except SinkError as error:
                self._without_device(error)
            finally:
                self._sink = None
                sink.close()
        self._sequencer.close()

    def _feed(self, sink: Sink) -> None:
        self._sink = sink
        trim, written = Trim(), Revisable(sink, self._sequencer)
        while not self._stopping.is_set():
            self._beat()
            try:
                has_room = sink.wait(IMPATIENT_S if self._sequencer.is_held_up else PATIENT_S)
            except SinkError:
                self._sequencer.fail(NO_DEVICE, Composed())
                raise
            while self._wishes:
                self._sequencer.do(self._wishes.popleft())
            ahead_ns = self._clock.wall_minus_monotonic_ns()
            if not written.revise(ahead_ns) and not has_room:
                continue
            stretcher = written.stretcher
            held_ns = round(stretcher.held_frames * NOMINAL_NS)
            next_ns = sink.next_ns() + held_ns
            sounds_ns = next_ns if self._whispers() else self._sequencer.sounds_at_ns(next_ns, ahead_ns)
            through_ns = self._amplifier.attend(self._clock.monotonic_ns(), sounds_ns)
            composed = self._sequencer.compose(next_ns, ahead_ns, through_ns)
            if composed.late_ns is None:
                trim.rest(sink.fast_ppm)
            else:
                trim.step(composed.late_ns, sink.fast_ppm, BLOCK_FRAMES / RATE)
            dry = sink.underruns
            try:
                first_ns = sink.write(stretcher.stretch(composed.block, trim.ppm)) + held_ns
            except SinkError:
                self._sequencer.fail(NO_DEVICE, composed)
                raise
            written.wrote(composed)
            self._sequencer.written(composed, first_ns, ahead_ns, dry=sink.underruns - dry)

    def _without_device(self, error: SinkError) -> None:
        log.error("sound_device_lost", reason=str(error))
        while self._wishes:
            wish = self._wishes.popleft()
            if isinstance(wish, StartPlaying):
                # It may have been opened ahead; the sequencer lets go of that.
                self._sequencer.do(StopPlaying(wish.item.broadcast_id))
                self._say(Failed(wish.item.broadcast_id, NO_DEVICE))
            else:
                self._sequencer.do(wish)
        self._stopping.wait(REOPEN_S)
