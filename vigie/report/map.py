"""The map of a city from its sites' positions: circles, labels that do not collide, a scale. Pure geometry, in pixels of
the drawing's own coordinates (y grows downwards)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import cos, floor, hypot, log10, radians, sqrt
from typing import Final

from vigie.plan.model import SiteLoad

WIDTH: Final = 1000.0
MOST_HEIGHT: Final = 680.0
STRIP: Final = 44.0  # below the map, for the scale and the north arrow
MARGIN: Final = 46.0
KM_PER_DEGREE: Final = 111.32  # of latitude (WGS 84, mean)
LEAST_SPAN_KM: Final = 1.0  # so that one site alone is a map, too
LABEL_HEIGHT: Final = 14.0
LETTER_WIDTH: Final = 6.9
GAP: Final = 3.0
MOST_LABELLED: Final = 100  # sites; with more of them, districts have names and sites only a tooltip
ENOUGH_LABELLED: Final = 0.85  # of the sites
MOST_RADIUS: Final = 20.0
LEAST_RADIUS: Final = 3.0
SCALE_SHARE: Final = 0.25  # of the drawing's width, at the most


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Left, top, right and bottom."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Rectangle) -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: Rectangle) -> bool:
        """Whether ``other`` lies inside."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a site or a district; ``anchor`` is SVG's ``text-anchor`` and ``y`` the baseline."""

    text: str
    x: float
    y: float
    anchor: str


@dataclass(frozen=True, slots=True)
class Circle:
    """One site. ``lot`` is the place of its lot in the plan."""

    site: SiteLoad
    lot: int
    x: float
    y: float
    radius: float

    @property
    def box(self) -> Rectangle:
        return Rectangle(self.x - self.radius, self.y - self.radius, self.x + self.radius, self.y + self.radius)


@dataclass(frozen=True, slots=True)
class Scale:
    """A bar of ``kilometres`` that is ``length`` long."""

    kilometres: float
    length: float


@dataclass(frozen=True, slots=True)
class CityMap:
    """Everything to draw; large circles first, so that small ones stay in sight."""

    width: float
    height: float
    circles: tuple[Circle, ...]
    labels: tuple[Label, ...]
    scale: Scale


def draw(sites: Sequence[SiteLoad], lots: Sequence[str]) -> CityMap:
    """The map of ``sites``; distances are true in both directions at the city's own latitude (equirectangular)."""
    latitudes = [site.latitude for site in sites]
    longitudes = [site.longitude for site in sites]
    middle = (min(latitudes) + max(latitudes)) / 2
    shrink = cos(radians(middle))
    wide = (max(longitudes) - min(longitudes)) * KM_PER_DEGREE * shrink
    high = (max(latitudes) - min(latitudes)) * KM_PER_DEGREE
    pixels_per_km = min(
        (WIDTH - 2 * MARGIN) / max(wide, LEAST_SPAN_KM), (MOST_HEIGHT - 2 * MARGIN) / max(high, LEAST_SPAN_KM)
    )
    height = 2 * MARGIN + max(high, LEAST_SPAN_KM / 2) * pixels_per_km
    left = (WIDTH - wide * pixels_per_km) / 2
    top = (height - high * pixels_per_km) / 2
    places = [
        (
            round(left + (site.longitude - min(longitudes)) * KM_PER_DEGREE * shrink * pixels_per_km, 1),
            round(top + (max(latitudes) - site.latitude) * KM_PER_DEGREE * pixels_per_km, 1),
        )
        for site in sites
    ]
    largest = max(site.cameras for site in sites) or 1
    most = _most_radius(places)
    circles = [
        Circle(
            site=site,
            lot=lots.index(site.lot) if site.lot in lots else 0,
            x=x,
            y=y,
            radius=round(max(LEAST_RADIUS, most * sqrt(site.cameras / largest)), 1),
        )
        for site, (x, y) in zip(sites, places, strict=True)
    ]
    circles.sort(key=lambda circle: (-circle.site.cameras, circle.site.site))
    labels = tuple(_labels(circles, height))
    return CityMap(WIDTH, round(height + STRIP, 1), tuple(circles), labels, _scale(pixels_per_km))


