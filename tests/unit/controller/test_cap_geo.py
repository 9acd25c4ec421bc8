"""Where an alert holds: the communes of its codes, the gateways in its shapes, and never everyone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.alerts import AROUND_THE_COMMUNE

from controller.cap.alert import AlertArea, Geocode, Info, Severity
from controller.cap.geo import Ground, PlacedGateway, Target, parts_of, place, unplaced
from controller.cap.shapes import Circle, Place, Shape, read_circle, read_polygon

COMMUNE, HAMLET, OTHER = "/1/2/", "/1/2/4/", "/1/3/"
GROUND = Ground(
    path="/1/",
    codes={"92": ("/1/",), "31673": (COMMUNE,), "31672": (COMMUNE,), "31679": (OTHER,), "01": ("/9/",)},
    gateways=(
        PlacedGateway("market", HAMLET, Place(9.556, 106.166)),
        PlacedGateway("river", HAMLET, Place(9.570, 106.185)),
        PlacedGateway("far", OTHER, Place(9.479, 106.147)),
        PlacedGateway("somewhere", OTHER, None),
    ),
)


def info(*shapes: Shape, codes: tuple[str, ...] = (), event: str = "Bão", system: str = "VN-GSO") -> Info:
    area = AlertArea("", shapes, tuple(Geocode(system, code) for code in codes))
    return Info(event, Severity.SEVERE, areas=(area,))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (info(codes=("31673",)), Target(frozenset({COMMUNE}))),
        (info(codes=("31672",)), Target(frozenset({COMMUNE}))),
        (info(codes=("92", "31673")), Target(frozenset({"/1/"}))),
        (info(codes=("01",)), Target()),
        (info(codes=("00000",)), Target()),
        (info(codes=("31673",), system="SAME"), Target()),
        (info(read_polygon(AROUND_THE_COMMUNE)), Target(frozenset(), frozenset({"market", "river"}))),
        (info(read_circle("9.556,106.166 0.5")), Target(frozenset(), frozenset({"market"}))),
        (
            info(read_circle("9.479,106.147 1"), codes=("31673",)),
            Target(frozenset({COMMUNE}), frozenset({"far"})),
        ),
        (info(read_polygon(AROUND_THE_COMMUNE), codes=("31673",)), Target(frozenset({COMMUNE}))),
        (info(), Target()),
    ],
)
def test_the_golden_map(wanted: Info, expected: Target) -> None:
    assert place(wanted, GROUND) == expected


def test_a_code_above_the_feeds_area_means_that_area_and_no_more() -> None:
    narrow = Ground(COMMUNE, GROUND.codes, GROUND.gateways[:2])
    assert place(info(codes=("92",)), narrow) == Target(frozenset({COMMUNE}))
    assert place(info(codes=("31679",)), narrow).is_nobody


OUTSIDE = st.builds(
    Circle, st.builds(Place, st.floats(-90, 8), st.floats(-180, 180)), st.floats(0, 100)
) | st.builds(
    lambda south, west, height, width: read_polygon(
        f"{south},{west} {south + height},{west} {south + height},{west + width} {south},{west + width}"
        f" {south},{west}"
    ),
    st.floats(24, 60).map(lambda value: round(value, 3)),
    st.floats(-180, 100).map(lambda value: round(value, 3)),
    st.floats(0.1, 30).map(lambda value: round(value, 3)),
    st.floats(0.1, 60).map(lambda value: round(value, 3)),
)


@given(st.lists(OUTSIDE, max_size=4))
def test_a_shape_outside_the_country_reaches_nobody(shapes: list[Shape]) -> None:
    assert place(info(*shapes), GROUND).is_nobody
    assert parts_of([info(*shapes)], GROUND) == ()


def test_what_is_told_of_one_place_is_not_told_in_another() -> None:
    storm, rain = info(codes=("31673",)), info(codes=("31679",), event="Mưa lớn")
    english = info(codes=("31673",), event="Storm")
    nowhere = info(codes=("01",), event="Động đất")
    parts = parts_of([storm, rain, english, nowhere], GROUND)
    assert [(part.target.paths, [each.event for each in part.infos]) for part in parts] == [
        (frozenset({COMMUNE}), ["Bão", "Storm"]),
        (frozenset({OTHER}), ["Mưa lớn"]),
    ]


def test_gateways_of_which_nobody_knows_where_they_stand_are_counted() -> None:
    assert unplaced(GROUND) == 1


@given(st.floats(-80, 80), st.floats(-170, 170), st.floats(0.01, 5))
def test_a_square_holds_its_middle_and_not_what_is_beside_it(north: float, east: float, half: float) -> None:
    south_west, north_east = (north - half, east - half), (north + half, east + half)
    ring = [
        south_west,
        (south_west[0], north_east[1]),
        north_east,
        (north_east[0], south_west[1]),
        south_west,
    ]
    square = read_polygon(" ".join(f"{latitude:.9f},{longitude:.9f}" for latitude, longitude in ring))
    assert square.holds(Place(north, east))
    assert not square.holds(Place(north + half * 1.01, east))
    assert not square.holds(Place(north, east - half * 1.01))
