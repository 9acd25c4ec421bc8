"""Polygons and circles of CAP 1.2 (§3.2.4), and whether a place is in them. Pure."""

import math
from dataclasses import dataclass
from itertools import pairwise

from controller.cap.refusal import CapRefused, Refusal

EARTH_KM = 6371.0088
"""Mean radius of WGS 84 (IUGG); a sphere is good to 0.5 %, which is less than a horn carries."""
MOST_POINTS = 5_000
_CLOSED = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth, in degrees of WGS 84."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """A ring of points, the last one the same as the first."""

    ring: tuple[Place, ...]

    def holds(self, place: Place) -> bool:
        """Whether a place is inside (even-odd rule), degrees as if on a plane, as maps draw them.

        A ring that crosses the 180th meridian has to come as two, as GeoJSON asks too (RFC 7946 §3.1.9).
        """
        inside = False
        for one, next_one in pairwise(self.ring):
            if (one.latitude > place.latitude) != (next_one.latitude > place.latitude):
                share = (place.latitude - one.latitude) / (next_one.latitude - one.latitude)
                inside ^= one.longitude + share * (next_one.longitude - one.longitude) > place.longitude
        return inside


@dataclass(frozen=True, slots=True)
class Circle:
    """All within a distance of a place."""

    centre: Place
    radius_km: float

    def holds(self, place: Place) -> bool:
        """Whether a place is inside, by the haversine formula."""
        north, south = math.radians(place.latitude), math.radians(self.centre.latitude)
        east = math.radians(place.longitude - self.centre.longitude)
        half = (
            math.sin((north - south) / 2) ** 2 + math.cos(north) * math.cos(south) * math.sin(east / 2) ** 2
        )
        return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half))) <= self.radius_km


Shape = Polygon | Circle


def read_polygon(text: str) -> Polygon:
    """Read ``lat,lon lat,lon …``.

    Raises:
        CapRefused: It has fewer than four points, does not close, or is not on the earth.
    """
    ring = tuple(_place(pair) for pair in text.split())
    if not _CLOSED <= len(ring) <= MOST_POINTS or ring[0] != ring[-1]:
        raise CapRefused(Refusal.BAD_SHAPE, f"polygon of {len(ring)} points")
    return Polygon(ring)


def read_circle(text: str) -> Circle:
    """Read ``lat,lon radius``, the radius in km.

    Raises:
        CapRefused: It is something else.
    """
    centre, _, radius = text.strip().partition(" ")
    radius_km = _number(radius.strip())
    if not 0 <= radius_km <= math.pi * EARTH_KM:
        raise CapRefused(Refusal.BAD_SHAPE, f"radius {radius}")
    return Circle(_place(centre), radius_km)


def _place(pair: str) -> Place:
    latitude, comma, longitude = pair.partition(",")
    place = Place(_number(latitude), _number(longitude)) if comma else None
    if place is None or not (-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180):  # noqa: PLR2004
        raise CapRefused(Refusal.BAD_SHAPE, f"point {pair[:40]}")
    return place


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise CapRefused(Refusal.BAD_SHAPE, f"number {text[:40]}") from error
    if not math.isfinite(number):
        raise CapRefused(Refusal.BAD_SHAPE, f"number {text[:40]}")
    return number
