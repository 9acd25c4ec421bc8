"""What can be read off the playback value. Pure."""

from device_agent.effects import Want
from device_agent.entries import Stage
from device_agent.turn import Playback


def wanted_clips(playback: Playback) -> tuple[Want, ...]:
    """Return every clip that something held needs, each with its earliest use, nearest first."""
    nearest: dict[str, Want] = {}
    for entry in sorted(playback.entries.values(), key=lambda entry: entry.due_at):
        for clip in entry.item.clips:
            nearest.setdefault(clip.sha256, Want(clip.sha256, clip.size_bytes, entry.due_at))
    return tuple(nearest.values())


def sounding(playback: Playback) -> str | None:
    """Return the broadcast that is heard now; of two during a fade the higher one."""
    heard = [
        entry
        for entry in playback.entries.values()
        if entry.started_at is not None and entry.stage in (Stage.PLAYING, Stage.ENDING)
    ]
    return max(heard, key=lambda entry: entry.rank).broadcast_id if heard else None
