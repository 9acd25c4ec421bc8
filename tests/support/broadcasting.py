"""What end-to-end tests do and check again and again: schedule, wait, listen."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from support.eventually import eventually
from support.recording import RATE, Recording
from support.sound import normalised_cross_correlation
from support.town import Api

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
HEARD = 0.9
"""Correlation from which on a sound is the one that was sought."""


WITH_A_GAP = 0.6
"""The same with a block missing, which a gateway on an overloaded machine reports as an underrun; another
sentence stays under 0.4."""


def enough(delivery: dict[str, Any]) -> float:
    """Return the correlation that is asked for; less only where the gateway itself tells of a gap."""
    return WITH_A_GAP if delivery["underruns"] else HEARD


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - end-to-end tests live in real time


def whole_second_in(seconds: float) -> datetime:
    return (now() + timedelta(seconds=seconds + 1)).replace(microsecond=0)


def schedule_once(
    api: Api,
    clip: dict[str, Any],
    start_at: datetime,
    *,
    areas: list[int] | None = None,
    gateways: list[str] | None = None,
    title: str = "Thông báo",
    **more: Any,
) -> dict[str, Any]:
    """Schedule a clip for one instant and return its broadcast."""
    answer = api.post(
        "/schedules",
        json={
            "bulletin": {"title": title, "clip_sha256": clip["sha256"], "source": "upload"},
            "audience": {"areas": areas or [], "gateways": gateways or []},
            "recurrence": {"dtstart": start_at.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S")},
            **more,
        },
    )
    assert answer.status_code == 201, answer.text
    schedule_id = answer.json()["id"]
    broadcasts = api.get("/broadcasts", after=start_at.isoformat())
    return next(each for each in broadcasts if each["schedule_id"] == schedule_id)


def wait_for_states(
    api: Api, broadcast_id: str, wanted: set[str], timeout_s: float
) -> dict[str, dict[str, Any]]:
    """Wait until every delivery is in one of these states, and return them by gateway."""

    def there() -> dict[str, dict[str, Any]] | None:
        found = api.deliveries(broadcast_id)
        return found if {each["state"] for each in found.values()} <= wanted else None

    return eventually(there, timeout_s, f"{broadcast_id} {wanted}")


def wait_until(instant: datetime) -> None:
    """Let real time pass: sound takes as long as it takes."""
    eventually(lambda: now() >= instant, max(0.1, (instant - now()).total_seconds() + 5))


def heard_at(
    recording: Recording, reference: NDArray[np.float32], after: datetime, before: datetime
) -> tuple[float, datetime]:
    """Find a sound in a recording: how surely (0 to 1), and the instant at which it starts."""
    correlation, lag = normalised_cross_correlation(recording.between(after, before), reference)
    return correlation, after + timedelta(seconds=lag / RATE)


def times_heard(
    recording: Recording,
    reference: NDArray[np.float32],
    after: datetime,
    before: datetime,
    *,
    surely: float = HEARD,
) -> list[datetime]:
    """Return every instant at which a sound starts in a recording."""
    found: list[datetime] = []
    heard = recording.between(after, before)
    while len(heard) >= len(reference):
        correlation, lag = normalised_cross_correlation(heard, reference)
        if correlation < surely:
            break
        found.append(after + timedelta(seconds=lag / RATE))
        heard[lag : lag + len(reference)] = 0
    return sorted(found)


def reference_of(path: Path) -> NDArray[np.float32]:
    """Read a sound file as samples at 48 kHz."""
    from support.sound import decode_clip  # noqa: PLC0415 - PyAV is slow to import and only needed here

    return decode_clip(path)
