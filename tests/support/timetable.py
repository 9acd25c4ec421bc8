"""A compressed schedule for tests of faults: every broadcast has a sound of its own and is remembered."""

import wave
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from support import evidence
from support.broadcasting import now, schedule_once
from support.checker import Violation, violations
from support.eventually import eventually
from support.media import RATE, murmur
from support.recording import Recording
from support.town import Api, Town

ENDED = frozenset(
    {"played", "partial", "failed", "rejected", "preempted", "cancelled", "expired", "missed"},
)


class Timetable:
    """Orders broadcasts of a town and keeps what the controller has promised.

    Args:
        town: A running town.
        directory: For sound files.
        count: How many sounds are prepared; each is used for one broadcast.
        length_ms: Of each.
        seed: Of the first sound.
    """

    def __init__(
        self, town: Town, directory: Path, count: int, *, length_ms: int = 2_000, seed: int = 1
    ) -> None:
        self.town = town
        self.api: Api = town.api()
        self.promises: list[evidence.Promise] = []
        files = [_write(directory / f"{seed + n}.wav", length_ms, seed + n) for n in range(count)]
        begun = [self.api.begin_upload(each, opening_chime="false") for each in files]
        self._clips = [self.api.prepared(each)["clip"] for each in begun]

    def at(
        self,
        start_at: datetime,
        *,
        areas: Iterable[str] = (),
        gateways: Iterable[str] = (),
        **more: Any,
    ) -> str:
        """Schedule the next sound for an instant; returns the broadcast's id."""
        broadcast = schedule_once(
            self.api,
            self._clips.pop(0),
            start_at,
            areas=[self.api.area(each) for each in areas],
            gateways=list(gateways),
            **more,
        )
        return self._promised(broadcast["id"])

    def now(
        self,
        *,
        areas: Iterable[str] = (),
        gateways: Iterable[str] = (),
        priority: str = "normal",
        **more: Any,
    ) -> str:
        """Order the next sound at once; returns the broadcast's id."""
        clip = self._clips.pop(0)
        answer = self.api.post(
            "/broadcasts",
            json={
                "bulletin": {"title": "Ngay", "clip_sha256": clip["sha256"], "source": "upload"},
                "audience": {"areas": [self.api.area(each) for each in areas], "gateways": list(gateways)},
                "priority": priority,
                **more,
            },
        )
        assert answer.status_code == 202, answer.text
        return self._promised(answer.json()["id"])

    def fetched(self, broadcast_ids: Iterable[str], timeout_s: float = 30) -> None:
        """Wait until these are ready on every gateway that they go to."""
        for broadcast_id in broadcast_ids:
            eventually(
                lambda each=broadcast_id: self.states(each) <= {"ready", "playing", *ENDED},  # type: ignore[misc]
                timeout_s,
                f"{broadcast_id} on disk",
            )

    def settled(self, timeout_s: float) -> None:
        """Wait until every delivery has ended, for good, and every report of it has its receipt."""

        def ended() -> bool:
            return all(self.states(each.broadcast_id) <= ENDED for each in self.promises)

        def receipted() -> bool:
            journals = (evidence.kept_in(self.town.directory / each) for each in self.town.gateway_ids)
            return not any(each.waiting for each in journals)

        eventually(ended, timeout_s, "every delivery has ended")
        eventually(receipted, timeout_s, "every report is receipted")

    def deliveries(self, broadcast_id: str) -> dict[str, dict[str, Any]]:
        return self.api.deliveries(broadcast_id)

    def evidence(
        self, healed_at: datetime | None, recordings: Mapping[str, Recording] | None = None
    ) -> evidence.Evidence:
        """Read what the town has left behind so far."""
        return evidence.of_town(
            self.town,
            checked_at=now(),
            healed_at=healed_at,
            promises=self.promises,
            recordings=recordings,
        )

    def violations(
        self, healed_at: datetime | None, recordings: Mapping[str, Recording] | None = None
    ) -> list[Violation]:
        """Judge the run so far; see `support.checker`."""
        return violations(self.evidence(healed_at, recordings))

    def _promised(self, broadcast_id: str) -> str:
        self.promises.append(evidence.promise(self.api.deliveries(broadcast_id), broadcast_id))
        return broadcast_id

    def states(self, broadcast_id: str) -> set[str]:
        return {each["state"] for each in self.api.deliveries(broadcast_id).values()}


def _write(path: Path, length_ms: int, seed: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.rint(murmur(length_ms, seed) * 32767).astype("<i2").tobytes())
    return path
