"""What the page tells in tables, in the order of the page; plain values that the template prints."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from vigie.city.quantity import human_bit_rate, human_bytes, human_duration
from vigie.plan import capacity
from vigie.plan.explanation import bounds
from vigie.plan.model import CONTROL, Camera, GroupLoad, Host, Plan, SiteLoad

TIGHT_UPLINK: Final = 80  # per cent; what is left has to carry the peaks of encoders
MOST_CAMERAS_LISTED: Final = 2_000  # above it, a line for each kind of camera of a site


@dataclass(frozen=True, slots=True)
class Meter:
    """A load beside its bound; ``share`` is in whole per cent, rounded down, 100 at the most; ``tight`` is to be seen."""

    name: str
    text: str
    share: int
    tight: bool


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A recorder group: the fullest member against a spare, which is the proof of N+1."""

    group: GroupLoad
    recorders: str
    cameras: int
    meters: tuple[Meter, ...]


@dataclass(frozen=True, slots=True)
class SiteRow:
    """A site: what it sends, what that takes a day, and which recorders hold it."""

    site: SiteLoad
    uplink: Meter
    bytes_per_day: str
    groups: str


@dataclass(frozen=True, slots=True)
class CameraRow:
    """One camera, or ``count`` of a site that send the same."""

    name: str
    count: int
    address: str
    stream: str
    recorders: str
    kept: str


@dataclass(frozen=True, slots=True)
class FlowRow:
    """A kind of connection that firewalls let through; everything else is dropped."""

    source: str
    destination: str
    service: str
    purpose: str
    connections: int


