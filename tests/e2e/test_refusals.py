"""Orders that nobody entitled gave: refused by the gateway, silent, and shown to staff."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.broadcasting import now, wait_until
from support.eventually import eventually
from support.town import Api, Town

from controller.columns import new_id
from controller.keyring import open_keyring
from wire import topics
from wire.envelope import Scope, SigningKey, seal
from wire.messages import ClipRef, Item, Play, encode
from wire.mqtt import Connection

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

VICTIM, OTHER = "31672-001", "31672-002"
REDELIVERY_WINDOW = timedelta(seconds=31)
"""For half a minute after it connected a gateway takes a repeat for the broker's own, silently."""


@pytest.fixture(scope="module")
def intruder(town: Town) -> Iterator[Connection]:
    """A connection that may publish anywhere, as whoever owns the broker can."""
    name = town.broker.add_intruder()
    connection = Connection(
        town.broker.address(name),
        subscriptions=(),
        on_message=lambda _incoming: None,
        on_connected=lambda _present: None,
        on_lost=lambda: None,
    )
    connection.start()
    assert connection.wait_connected(20)
    yield connection
    connection.stop()


@pytest.fixture(scope="module")
def api(town: Town) -> Api:
    return town.api("officer")


@pytest.fixture(scope="module")
def clip(api: Api) -> dict[str, Any]:
    clip: dict[str, Any] = api.speak("Đây là lời của kẻ lạ")["clip"]
    return clip


def play(clip: dict[str, Any], *, aud: str = VICTIM, exp: datetime | None = None, seq: int = 10**9) -> bytes:
    """What a valid order to play now looks like, before it is signed."""
    at = now()
    item = Item(
        broadcast_id=new_id(),
        start_at=at,
        clips=(ClipRef(**{key: clip[key] for key in ("sha256", "size_bytes", "duration_ms")}),),
    )
    return encode(
        Play(
            id=new_id(),
            order_id=new_id(),
            aud=aud,
            epoch=1,
            seq=seq,
            iat=at - timedelta(minutes=5),
            nbf=at - timedelta(minutes=5),
            exp=exp or at + timedelta(minutes=5),
            item=item,
        )
    )


def real_key(town: Town, scope: Scope = Scope.ROUTINE) -> SigningKey:
    return open_keyring(town.data).key(scope)


def refused(api: Api, reason: str, since: datetime) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        return next(
            (
                event
                for event in api.get("/security-events")
                if event["reason"] == reason and datetime.fromisoformat(event["arrived_at"]) >= since
            ),
            None,
        )

    return eventually(look, 10, f"{reason} is shown to staff")


def silent_since(town: Town, since: datetime) -> None:
    wait_until(now() + timedelta(seconds=1.5))
    for gateway_id in (VICTIM, OTHER):
        assert town.recording(gateway_id).is_silent(since, now()), gateway_id


def send(intruder: Connection, data: bytes, channel: str = "order") -> datetime:
    since = now()
    intruder.publish(topics.down(VICTIM, channel), data)
    return since


def test_a_forged_order_is_refused(town: Town, intruder: Connection, api: Api, clip: dict[str, Any]) -> None:
    key = real_key(town)
    sealed = seal(play(clip), key)
    since = send(intruder, sealed.replace(b'"sig":"', b'"sig":"AAAA', 1))
    assert refused(api, "bad_signature", since)["gateway_id"] == VICTIM
    since = send(intruder, seal(play(clip), SigningKey("stolen-1", Scope.ROUTINE, key.private)))
    refused(api, "unknown_key", since)
    since = send(intruder, seal(play(clip), real_key(town)), channel="emergency")
    refused(api, "unknown_key", since)
    silent_since(town, since)


def test_an_expired_order_is_refused(
    town: Town, intruder: Connection, api: Api, clip: dict[str, Any]
) -> None:
    since = send(intruder, seal(play(clip, exp=now() - timedelta(seconds=40)), real_key(town)))
    refused(api, "expired", since)
    silent_since(town, since)


def test_an_order_for_another_gateway_is_refused(
    town: Town, intruder: Connection, api: Api, clip: dict[str, Any]
) -> None:
    since = send(intruder, seal(play(clip, aud=OTHER), real_key(town)))
    refused(api, "wrong_audience", since)
    silent_since(town, since)


def test_noise_is_refused(town: Town, intruder: Connection, api: Api) -> None:
    since = send(intruder, b"\x00\xff not an envelope")
    refused(api, "malformed", since)
    silent_since(town, since)


def test_a_replayed_order_is_refused_and_does_not_sound_again(
    town: Town, intruder: Connection, api: Api, clip: dict[str, Any]
) -> None:
    # Ordered for real, so that the gateway may fetch the clip; then the same bytes again and again.
    answer = api.post(
        "/broadcasts",
        json={
            "bulletin": {"title": "Thật", "clip_sha256": clip["sha256"], "source": "speech"},
            "audience": {"gateways": [VICTIM]},
        },
    )
    broadcast_id = answer.json()["id"]
    eventually(lambda: api.deliveries(broadcast_id)[VICTIM]["state"] == "played", 20)
    recorded = seal(play(clip), real_key(town))
    since = send(intruder, recorded)
    eventually(lambda: not town.recording(VICTIM).is_silent(since, now()), 10, "the first one sounds")
    connected_at = datetime.fromisoformat(api.gateways()[VICTIM]["changed_at"])
    wait_until(max(now() + timedelta(seconds=4), connected_at + REDELIVERY_WINDOW))
    since = send(intruder, recorded)
    refused(api, "replayed", since)
    silent_since(town, since)


def test_staff_see_a_refusal_until_someone_has_looked(town: Town, api: Api) -> None:
    event = api.get("/security-events")[0]
    assert event["seen_at"] is None
    assert api.post(f"/security-events/{event['id']}/seen").status_code == 204
    assert api.get("/security-events")[0]["seen_at"] is not None
    assert town.api("neighbour").get("/security-events") == []
