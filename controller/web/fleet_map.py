"""Where marks go on the map: latitude and longitude to a drawing, without tiles from anywhere. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 1000.0
MARGIN = 60.0
NARROWEST, WIDEST = 360.0, 720.0
SMALLEST_DEGREES = 0.02
"""About two kilometres: a single gateway is not blown up to fill the world."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Marks in drawing units, and the drawing's size."""

    width: float
    height: float
    points: tuple[tuple[float, float], ...]


def chart(coordinates: Sequence[tuple[float, float]]) -> Chart | None:
    """Place (latitude, longitude) pairs, north up, equal scale both ways (equirectangular).

    Returns:
        None without coordinates.
    """
    if not coordinates:
        return None
    latitudes, longitudes = zip(*coordinates, strict=True)
    south, north = _spread(min(latitudes), max(latitudes))
    west, east = _spread(min(longitudes), max(longitudes))
    squeeze = math.cos(math.radians((south + north) / 2))
    inner = WIDTH - 2 * MARGIN
    scale = min(inner / ((east - west) * squeeze), (WIDEST - 2 * MARGIN) / (north - south))
    height = max(NARROWEST, (north - south) * scale + 2 * MARGIN)
    left = (WIDTH - (east - west) * squeeze * scale) / 2
    top = (height - (north - south) * scale) / 2
    points = tuple(
        (round(left + (lon - west) * squeeze * scale, 1), round(top + (north - lat) * scale, 1))
        for lat, lon in coordinates
    )
    return Chart(WIDTH, round(height, 1), points)


def _spread(low: float, high: float) -> tuple[float, float]:
    lacking = max(0.0, SMALLEST_DEGREES - (high - low)) / 2
    return low - lacking, high + lacking
