"""JSON Schema of every message, and one golden example of each.

Both are checked in under ``wire/schema/``; a test and `scripts/check` fail when they are stale.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from wire.envelope import Envelope
from wire.messages import (
    Beat,
    Cancel,
    ClipRef,
    Config,
    ControllerState,
    DailySpan,
    Health,
    Item,
    Plan,
    Play,
    Receipt,
    Report,
    Reports,
    Resync,
    State,
    Stop,
    Volume,
    VolumeCap,
    encode,
)
from wire.types import Event, LatenessPolicy, Priority, Sound

_AT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
_GATEWAY = "31672-001"
_BOOT = "01930000-0000-7000-8000-0000000000b0"
_JOURNAL = "01930000-0000-7000-8000-0000000000c0"
_BROADCAST = "01930000-0000-7000-8000-0000000000a1"
_CLIP = ClipRef(sha256="ab" * 32, size_bytes=41_230, duration_ms=12_340)
_ORDER = "01930000-0000-7000-8000-0000000000d1"
_ITEM = Item(
    broadcast_id=_BROADCAST,
    start_at=_AT,
    clips=(_CLIP,),
    repeat=2,
    gap_ms=1500,
    priority=Priority.PRIORITY,
    lateness=LatenessPolicy.PLAY_FROM_START,
)


def _down(seq: int) -> dict[str, object]:
    return {
        "id": f"01930000-0000-7000-8000-{seq:012x}",
        "aud": _GATEWAY,
        "epoch": 1,
        "seq": seq,
        "iat": _AT - timedelta(minutes=5),
        "nbf": _AT - timedelta(minutes=5),
        "exp": _AT + timedelta(days=8),
    }


def examples() -> dict[str, Struct]:
    """Return one example of every message, by the name of its kind."""
    return {
        "plan": Plan(**_down(1), version=7, until_at=_AT + timedelta(days=8), items=(_ITEM,)),  # type: ignore[arg-type]
        "play": Play(**_down(2), order_id=_ORDER, item=_ITEM, boot=_BOOT),  # type: ignore[arg-type]
        "stop": Stop(**_down(3), order_id=_ORDER, broadcast_id=_BROADCAST),  # type: ignore[arg-type]
        "cancel": Cancel(**_down(4), order_id=_ORDER, broadcast_ids=(_BROADCAST,)),  # type: ignore[arg-type]
        "volume": Volume(**_down(5), order_id=_ORDER, percent=80),  # type: ignore[arg-type]
        "config": Config(
            **_down(9),  # type: ignore[arg-type]
            order_id=_ORDER,
            version=3,
            quiet=(DailySpan(from_minute=21 * 60, to_minute=5 * 60),),
            longest_ms=30 * 60_000,
            volume_caps=(VolumeCap(from_minute=18 * 60, to_minute=6 * 60, percent=60),),
            start_offset_ms=400,
            pinned=(_CLIP,),
        ),
        "receipt": Receipt(**_down(6), journal=_JOURNAL, up_to=12),  # type: ignore[arg-type]
        "resync": Resync(**_down(7)),  # type: ignore[arg-type]
        "beat": Beat(**_down(8), plan_version=7, open_orders=(_BROADCAST,)),  # type: ignore[arg-type]
        "reports": Reports(
            journal=_JOURNAL,
            boot=_BOOT,
            oldest=11,
            reports=(
                Report(n=11, at=_AT, event=Event.PLAYING, broadcast_ids=(_BROADCAST,), started_at=_AT),
                Report(
                    n=12,
                    at=_AT + timedelta(milliseconds=26_180),
                    event=Event.PLAYED,
                    broadcast_ids=(_BROADCAST,),
                    started_at=_AT,
                    played_ms=26_180,
                    expected_ms=26_180,
                    underruns=0,
                    peak_db=-1.8,
                    rms_db=-19.4,
                    sound=Sound.CONFIRMED,
                    sound_confidence=1.0,
                ),
            ),
        ),
        "state": State(
            online=True, boot=_BOOT, at=_AT, agent_version="0.1.0", plan_version=7, clock_offset_ms=12
        ),
        "health": Health(
            at=_AT, boot=_BOOT, uptime_s=86_400, temperature_c=51.5, disk_free_bytes=7_340_032_000
        ),
        "controller_state": ControllerState(online=True, at=_AT),
        "envelope": Envelope(payload="eyJ2IjoxfQ==", kid="routine-1", sig="c2lnbmF0dXJl"),
    }


def documents() -> dict[str, bytes]:
    """Return every generated file by its name: ``<kind>.schema.json`` and ``<kind>.example.json``."""
    files: dict[str, bytes] = {}
    for name, example in examples().items():
        schema = msgspec.json.encode(msgspec.json.schema(type(example)), order="sorted")
        files[f"{name}.schema.json"] = msgspec.json.format(schema, indent=2) + b"\n"
        files[f"{name}.example.json"] = msgspec.json.format(encode(example), indent=2) + b"\n"
    return files


def write(directory: Path) -> list[Path]:
    """Write every document into a directory, take away what is no longer generated, return the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for stale in set(directory.glob("*.json")) - {directory / name for name in wanted}:
        stale.unlink()
    for name, content in wanted.items():
        (directory / name).write_bytes(content)
    return sorted(directory / name for name in wanted)


def stale(directory: Path) -> list[str]:
    """Return the names of files that differ from what would be generated now."""
    wanted = documents()
    held = {path.name: path.read_bytes() for path in directory.glob("*.json")}
    return sorted(name for name in wanted.keys() | held.keys() if wanted.get(name) != held.get(name))