def _most_radius(places: Sequence[tuple[float, float]]) -> float:
    """Half of what lies between a site and its nearest, of the typical site: so most circles stand apart."""
    nearest = sorted(
        min((hypot(x - a, y - b) for at, (a, b) in enumerate(places) if at != place), default=2 * MOST_RADIUS)
        for place, (x, y) in enumerate(places)
    )
    return max(2 * LEAST_RADIUS, min(MOST_RADIUS, nearest[len(nearest) // 2] / 2))


def _labels(circles: Sequence[Circle], height: float) -> Iterator[Label]:
    """Names of sites, the larger first, or of districts where sites are many: wherever one fits beside what it names
    without touching a circle or another name."""
    taken = [circle.box for circle in circles]
    drawing = Rectangle(2, 2, WIDTH - 2, height - 2)
    if len(circles) <= MOST_LABELLED:
        named = [(circle.site.site, circle.box) for circle in circles]
    else:
        named = _districts(circles)
    for text, box in named:
        for label, place in _candidates(text, box):
            if drawing.holds(place) and not any(place.meets(other) for other in taken):
                taken.append(place)
                yield label
                break


def _districts(circles: Sequence[Circle]) -> list[tuple[str, Rectangle]]:
    boxes: dict[str, list[Rectangle]] = defaultdict(list)
    for circle in circles:
        boxes[circle.site.district].append(circle.box)
    return [
        (
            name,
            Rectangle(
                min(box.left for box in members),
                min(box.top for box in members),
                max(box.right for box in members),
                max(box.bottom for box in members),
            ),
        )
        for name, members in sorted(boxes.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _candidates(text: str, box: Rectangle) -> Iterator[tuple[Label, Rectangle]]:
    """Right, left, above and below of ``box``, just clear of it."""
    width, half = len(text) * LETTER_WIDTH, LABEL_HEIGHT / 2
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    places = (
        ("start", box.right + GAP, y),
        ("end", box.left - GAP, y),
        ("middle", x, box.top - GAP - half),
        ("middle", x, box.bottom + GAP + half),
    )
    for anchor, at, middle in places:
        start = at - {"start": 0.0, "end": width, "middle": width / 2}[anchor]
        place = Rectangle(start, middle - half, start + width, middle + half)
        yield Label(text, round(at, 1), round(middle + LABEL_HEIGHT / 3, 1), anchor), place


def closer(sites: Sequence[SiteLoad], lots: Sequence[str]) -> CityMap | None:
    """The middle of a city whose outskirts press it together: the half of its sites around the middle one; ``None`` where
    the whole map names most sites already, or has districts to name."""
    if len(sites) > MOST_LABELLED or len(draw(sites, lots).labels) >= ENOUGH_LABELLED * len(sites):
        return None
    middle = _median([site.latitude for site in sites]), _median([site.longitude for site in sites])
    shrink = cos(radians(middle[0]))

    def away(site: SiteLoad) -> tuple[float, str]:
        return hypot(site.latitude - middle[0], (site.longitude - middle[1]) * shrink), site.site

    return draw(sorted(sites, key=away)[: (len(sites) + 1) // 2], lots)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _scale(pixels_per_km: float) -> Scale:
    """The longest of 1, 2 or 5 times a power of ten that fits."""
    most = WIDTH * SCALE_SHARE / pixels_per_km
    power = 10.0 ** floor(log10(most))
    kilometres = max(step * power for step in (1, 2, 5) if step * power <= most)
    return Scale(kilometres, round(kilometres * pixels_per_km, 1))


def legend(circles: Iterable[Circle]) -> tuple[int, int]:
    """The least and the most cameras of a site, for the legend."""
    counts = [circle.site.cameras for circle in circles]
    return min(counts), max(counts)
