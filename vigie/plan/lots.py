"""Firm and conditional lots: who pays for what, and what each adds to the city."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vigie.city.model import City, Lot, ServerClass, ServerTier
from vigie.plan import capacity
from vigie.plan.model import Camera, Host, LotSummary, Tier
from vigie.plan.recording import ordered_lots, server_class, storage_unit


@dataclass(frozen=True, slots=True)
class Lots:
    """The lots of a city in the order in which they are placed and counted."""

    ordered: tuple[Lot, ...]
    by_site: Mapping[str, Lot]

    @classmethod
    def of(cls, city: City) -> Lots:
        ordered = ordered_lots(city)
        by_id = {lot.id: lot for lot in ordered}
        return cls(tuple(ordered), {site.id: by_id[site.lot] for site in city.file.sites})

    @property
    def first(self) -> Lot:
        """The lot that pays for what the whole city needs: the first that is deployed, if any is."""
        return next((lot for lot in self.ordered if lot.deployed), self.ordered[0])

    def payer(self, sites: Iterable[str]) -> Lot:
        """The lot that first needs what serves all of ``sites``."""
        needing = {self.by_site[site].id for site in sites}
        among = [lot for lot in self.ordered if lot.id in needing]
        return min(among, key=lambda lot: not lot.deployed, default=self.first)


def summaries(city: City, lots: Lots, hosts: Iterable[Host], cameras: Iterable[Camera]) -> tuple[LotSummary, ...]:
    """A summary for each lot, in the city's order."""
    hosts = list(hosts)
    tiers = {lot.id: Counter(host.tier for host in hosts if host.lot == lot.id) for lot in lots.ordered}
    sites = Counter(site.lot for site in city.file.sites)
    counted = Counter(camera.lot for camera in cameras)
    unit = storage_unit(city)
    return tuple(
        LotSummary(
            id=lot.id,
            title=lot.title,
            kind=lot.kind,
            exercised=lot.exercised,
            deployed=lot.deployed,
            sites=sites[lot.id],
            cameras=counted[lot.id],
            recorders=tiers[lot.id]["recorder"],
            streaming=tiers[lot.id]["streaming"],
            analytics=tiers[lot.id]["analytics"],
            disks=tiers[lot.id]["recorder"] * unit.disks,
            raw_bytes=tiers[lot.id]["recorder"] * capacity.raw_bytes(unit),
            price=_price(city, tiers[lot.id]),
        )
        for lot in city.file.lots
    )


def _price(city: City, counts: Counter[Tier]) -> int | None:
    """The price of those hosts with their disks; ``None`` if the city leaves one of the prices out."""
    total = 0
    tiers = city.file.tiers
    bought: tuple[tuple[Tier, ServerTier | None], ...] = (
        ("recorder", tiers.recorder),
        ("streaming", tiers.streaming),
        ("analytics", tiers.analytics),
    )
    for name, tier in bought:
        if tier is None or not counts[name]:
            continue
        each = host_price(city, server_class(city, tier.server_class), with_disks=name == "recorder")
        if each is None:
            return None
        total += each * counts[name]
    return total if city.file.city.currency else None


def host_price(city: City, server: ServerClass, *, with_disks: bool) -> int | None:
    """The price of one server; disks without a price of their own are in the server's."""
    if server.price is None:
        return None
    unit = storage_unit(city)
    return server.price + (unit.disks * (unit.disk_price or 0) if with_disks else 0)
