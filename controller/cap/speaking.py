"""Having alerts said: by the recordings that they bring, else by a voice; two minutes for each language."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from controller.cap.alert import Recording
from controller.cap.outbound import FetchFailed, Limits
from controller.cap.recordings import USED, RecordingUnused, Unused, check, check_content, embedded
from controller.cap.studio import Studio
from controller.cap.words import LONGEST_MS, Said
from wire.messages import ClipRef

log = structlog.get_logger(__name__)

MOST_RECORDINGS = 6
"""So many of one alert are fetched and decoded: other alerts wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was made of an alert."""

    clips: Mapping[Said, tuple[ClipRef, ...]]
    """What is missing has no recording that may be played, and no voice speaks it."""
    recordings: Mapping[str, str]
    """For each language that has any: ``used``, or why not."""


def say_all(studio: Studio, texts: Iterable[Iterable[Said]], reach: Limits | None) -> Spoken:
    """Have everything said once, each language by its recordings if that may be.

    Args:
        studio: What makes sound.
        texts: What is said, for each group of people.
        reach: Where recordings may be; None: nothing shows whose the alert is, and none of them is played.
    """
    player = _Player(studio, reach)
    clips: dict[Said, tuple[ClipRef, ...]] = {}
    recordings: dict[str, str] = {}
    for said in dict.fromkeys(said for group in texts for said in group):
        found: tuple[ClipRef, ...] = ()
        if said.recordings:
            try:
                found = player.play(said)
                recordings.setdefault(said.language, USED)
            except RecordingUnused as unused:
                log.warning("cap_recording_unused", language=said.language, reason=str(unused))
                recordings[said.language] = unused.reason.value
        if not found:
            spoken = studio.speak(said)
            found = () if spoken is None else (spoken,)
        if found:
            clips[said] = found
    return Spoken(clips, recordings)


@dataclass
class _Player:
    """Makes clips of the recordings of one alert, each once."""

    studio: Studio
    reach: Limits | None
    made: dict[Recording, ClipRef | RecordingUnused] = field(default_factory=dict)

    def play(self, said: Said) -> tuple[ClipRef, ...]:
        if self.reach is None:
            raise RecordingUnused(Unused.UNPROVEN)
        if not all(said.recordings):
            raise RecordingUnused(Unused.INCOMPLETE)
        clips = tuple(self._first(group, self.reach) for group in said.recordings)
        if sum(clip.duration_ms for clip in clips) > LONGEST_MS:
            raise RecordingUnused(Unused.TOO_LONG, "together")
        return clips

    def _first(self, group: Iterable[Recording], reach: Limits) -> ClipRef:
        """Return the first of one sound's forms that can be played."""
        refused: RecordingUnused | None = None
        for recording in group:
            made = self._made(recording, reach)
            if not isinstance(made, RecordingUnused):
                return made
            refused = refused or made
        raise refused or RecordingUnused(Unused.INCOMPLETE)

    def _made(self, recording: Recording, reach: Limits) -> ClipRef | RecordingUnused:
        if recording not in self.made:
            try:
                self.made[recording] = self._make(recording, reach)
            except RecordingUnused as unused:
                self.made[recording] = unused
        return self.made[recording]

    def _make(self, recording: Recording, reach: Limits) -> ClipRef:
        if len(self.made) >= MOST_RECORDINGS:
            raise RecordingUnused(Unused.TOO_MANY)
        check(recording)
        content = self._content(recording, reach)
        check_content(recording, content)
        return self.studio.keep(content)

    def _content(self, recording: Recording, reach: Limits) -> bytes:
        if recording.content is not None:
            return embedded(recording.content)
        if recording.uri is None:
            raise RecordingUnused(Unused.NOT_THERE, "neither bytes nor an address")
        try:
            return self.studio.get(recording.uri, reach)
        except FetchFailed as failed:
            raise RecordingUnused(Unused.NOT_THERE, str(failed)) from failed
