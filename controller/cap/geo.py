"""From the areas of an alert to those of the tree and to gateways. Pure.

The tree has codes and no outlines, so a code means an area with all below it, and a shape means the gateways
that stand in it. Each info is placed by itself: what one says of its area is never said in another's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controller.cap.alert import Info
from controller.cap.shapes import Place

GEOCODE_SYSTEM = "VN-GSO"
"""Codes of areas as the tree has them: those of the General Statistics Office (Decision 19/2025/QĐ-TTg)."""


@dataclass(frozen=True, slots=True)
class PlacedGateway:
    """A gateway, the path of its area, and where it stands, if that was ever entered."""

    id: str
    path: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Ground:
    """What a feed may address: one area, all below it, and the gateways there."""

    path: str
    """Of the feed's area."""
    codes: Mapping[str, tuple[str, ...]]
    """Paths of the areas of each code, wherever they are; an old code leads to those that took over."""
    gateways: tuple[PlacedGateway, ...]
    """Those at and below `path`."""
    systems: frozenset[str] = frozenset({GEOCODE_SYSTEM})
    """Systems of codes that the feed uses for these codes."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom an info is for. Empty is nobody, never everybody."""

    paths: frozenset[str] = frozenset()
    """Of whole areas."""
    gateways: frozenset[str] = frozenset()
    """Single ones, inside a shape and not in one of the areas."""

    @property
    def is_nobody(self) -> bool:
        """Whether it is for nobody here."""
        return not (self.paths or self.gateways)


@dataclass(frozen=True, slots=True)
class Part:
    """Infos for the same people: usually one alert in several languages."""

    target: Target
    infos: tuple[Info, ...]


def parts_of(infos: Iterable[Info], ground: Ground) -> tuple[Part, ...]:
    """Return the infos by whom they are for, in their order; those for nobody here are left out."""
    by_target: dict[Target, list[Info]] = {}
    for info in infos:
        target = place(info, ground)
        if not target.is_nobody:
            by_target.setdefault(target, []).append(info)
    return tuple(Part(target, tuple(found)) for target, found in by_target.items())


def place(info: Info, ground: Ground) -> Target:
    """Return whom an info is for: the union of its codes, polygons and circles, within the feed's area."""
    paths: set[str] = set()
    for area in info.areas:
        for geocode in area.geocodes:
            if geocode.system in ground.systems:
                paths.update(_within(ground.path, ground.codes.get(geocode.code, ())))
    whole = frozenset(path for path in paths if not any(path != up and path.startswith(up) for up in paths))
    shapes = [shape for area in info.areas for shape in area.shapes]
    inside = frozenset(
        gateway.id
        for gateway in ground.gateways
        if gateway.place is not None
        and not any(gateway.path.startswith(path) for path in whole)
        and any(shape.holds(gateway.place) for shape in shapes)
    )
    return Target(whole, inside)


def unplaced(ground: Ground) -> int:
    """Return how many gateways no shape can find, because nobody has entered where they stand."""
    return sum(gateway.place is None for gateway in ground.gateways)


def _within(scope: str, paths: Iterable[str]) -> Iterable[str]:
    """Yield what of some areas lies within another: they themselves, or the whole of it."""
    for path in paths:
        if path.startswith(scope):
            yield path
        elif scope.startswith(path):
            yield scope
