"""What the shell was last asked to keep to: loudness, live sessions, clips. Said again only when it changes.

Sans-I/O; part of the core.
"""

from datetime import datetime

from device_agent.effects import ListenTo, PinClips, SetVolume, Want, WantClips
from device_agent.turn import Playback
from device_agent.views import live_sources, pinned_clips, wanted_clips
from wire.messages import ClipRef, LiveSource


class Wishes:
    """Standing wishes of one gateway; each replaces the one before it."""

    def __init__(self) -> None:
        self.loudness_at: datetime | None = None
        """When the hour may next change how loud it may be."""
        self._loudness: SetVolume | None = None
        self.live_ahead: tuple[LiveSource, ...] = ()
        """Who may speak in a moment, as the last beat said."""
        self._listening: tuple[LiveSource, ...] = ()
        self._pinned: tuple[ClipRef, ...] = ()
        self._wanted: tuple[Want, ...] | None = None

    def before_playing(
        self, playback: Playback, volume_percent: int, now: datetime
    ) -> tuple[SetVolume | ListenTo, ...]:
        """Return what has to be asked for before anything is let sound."""
        changed: list[SetVolume | ListenTo] = []
        guards = playback.guards
        self.loudness_at = guards.volume_changes_at(now)
        loudness = SetVolume(guards.volume_percent(volume_percent, now), guards.ceiling_db)
        if loudness != self._loudness:
            self._loudness = loudness
            changed.append(loudness)
        sources = live_sources(playback, self.live_ahead)
        if sources != self._listening:
            self._listening = sources
            changed.append(ListenTo(sources))
        return tuple(changed)

    def of_clips(self, playback: Playback) -> tuple[PinClips | WantClips, ...]:
        """Return which clips are to be held and fetched."""
        changed: list[PinClips | WantClips] = []
        pinned = pinned_clips(playback)
        if pinned != self._pinned:
            self._pinned = pinned
            changed.append(PinClips(pinned))
        wanted = wanted_clips(playback)
        if wanted != self._wanted:
            self._wanted = wanted
            changed.append(WantClips(wanted))
        return tuple(changed)
