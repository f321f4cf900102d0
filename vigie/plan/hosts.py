"""The hosts of the platform and the recorder identities on them: names, addresses, who pays, who stands by."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vigie.city.model import City
from vigie.city.model import Tier as CountedTier
from vigie.plan import capacity
from vigie.plan.addressing import Addressing, Wanted
from vigie.plan.constants import (
    ADMIN_USER,
    EXPORTER_PORTS,
    FIRST_USER_PORT,
    RECORDER_API_PORT,
    RECORDER_METRICS_PORT,
    RECORDER_PORT_STRIDE,
    RECORDINGS,
    SSH_PORT,
)
from vigie.plan.lots import Lots
from vigie.plan.model import Hardware, Host, Identity, Layer, Login, Plan, Tier, TierLoad, Volume
from vigie.plan.recording import Group, identity_name, recorder_name, server_class, spare_name, storage_unit
from vigie.plan.refusal import PlanRefused, Shortfall
from vigie.plan.tiers import analytics_lots

SERVICES: dict[Tier, tuple[str, ...]] = {
    "central": ("base",),
    "witness": ("base",),
    "recorder": ("base", "recorder", "archive", *(f"exporter_{name}" for name in EXPORTER_PORTS)),
    "streaming": ("base",),
    "analytics": ("base",),
    "noc": ("base", "prometheus", "alertmanager"),
    "lab_encoder": ("base", "lab_encoder"),
}


@dataclass(frozen=True, slots=True)
class Sketch:
    """A host before it has its address."""

    name: str
    tier: Tier
    index: int
    layer: Layer
    lot: str
    deployed: bool


def lab_host_name(site: str) -> str:
    """The lab host that plays every device of ``site``."""
    return f"lab-{site}"


def sketches(
    city: City, lots: Lots, groups: Sequence[Group], loads: Iterable[TierLoad], site_of: Mapping[str, str]
) -> list[Sketch]:
    """Every host of the plan in its order; ``site_of`` gives the site of each camera."""
    tiers = city.file.tiers
    first = lots.first
    fixed: tuple[tuple[Tier, CountedTier], ...] = (
        ("central", tiers.central),
        ("witness", tiers.witness),
        ("noc", tiers.noc),
    )
    found = [
        Sketch(f"{name}-{number + 1}", name, number, tier.layer, first.id, first.deployed)
        for name, tier in fixed
        for number in range(tier.count)
    ]
    found += _recorders(city, lots, groups, site_of)
    for load in loads:
        found += _servers(city, lots, load)
    if city.file.city.target == "lab":
        found += [
            Sketch(lab_host_name(site.id), "lab_encoder", index, "baked", site.lot, lots.by_site[site.id].deployed)
            for index, site in enumerate(city.file.sites)
        ]
    return found


def _recorders(city: City, lots: Lots, groups: Sequence[Group], site_of: Mapping[str, str]) -> list[Sketch]:
    """Spares first, then recorders; the place of each in its tier follows from its group, so that groups grow apart."""
    tier = city.file.tiers.recorder
    spares, members = [], []
    for group in groups:
        base = group.position * (tier.spare + tier.group_size)
        owners = []
        for place, recorder in enumerate(group.members):
            sites = {site_of[camera] for camera in recorder.cameras}
            lot = lots.payer(sites)
            deployed = any(lots.by_site[site].deployed for site in sites) if sites else lot.deployed
            owners.append(lot)
            index = base + tier.spare + place
            members.append(Sketch(recorder_name(recorder.number), "recorder", index, tier.layer, lot.id, deployed))
        lot = next(lot for lot in sorted(lots.ordered, key=lambda lot: not lot.deployed) if lot in owners)
        spares += [
            Sketch(spare_name(number), "recorder", base + place, tier.layer, lot.id, lot.deployed)
            for place, number in enumerate(group.spares)
        ]
    members.sort(key=lambda sketch: int(sketch.name.rpartition("-")[2]))
    return spares + members


def _servers(city: City, lots: Lots, load: TierLoad) -> list[Sketch]:
    tier = city.file.tiers.streaming if load.tier == "streaming" else city.file.tiers.analytics
    layer: Layer = tier.layer if tier else "baked"
    owners = analytics_lots(city, lots, load) if load.tier == "analytics" else [lots.first.id] * load.hosts
    deployed = {lot.id: lot.deployed for lot in lots.ordered}
    return [
        Sketch(f"{load.tier}-{number + 1}", load.tier, number, layer, owner, deployed[owner])
        for number, owner in enumerate(owners)
    ]


def hosts(
    city: City, addressing: Addressing, drawn: Sequence[Sketch], previous: Plan | None, extra: Mapping[str, list[str]]
) -> list[Host]:
    """``drawn`` with addresses, those of ``previous`` kept, and ``extra`` addresses by host. Raises ``PlanRefused``."""
    held = {host.name: host.address for host in previous.hosts} if previous else {}
    addresses = addressing.assign((Wanted(one.name, one.tier, one.index) for one in drawn), held)
    unit = storage_unit(city)
    volume = Volume(
        "recordings",
        capacity.volume_bytes(unit),
        str(RECORDINGS),
        capacity.headroom_bytes(unit),
        capacity.evidence_bytes(unit, city.file.capacity.evidence_reserve),
    )
    prefix = city.file.network.city.prefixlen
    hardware = {tier: _hardware(city, tier) for tier in {one.tier for one in drawn}}
    machines = _machines(city, addresses)
    return [
        Host(
            name=one.name,
            tier=one.tier,
            address=addresses[one.name],
            prefix_length=prefix,
            extra_addresses=tuple(extra.get(one.name, ())),
            layer=one.layer,
            services=SERVICES[one.tier],
            volumes=(volume,) if one.tier == "recorder" else (),
            firewall=(),
            lot=one.lot,
            deployed=one.deployed,
            hardware=hardware[one.tier],
            machine=machines.get(one.name),
        )
        for one in drawn
    ]


def _hardware(city: City, tier: Tier) -> Hardware:
    """What the server class of ``tier`` is made of."""
    named = getattr(getattr(city.file.tiers, tier, None), "server_class", None)
    if named is None:
        return Hardware()
    server = server_class(city, named)
    return Hardware(server.cores, server.memory, server.network)


def _machines(city: City, addresses: Mapping[str, str]) -> dict[str, Login]:
    """The racked machine of each host that has one; lines of ``machines.csv`` for hosts of no plan are left out."""
    return {
        row.host: Login(
            str(row.address or addresses[row.host]), row.port or SSH_PORT, row.user or ADMIN_USER, row.host_key
        )
        for row in city.machines
        if row.host in addresses
    }


def slots(previous: Plan | None) -> dict[str, int]:
    """The slot in its group of each identity of ``previous``, read back from its ports."""
    identities = previous.identities if previous else ()
    return {one.id: (RECORDER_API_PORT - one.api_port) // RECORDER_PORT_STRIDE for one in identities}


def identities(
    addressing: Addressing, groups: Iterable[Group], deployed: Container[str], previous: Plan | None
) -> tuple[Identity, ...]:
    """The identity of each recorder, by number; its cameras are those in ``deployed``. Raises ``PlanRefused``."""
    found = [
        (recorder, slot, group) for group in groups for recorder, slot in zip(group.members, group.slots, strict=True)
    ]
    most = (RECORDER_API_PORT - FIRST_USER_PORT) // RECORDER_PORT_STRIDE
    highest = max((slot for _, slot, _ in found), default=0) + 1
    if highest > most:  # a spare may come to hold any identity of its group, so each has its own two loopback ports
        ways = ("a smaller group_size", "fewer, larger recorders", "split the city in two")
        raise PlanRefused(
            [Shortfall("tiers.recorder.group_size", "loopback ports of identities", str(highest), str(most), ways)]
        )
    held = {one.id: one.address for one in previous.identities} if previous else {}
    wanted = [Wanted(identity_name(one.number), None, one.number - 1) for one, _, _ in found]
    addresses = addressing.assign(wanted, held)
    return tuple(
        Identity(
            id=identity_name(recorder.number),
            group=group.name,
            host=recorder_name(recorder.number),
            standby=tuple(spare_name(number) for number in group.spares),
            address=addresses[identity_name(recorder.number)],
            api_port=RECORDER_API_PORT - RECORDER_PORT_STRIDE * slot,
            metrics_port=RECORDER_METRICS_PORT - RECORDER_PORT_STRIDE * slot,
            cameras=tuple(sorted(camera for camera in recorder.cameras if camera in deployed)),
        )
        for recorder, slot, group in sorted(found, key=lambda item: item[0].number)
    )
