"""The tiers that hold no footage: how many streaming and analytics servers the load of the city takes."""

from __future__ import annotations

from math import ceil
from typing import Literal

from vigie.city.model import City, ServerTier
from vigie.plan import capacity
from vigie.plan.lots import Lots
from vigie.plan.model import TierLoad
from vigie.plan.recording import server_class
from vigie.plan.refusal import Shortfall

Name = Literal["streaming", "analytics"]


def tier_loads(city: City) -> tuple[TierLoad, ...]:
    """The load of each such tier that the city has, all lots together, after growth."""
    loads = []
    if city.file.tiers.streaming:
        watched = city.file.capacity.viewers * city.file.capacity.streams_per_viewer
        loads.append(_load(city, "streaming", city.file.tiers.streaming, watched))
    if city.file.tiers.analytics:
        loads.append(_load(city, "analytics", city.file.tiers.analytics, _grown(city, sum(_analysed(city).values()))))
    return tuple(loads)


def _load(city: City, name: Name, tier: ServerTier, load: int) -> TierLoad:
    server = server_class(city, tier.server_class)
    each = (server.max_streams if name == "streaming" else server.max_analysed) or 1
    return TierLoad(name, -(-load // each) if tier.count is None else tier.count, load, each)


def _analysed(city: City) -> dict[str, int]:
    """Analysed cameras by site."""
    analysed = {profile.id for profile in city.file.profiles if profile.analysed}
    counts = dict.fromkeys((site.id for site in city.file.sites), 0)
    for camera in city.cameras:
        if camera.profile in analysed:
            counts[camera.site] += 1
    return counts


def _grown(city: City, cameras: int) -> int:
    return ceil(cameras * capacity.growth_factor(city.file.capacity))


def analytics_lots(city: City, lots: Lots, load: TierLoad) -> list[str]:
    """The lot that pays for each analytics host: the lots together, one after the other, need that many."""
    owners: list[str] = []
    cameras = 0
    by_site = _analysed(city)
    for lot in sorted(lots.ordered, key=lambda lot: not lot.deployed):
        cameras += sum(count for site, count in by_site.items() if lots.by_site[site].id == lot.id)
        needed = min(-(-_grown(city, cameras) // load.load_each), load.hosts)
        owners += [lot.id] * (needed - len(owners))
    return owners + [lots.first.id] * (load.hosts - len(owners))


def tier_shortfalls(loads: tuple[TierLoad, ...]) -> list[Shortfall]:
    """What the counts that the city gives lack."""
    found = []
    for load in loads:
        if load.load > load.hosts * load.load_each:
            what, less = (
                ("streams watched at once", "fewer viewers")
                if load.tier == "streaming"
                else ("analysed sub-streams", "fewer analysed profiles")
            )
            missing = load.load - load.hosts * load.load_each
            servers = -(-load.load // load.load_each) - load.hosts
            ways = (
                f"{servers} more {load.tier} server(s): 0 disks, 0 days",
                f"servers that take {-(-load.load // load.hosts)} instead of {load.load_each}: 0 disks, 0 days",
                f"{less}: {missing} fewer {what}: 0 disks, 0 days",
            )
            available = f"{load.hosts * load.load_each} ({load.hosts} of {load.load_each})"
            found.append(Shortfall(f"tiers.{load.tier}", what, str(load.load), available, ways, str(missing)))
    return found
