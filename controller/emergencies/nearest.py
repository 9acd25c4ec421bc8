"""Whom to ring about a gateway that is silent. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Keeper:
    """A gateway, its place, and the person who looks after it."""

    gateway_id: str
    area_id: int
    name: str
    phone: str
    latitude: float | None = None
    longitude: float | None = None


def nearest_keeper(of: Keeper, everyone: Iterable[Keeper]) -> Keeper | None:
    """Return whose phone to ring: the gateway's own keeper, else one of its hamlet, else the nearest.

    Returns:
        None when nobody's phone is known. Without coordinates, only its own hamlet counts as near.
    """
    if of.phone:
        return of
    known = [each for each in everyone if each.phone]
    neighbours = [each for each in known if each.area_id == of.area_id] or known
    placed = [(distance_km(of, each), each.gateway_id, each) for each in neighbours]
    near = [(km, gateway_id, each) for km, gateway_id, each in placed if km is not None]
    if near:
        return min(near, key=lambda found: found[:2])[2]
    same_hamlet = sorted((each.gateway_id, each) for each in known if each.area_id == of.area_id)
    return same_hamlet[0][1] if same_hamlet else None


def distance_km(here: Keeper, there: Keeper) -> float | None:
    """Return the distance along the great circle, None where a place is not known."""
    if None in {here.latitude, here.longitude, there.latitude, there.longitude}:
        return None
    here_at, there_at = math.radians(here.latitude or 0.0), math.radians(there.latitude or 0.0)
    across = math.radians((there.longitude or 0.0) - (here.longitude or 0.0))
    half = math.sin((there_at - here_at) / 2) ** 2 + (
        math.cos(here_at) * math.cos(there_at) * math.sin(across / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half)))
