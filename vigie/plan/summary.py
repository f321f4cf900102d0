"""The capacity of a planned city in numbers: recorders, the proof of N+1 for each group, sites, totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from vigie.city.model import City
from vigie.city.quantity import human_bit_rate
from vigie.plan import capacity
from vigie.plan.fleet import Recorder
from vigie.plan.lots import Lots
from vigie.plan.model import Capacity, GroupLoad, Host, RecorderLoad, SiteLoad, TierLoad
from vigie.plan.recording import Group, copies, recorder_name, spare_name, storage_unit
from vigie.plan.refusal import Shortfall


def site_loads(city: City, lots: Lots) -> tuple[SiteLoad, ...]:
    """What each site sends: a main stream for each recorder of a camera, and the sub-stream if it is analysed."""
    profiles = {profile.id: profile for profile in city.file.profiles}
    sent = {
        name: copies(profile) * profile.main.bitrate + (profile.sub.bitrate if profile.analysed else 0)
        for name, profile in profiles.items()
    }
    cameras: dict[str, int] = defaultdict(int)
    bits: dict[str, int] = defaultdict(int)
    for camera in city.cameras:
        cameras[camera.site] += 1
        bits[camera.site] += sent[camera.profile]
    return tuple(
        SiteLoad(
            site=site.id,
            cameras=cameras[site.id],
            bits_per_second=bits[site.id],
            uplink_bits_per_second=site.uplink,
            lot=site.lot,
            deployed=lots.by_site[site.id].deployed,
            district=site.district,
            latitude=site.latitude,
            longitude=site.longitude,
        )
        for site in city.file.sites
    )


def uplink_shortfalls(sites: Sequence[SiteLoad]) -> list[Shortfall]:
    """The sites that send more than their uplink carries."""
    return [
        Shortfall(
            f"site {site.site}",
            "uplink",
            human_bit_rate(site.bits_per_second),
            human_bit_rate(site.uplink_bits_per_second),
            (
                f"an uplink of {human_bit_rate(site.bits_per_second)} or more: 0 disks, 0 days",
                f"{100 * site.uplink_bits_per_second // site.bits_per_second} % of today's bit rate for its profiles: "
                "fewer disks, 0 days",
                f"{_over(site)} of its cameras over another site's uplink: 0 disks, 0 days",
            ),
            human_bit_rate(site.bits_per_second - site.uplink_bits_per_second),
        )
        for site in sites
        if site.bits_per_second > site.uplink_bits_per_second
    ]


def _over(site: SiteLoad) -> int:
    """How many average cameras are too many."""
    return -(-(site.bits_per_second - site.uplink_bits_per_second) * site.cameras // site.bits_per_second)


def summary(
    city: City,
    groups: Sequence[Group],
    hosts: Mapping[str, Host],
    sites: tuple[SiteLoad, ...],
    tiers: tuple[TierLoad, ...],
) -> Capacity:
    """The capacity of everything planned, conditional lots included. Raises ``AssertionError`` if N+1 did not hold,
    which would be a mistake of the planner."""
    unit = storage_unit(city)
    recorders = sorted(
        ((recorder, group) for group in groups for recorder in group.members), key=lambda pair: pair[0].number
    )
    spares = sum(len(group.spares) for group in groups)
    evidence = capacity.evidence_bytes(unit, city.file.capacity.evidence_reserve)
    loads = tuple(
        _recorder_load(recorder, group.name, evidence, hosts[recorder_name(recorder.number)])
        for recorder, group in recorders
    )
    return Capacity(
        recorders=loads,
        sites=sites,
        raw_bytes=capacity.raw_bytes(unit) * (len(recorders) + spares),
        usable_bytes=sum(load.usable_bytes for load in loads),
        needed_bytes=sum(load.needed_bytes for load in loads),
        groups=tuple(_group_load(group) for group in groups),
        tiers=tiers,
    )


def _recorder_load(recorder: Recorder, group: str, evidence: int, host: Host) -> RecorderLoad:
    limits = recorder.limits
    return RecorderLoad(
        host=host.name,
        cameras=len(recorder.cameras),
        cameras_limit=limits.cameras,
        ingest_bits_per_second=recorder.bits_per_second,
        ingest_limit_bits_per_second=limits.ingest_bits_per_second,
        needed_bytes=recorder.floor_bytes,
        usable_bytes=limits.usable_bytes,
        days=_days(recorder),
        read_bits_per_second=limits.read(recorder.bits_per_second),
        read_limit_bits_per_second=limits.read_bits_per_second,
        evidence_bytes=evidence,
        group=group,
        lot=host.lot,
        deployed=host.deployed,
    )


def _days(recorder: Recorder) -> float:
    """Days until an empty recorder is full; a recorder without cameras never is, and says 0."""
    a_day = capacity.bytes_recorded(recorder.bits_per_second, capacity.SECONDS_PER_DAY)
    return round(recorder.limits.usable_bytes / a_day, 3) if a_day else 0.0


def _group_load(group: Group) -> GroupLoad:
    """Whichever member is lost, a spare (of the same class, empty) takes all it recorded: compared bound by bound."""
    limits = group.members[0].limits
    bits = max(member.bits_per_second for member in group.members)
    load = GroupLoad(
        group=group.name,
        members=tuple(recorder_name(member.number) for member in group.members),
        spares=tuple(spare_name(number) for number in group.spares),
        losses=min(len(group.spares), len(group.members)),
        cameras=max(len(member.cameras) for member in group.members),
        cameras_limit=limits.cameras,
        ingest_bits_per_second=bits,
        ingest_limit_bits_per_second=limits.ingest_bits_per_second,
        read_bits_per_second=limits.read(bits),
        read_limit_bits_per_second=limits.read_bits_per_second,
        needed_bytes=max(member.floor_bytes for member in group.members),
        usable_bytes=limits.usable_bytes,
    )
    assert load.cameras <= load.cameras_limit
    assert load.ingest_bits_per_second <= load.ingest_limit_bits_per_second
    assert load.read_bits_per_second <= load.read_limit_bits_per_second
    assert load.needed_bytes <= load.usable_bytes
    return load