def meter(name: str, load: int, limit: int, unit: str, tight_from: int = 101) -> Meter:
    """``load`` of ``limit`` in words and as a bar, which stands out from ``tight_from`` per cent."""
    words = {"bit/s": human_bit_rate, "B": human_bytes}.get(unit, lambda number: f"{number:,.0f}")
    share = min(100 * load // limit, 100) if limit else 0
    return Meter(name, f"{words(load)} of {words(limit)}", share, share >= tight_from)


def group_rows(plan: Plan) -> list[GroupRow]:
    """Every recorder group of the plan, lots to come included."""
    cameras: Counter[str] = Counter()
    for load in plan.capacity.recorders:
        cameras[load.group] += load.cameras
    return [
        GroupRow(
            group,
            _span(group.members),
            cameras[group.group],
            tuple(meter(bound.name, bound.load, bound.limit, bound.unit) for bound in bounds(group)),
        )
        for group in plan.capacity.groups
    ]


def _span(names: tuple[str, ...]) -> str:
    return f"{names[0]} … {names[-1]} ({len(names)})" if len(names) > 2 else ", ".join(names)


def site_rows(plan: Plan) -> list[SiteRow]:
    """Every site in the city's order."""
    group_of = {identity.id: identity.group for identity in plan.identities}
    per_day: Counter[str] = Counter()
    groups: dict[str, set[str]] = defaultdict(set)
    for camera in plan.cameras:
        names = camera.identities or (camera.identity,)
        per_day[camera.site] += camera.bytes_per_day * len(names)
        groups[camera.site] |= {group_of[name] for name in names}
    return [
        SiteRow(
            site,
            meter("uplink", site.bits_per_second, site.uplink_bits_per_second, "bit/s", TIGHT_UPLINK),
            human_bytes(per_day[site.site]),
            ", ".join(sorted(groups[site.site])),
        )
        for site in plan.capacity.sites
    ]


def camera_rows(plan: Plan) -> dict[str, list[CameraRow]]:
    """By site, its cameras one by one, or, in a large city, by what they send and who records them."""
    listed = len(plan.cameras) <= MOST_CAMERAS_LISTED
    by_site: dict[str, list[Camera]] = defaultdict(list)
    for camera in plan.cameras:
        by_site[camera.site].append(camera)
    return {site: list(_each(cameras) if listed else _alike(cameras)) for site, cameras in sorted(by_site.items())}


def _each(cameras: list[Camera]) -> Iterator[CameraRow]:
    for camera in cameras:
        yield _camera_row(camera, camera.id, 1, f"{camera.address}:{camera.port}")


def _alike(cameras: list[Camera]) -> Iterator[CameraRow]:
    groups: dict[tuple[object, ...], list[Camera]] = defaultdict(list)
    for camera in cameras:
        groups[_stream(camera), _kept(camera), camera.identities].append(camera)
    for alike in groups.values():
        devices = len({camera.encoder or camera.id for camera in alike})
        yield _camera_row(alike[0], f"{alike[0].id} …", len(alike), f"{devices} devices")


def _camera_row(camera: Camera, name: str, count: int, address: str) -> CameraRow:
    recorders = ", ".join(camera.identities or (camera.identity,))
    return CameraRow(name, count, address, _stream(camera), recorders, _kept(camera))


def _stream(camera: Camera) -> str:
    main = camera.main
    return (
        f"{main.codec} {main.width}x{main.height}, {main.frames_per_second}/s, {human_bit_rate(main.bits_per_second)}"
        + (", analysed" if camera.analysed else "")
    )


def _kept(camera: Camera) -> str:
    floor, ceiling = camera.retention_floor_seconds, camera.retention_ceiling_seconds
    return f"{human_duration(floor)} to {human_duration(ceiling)}"


def retention_rows(plan: Plan) -> list[tuple[str, int, str]]:
    """Floor and ceiling, cameras, and bytes a day."""
    cameras: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for camera in plan.cameras:
        cameras[_kept(camera)] += 1
        size[_kept(camera)] += camera.bytes_per_day * (len(camera.identities) or 1)
    return [(kept, count, human_bytes(size[kept])) for kept, count in cameras.items()]


def tier_rows(plan: Plan) -> list[tuple[str, int, int, str]]:
    """Tier, hosts, of them deployed, and what it is asked for."""
    hosts = Counter(host.tier for host in plan.hosts)
    deployed = Counter(host.tier for host in plan.deployed_hosts)
    asked = {
        load.tier: f"{load.load:,} {'streams watched' if load.tier == 'streaming' else 'streams analysed'} at once, "
        f"{load.load_each:,} for each server"
        for load in plan.capacity.tiers
    }
    spares = sum(len(group.spares) for group in plan.capacity.groups)
    asked["recorder"] = f"{len(plan.capacity.recorders)} that record, {spares} spare{'' if spares == 1 else 's'}"
    return [(tier, count, deployed[tier], asked.get(tier, "")) for tier, count in hosts.items()]


def flow_rows(plan: Plan) -> list[FlowRow]:
    """The flows of the plan by tier: who may open a connection to whom."""
    tiers = {host.name: host.tier for host in plan.hosts} | {CONTROL: "control node"}
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for flow in plan.flows:
        source, destination = tiers.get(flow.source, "devices"), tiers.get(flow.destination, "devices")
        counts[source, destination, f"{flow.protocol}/{flow.port}", flow.purpose] += len(flow.destination_addresses)
    return [FlowRow(*key, connections=count) for key, count in sorted(counts.items())]


def host_rows(plan: Plan) -> list[tuple[Host, str]]:
    """Every host, with its volumes in words."""
    return [
        (host, ", ".join(f"{human_bytes(volume.size_bytes)} at {volume.mount}" for volume in host.volumes))
        for host in plan.hosts
    ]


def assumptions(plan: Plan) -> list[str]:
    """How the bytes were counted, in words; each number from the constant that the planner itself uses."""
    evidence = {load.evidence_bytes for load in plan.capacity.recorders}
    kept = human_bytes(max(evidence, default=0))
    return [
        "A day of a camera is its main stream's bit rate times 86,400 seconds, plus "
        f"{capacity.CONTAINER_OVERHEAD_PERCENT} % for the file format and {capacity.BITRATE_MARGIN_PERCENT} % because "
        "encoders overshoot on busy scenes. A mirrored camera counts twice.",
        f"Needed is the floor of retention plus one segment of {human_duration(plan.segment_seconds)}: a segment is "
        "erased whole, once its youngest second is old enough.",
        f"Usable is what the RAID leaves, less {capacity.FILESYSTEM_LOSS_PERCENT} % for the filesystem's own tables, less "
        f"{capacity.FREE_RESERVE_PERCENT} % kept free, less {kept} on each recorder for locked evidence.",
        "Limits of recorders are those of the server class divided by the growth that the city plans for: what fits "
        "today still fits on the last day.",
        "Every group of recorders keeps its spares empty: whichever member is lost, a spare takes all its cameras within "
        "every bound. The table of groups compares the fullest member with one spare.",
        "An uplink carries a camera's main stream once for each recorder, and its sub-stream where it is analysed; people "
        "watch from the streaming servers and load no uplink.",
        "Sizes are decimal, as disk makers count: 1 TB is 10¹² bytes.",
    ]
