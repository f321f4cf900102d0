"""Which sites are neighbours: an order in which near sites stand close to each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from vigie.city.model import Site

ORDER: Final = 20  # of the curve: a cell is about 40 m wide at the equator


def hilbert(latitude: float, longitude: float) -> int:
    """How far along a Hilbert curve over the globe a position (degrees) lies: points near on the curve are near on the
    ground. The curve is that of the whole globe, so that a new site changes no other site's place on it."""
    side = 1 << ORDER
    x = min(int((longitude + 180) / 360 * side), side - 1)
    y = min(int((latitude + 90) / 180 * side), side - 1)
    distance, half = 0, side >> 1
    while half:
        right, up = int(bool(x & half)), int(bool(y & half))
        distance += half * half * ((3 * right) ^ up)
        if not up:
            if right:
                x, y = side - 1 - x, side - 1 - y
            x, y = y, x
        half >>= 1
    return distance


def in_order(sites: Sequence[Site]) -> list[Site]:
    """``sites`` by district, districts and the sites in them along the curve; independent of their order."""
    districts: dict[str, list[int]] = defaultdict(list)
    at = {}
    for site in sites:
        at[site.id] = hilbert(site.latitude, site.longitude)
        districts[site.district].append(at[site.id])
    middle = {name: sorted(places)[len(places) // 2] for name, places in districts.items()}
    return sorted(sites, key=lambda site: (middle[site.district], site.district, at[site.id], site.id))
