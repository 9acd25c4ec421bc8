"""Emergencies, as far as they only think: repeats, and whom to ring."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from controller.emergencies.campaigns import AHEAD, next_repeats
from controller.emergencies.models import Emergency, EmergencySource
from controller.emergencies.nearest import Keeper, distance_km, nearest_keeper

NOON = datetime(2026, 11, 24, 5, tzinfo=UTC)


def campaign(every_min: int, lasts_min: int, ordered_min: int = 0) -> Emergency:
    return Emergency(
        id="x",
        area_id=1,
        title="Bão",
        source=EmergencySource.TEXT,
        audience={},
        every_ms=every_min * 60_000,
        ordered_until_at=NOON + timedelta(minutes=ordered_min),
        until_at=NOON + timedelta(minutes=lasts_min),
        created_at=NOON,
    )


@given(
    every=st.integers(1, 120),
    lasts=st.integers(1, 3 * 24 * 60),
    looks=st.lists(st.integers(0, 3 * 24 * 60 * 60), max_size=30),
)
def test_each_repeat_is_ordered_once_in_its_time_and_none_after_the_end(
    every: int, lasts: int, looks: list[int]
) -> None:
    """However often and however irregularly someone looks."""
    emergency = campaign(every, lasts)
    ordered = [NOON]
    for seconds in sorted(looks):
        now = NOON + timedelta(seconds=seconds)
        for start_at in next_repeats(emergency, now):
            assert start_at > ordered[-1]
            assert start_at >= now, "what went by unordered is not made up for"
            assert (start_at - NOON) % timedelta(minutes=every) == timedelta(0)
            assert start_at <= emergency.until_at
            ordered.append(start_at)
        emergency.ordered_until_at = ordered[-1]
        assert sum(start_at > now for start_at in ordered) <= AHEAD
        coming = now + timedelta(minutes=every)
        if coming <= emergency.until_at:
            assert any(now <= start_at <= coming for start_at in ordered), "the next one is on its way"


def test_what_sounds_once_has_no_repeats() -> None:
    once = campaign(5, 60)
    once.every_ms = None
    assert next_repeats(once, NOON) == []


def keeper(
    gateway_id: str, hamlet: int = 1, phone: str = "", at: tuple[float, float] | None = None
) -> Keeper:
    latitude, longitude = at or (None, None)
    return Keeper(gateway_id, hamlet, f"Người giữ {gateway_id}", phone, latitude, longitude)


def test_the_gateways_own_keeper_is_rung_first() -> None:
    own = keeper("g1", phone="1")
    assert nearest_keeper(own, [keeper("g0", phone="0"), own]) == own


def test_else_the_nearest_of_the_same_hamlet_else_the_nearest_of_all() -> None:
    silent = keeper("g1", at=(9.50, 106.20))
    same_hamlet = keeper("g2", phone="2", at=(9.60, 106.20))
    next_door = keeper("g3", hamlet=2, phone="3", at=(9.501, 106.20))
    far = keeper("g4", hamlet=2, phone="4", at=(9.9, 106.20))
    assert nearest_keeper(silent, [silent, far, next_door, same_hamlet]) == same_hamlet
    assert nearest_keeper(silent, [silent, far, next_door]) == next_door


def test_without_coordinates_only_the_own_hamlet_is_near() -> None:
    silent = keeper("g1")
    assert nearest_keeper(silent, [silent, keeper("g3", hamlet=2, phone="3")]) is None
    assert nearest_keeper(silent, [silent, keeper("g2", phone="2")]) == keeper("g2", phone="2")


def test_a_degree_of_latitude_is_a_hundred_and_eleven_kilometres() -> None:
    length = distance_km(keeper("a", at=(9.0, 106.0)), keeper("b", at=(10.0, 106.0)))
    assert length is not None
    assert 111.0 < length < 111.4
