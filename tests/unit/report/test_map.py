"""The map: true distances, names that do not touch, and nothing outside the drawing."""

from __future__ import annotations

from math import asin, cos, hypot, radians, sin, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cities import committed
from vigie.plan.model import SiteLoad
from vigie.report.map import LABEL_HEIGHT, LETTER_WIDTH, Label, Rectangle, closer, draw

FES = committed("fes")[1].capacity.sites


def site(name: str, latitude: float, longitude: float, cameras: int = 4) -> SiteLoad:
    return SiteLoad(name, cameras, 10**6, 10**9, "lot-1", True, f"District {name[:1]}", latitude, longitude)


def sites(most: int) -> st.SearchStrategy[list[SiteLoad]]:
    rows = st.tuples(st.floats(33.9, 34.1), st.floats(-5.1, -4.9), st.integers(0, 500))
    return st.lists(rows, min_size=1, max_size=most).map(
        lambda found: [site(f"site-{index}", *row) for index, row in enumerate(found)]
    )


def box(label: Label) -> Rectangle:
    width = len(label.text) * LETTER_WIDTH
    left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
    middle = label.y - LABEL_HEIGHT / 3
    return Rectangle(left, middle - LABEL_HEIGHT / 2, left + width, middle + LABEL_HEIGHT / 2)


@given(sites(40))
@settings(deadline=None, max_examples=40)
def test_names_touch_nothing_and_all_is_inside(found: list[SiteLoad]) -> None:
    drawing = draw(found, ["lot-1"])
    names = [box(label) for label in drawing.labels]
    slack = 0.3  # positions are rounded
    for at, one in enumerate(names):
        inner = Rectangle(one.left + slack, one.top + slack, one.right - slack, one.bottom - slack)
        assert not any(inner.meets(other) for other in names[at + 1 :])
        assert not any(inner.meets(circle.box) for circle in drawing.circles)
        assert Rectangle(0, 0, drawing.width, drawing.height).holds(one)
    for circle in drawing.circles:
        assert Rectangle(0, 0, drawing.width, drawing.height).holds(circle.box)
    assert len(drawing.circles) == len(found)


def haversine(one: SiteLoad, other: SiteLoad) -> float:
    half = sin(radians(other.latitude - one.latitude) / 2) ** 2
    half += (
        cos(radians(one.latitude))
        * cos(radians(other.latitude))
        * sin(radians(other.longitude - one.longitude) / 2) ** 2
    )
    return 2 * 6371 * asin(sqrt(half))


@pytest.mark.parametrize("latitude", [0.0, 34.0, 60.0, -45.0])
def test_the_scale_is_right_in_both_directions(latitude: float) -> None:
    """A degree of longitude is short in the north: a map that forgets that makes every city too wide."""
    corner = site("a", latitude, 5.0)
    for other in (site("b", latitude, 5.1), site("c", latitude + 0.1, 5.0), site("d", latitude + 0.07, 5.05)):
        drawing = draw([corner, other, site("z", latitude - 0.05, 4.9)], ["lot-1"])
        at = {circle.site.site: circle for circle in drawing.circles}
        pixels = hypot(at["a"].x - at[other.site].x, at["a"].y - at[other.site].y)
        shown = pixels * drawing.scale.kilometres / drawing.scale.length
        assert shown == pytest.approx(haversine(corner, other), rel=0.01)


def test_north_is_up_and_east_is_right() -> None:
    drawing = draw([site("a", 34.0, -5.0), site("b", 34.1, -4.9)], ["lot-1"])
    at = {circle.site.site: circle for circle in drawing.circles}
    assert at["b"].y < at["a"].y
    assert at["b"].x > at["a"].x


def test_areas_are_as_cameras() -> None:
    drawing = draw([site("a", 34.0, -5.0, 400), site("b", 34.1, -4.9, 100)], ["lot-1"])
    large, small = drawing.circles
    assert large.site.site == "a"
    assert large.radius == pytest.approx(2 * small.radius, abs=0.1)


def test_a_crowded_middle_is_drawn_closer() -> None:
    whole, middle = draw(FES, ["lot-1"]), closer(FES, ["lot-1"])
    assert middle is not None
    assert middle.scale.length / middle.scale.kilometres > 2 * whole.scale.length / whole.scale.kilometres
    assert len(middle.labels) > 0.8 * len(middle.circles)
    assert closer(FES[:3], ["lot-1"]) is None


def test_many_sites_are_named_by_district() -> None:
    rows = [site(f"{'abcd'[n % 4]}-{n}", 34 + (n % 4) / 10 + n / 1e4, -5 + (n % 7) / 100) for n in range(120)]
    drawing = draw(rows, ["lot-1"])
    assert {label.text for label in drawing.labels} <= {f"District {letter}" for letter in "abcd"}
    assert drawing.labels
