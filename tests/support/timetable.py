"""A compressed schedule for tests of faults: every broadcast has a sound of its own and is remembered."""

import hashlib
import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session
from support import evidence, gathering
from support.broadcasting import now, schedule_once
from support.checker import Violation, violations
from support.eventually import eventually
from support.listening import Samples
from support.media import murmur, opus
from support.recording import Recording
from support.town import Api, Town

from controller.clips.models import Clip
from controller.db import make_engine, writing

ENDED = frozenset(
    {"played", "partial", "failed", "rejected", "preempted", "cancelled", "expired", "missed"},
)


class Timetable:
    """Orders broadcasts of a town and keeps what the controller has promised.

    Args:
        town: A running town.
        length_ms: Of each sound.
        seed: Of the first sound; each broadcast has the next one.
    """

    def __init__(self, town: Town, *, length_ms: int = 2_000, seed: int = 1) -> None:
        self.town = town
        self.api: Api = town.api()
        self.promises: list[evidence.Promise] = []
        self._length_ms = length_ms
        self._seeds = itertools.count(seed)

    def at(
        self,
        start_at: datetime,
        *,
        areas: Iterable[str] = (),
        gateways: Iterable[str] = (),
        length_ms: int | None = None,
        **more: Any,
    ) -> str:
        """Schedule the next sound for an instant, of another length if given; returns the broadcast's id."""
        broadcast = schedule_once(
            self.api,
            self._clip(length_ms or self._length_ms),
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
        clip = self._clip(self._length_ms)
        if priority == "emergency":
            self.api.step_up()
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

    def cancel(self, broadcast_id: str) -> None:
        """Take it back."""
        answer = self.api.post(f"/broadcasts/{broadcast_id}/cancel")
        assert answer.status_code == 202, answer.text

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
            journals = (gathering.kept_in(self.town.directory / each) for each in self.town.gateway_ids)
            return not any(each.waiting for each in journals)

        eventually(ended, timeout_s, "every delivery has ended")
        eventually(receipted, timeout_s, "every report is receipted")

    def deliveries(self, broadcast_id: str) -> dict[str, dict[str, Any]]:
        return self.api.deliveries(broadcast_id)

    def evidence(
        self, healed_at: datetime | None, recordings: Mapping[str, Recording] | None = None
    ) -> evidence.Evidence:
        """Read what the town has left behind so far."""
        return gathering.of_town(
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

    def _clip(self, length_ms: int) -> dict[str, Any]:
        return _stored(self.town, murmur(length_ms, next(self._seeds)), length_ms)

    def _promised(self, broadcast_id: str) -> str:
        self.promises.append(evidence.promise(self.api.deliveries(broadcast_id), broadcast_id))
        return broadcast_id

    def states(self, broadcast_id: str) -> set[str]:
        return {each["state"] for each in self.api.deliveries(broadcast_id).values()}


def _stored(town: Town, sound: Samples, length_ms: int) -> dict[str, Any]:
    """Put a clip where the controller keeps them, without its preparation: that is tested elsewhere."""
    content = opus(sound)
    clip = Clip(
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        duration_ms=length_ms,
        loudness_lufs=-16.0,
        true_peak_dbtp=-6.0,
        prepared_at=now(),
    )
    path = town.stored_clip(clip.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    facts = clip.model_dump()
    engine = make_engine(town.settings.url)
    with Session(engine) as session, session.begin():
        writing(session)
        session.add(clip)
    engine.dispose()
    return facts
