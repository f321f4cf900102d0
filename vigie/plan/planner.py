"""``plan(city)``: the one place where a city becomes hosts, addresses, identities, flows and targets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from vigie.city.model import CameraEntry, City, Retention, StreamSettings
from vigie.plan import capacity
from vigie.plan.addressing import Addressing
from vigie.plan.constants import (
    ALERTMANAGER_PORT,
    EXPORTER_PORTS,
    NODE_EXPORTER_PORT,
    PAGES,
    PROMETHEUS_PORT,
    RTSP_PORT,
)
from vigie.plan.document import FORMAT, sealed
from vigie.plan.flows import firewalls, flows
from vigie.plan.hosts import hosts, identities, lab_host_name, sketches, slots
from vigie.plan.lots import Lots, summaries
from vigie.plan.model import (
    Camera,
    DeviceStream,
    Forward,
    GiveUp,
    Host,
    LabDevice,
    Monitoring,
    Network,
    Plan,
    RetentionPolicy,
    Stream,
    Target,
)
from vigie.plan.recording import Attempt, groups, holders, identity_name
from vigie.plan.refusal import PlanRefused
from vigie.plan.summary import site_loads, summary, uplink_shortfalls
from vigie.plan.tiers import tier_loads, tier_shortfalls
from vigie.plan.ways import shortfall


def plan(city: City, previous: Plan | None = None) -> Plan:
    """The plan of ``city``. Pure and deterministic. Raises ``PlanRefused`` with every shortfall.

    ``previous`` is the plan before: whatever it placed, named or addressed stays as it is unless it no longer fits.
    Raises ``ValueError`` if it is another city's.
    """
    if previous is not None and previous.city != city.file.city.id:
        raise ValueError(f"the previous plan is that of {previous.city!r}, not of {city.file.city.id!r}")
    lots = Lots.of(city)
    attempt = Attempt.of(city)
    placement = attempt.place(previous)
    sites = site_loads(city, lots)
    loads = tier_loads(city)
    problems = [shortfall(attempt, placement.left_over)] if placement.left_over else []
    problems += [*uplink_shortfalls(sites), *tier_shortfalls(loads)]
    if problems:
        raise PlanRefused(problems)
    recorders = groups(city, placement.fleet, previous, slots(previous))
    cameras = tuple(_cameras(city, lots, holders(placement, previous)))
    deployed = {camera.id for camera in cameras if camera.deployed}
    addressing = Addressing(city.file.network.platform)
    devices = tuple(_lab_devices(cameras)) if city.file.city.target == "lab" else ()
    site_of = {camera.id: camera.site for camera in cameras}
    every_host = hosts(
        city, addressing, sketches(city, lots, recorders, loads, site_of), previous, _device_addresses(devices)
    )
    every_identity = identities(addressing, recorders, deployed, previous)
    made = [host for host in every_host if host.deployed]
    targets = tuple(_targets(made))
    time_sources = tuple(host.name for host in made if host.tier in {"central", "noc"})
    every_flow = flows(addressing.control, made, time_sources, every_identity, cameras, targets)
    rules = firewalls(made, every_flow)
    monitoring = city.file.monitoring
    return sealed(
        Plan(
            format=FORMAT,
            city=city.file.city.id,
            title=city.file.city.name,
            target=city.file.city.target,
            network=Network(str(city.file.network.city), str(city.file.network.platform), addressing.control),
            segment_seconds=city.file.recording.segment,
            retention=_retention(city.file.retention),
            time_sources=time_sources,
            hosts=tuple(replace(host, firewall=rules.get(host.name, ())) for host in every_host),
            identities=every_identity,
            cameras=cameras,
            lab_devices=devices,
            flows=every_flow,
            targets=targets,
            forwards=tuple(_forwards(made, city.file.lab.forward_offset)) if city.file.city.target == "lab" else (),
            monitoring=Monitoring(monitoring.scrape_interval, monitoring.sample_interval, monitoring.picture_interval),
            capacity=summary(city, recorders, {host.name: host for host in every_host}, sites, loads),
            digest="",
            lots=summaries(city, lots, every_host, cameras),
            currency=city.file.city.currency,
        )
    )


def _retention(written: Retention) -> RetentionPolicy:
    pressure = written.pressure
    give_up = None if pressure is None else GiveUp(pressure.give_up, pressure.keep_at_least)
    return RetentionPolicy(written.floor, written.ceiling, give_up)


def _cameras(city: City, lots: Lots, recorders: Mapping[str, tuple[int, ...]]) -> Iterator[Camera]:
    """Every camera by id. Equal streams are one object: a city has few of them and a hundred thousand cameras."""
    models = {model.id: model for model in city.file.models}
    profiles = {profile.id: profile for profile in city.file.profiles}

    @cache
    def streams(model: str, channel: int, profile: str) -> tuple[Stream, Stream]:
        return (
            _stream(models[model].main_path, channel, profiles[profile].main),
            _stream(models[model].sub_path, channel, profiles[profile].sub),
        )

    @cache
    def names(numbers: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(identity_name(number) for number in numbers)

    a_day = {
        name: capacity.bytes_recorded(profile.main.bitrate, capacity.SECONDS_PER_DAY)
        for name, profile in profiles.items()
    }
    address = cache(str)
    retention = city.file.retention

    def camera(entry: CameraEntry) -> Camera:
        main, sub = streams(entry.model, entry.channel, entry.profile)
        held = names(recorders[entry.id])
        lot = lots.by_site[entry.site]
        return Camera(
            id=entry.id,
            site=entry.site,
            encoder=entry.encoder,
            channel=entry.channel,
            address=address(entry.address),
            port=RTSP_PORT,
            main=main,
            sub=sub,
            identity=held[0],
            bytes_per_day=a_day[entry.profile],
            retention_floor_seconds=retention.floor,
            retention_ceiling_seconds=retention.ceiling,
            identities=held,
            analysed=profiles[entry.profile].analysed,
            lot=lot.id,
            deployed=lot.deployed,
            profile=entry.profile,
        )

    for entry in sorted(city.cameras, key=lambda entry: entry.id):
        yield camera(entry)


def _stream(path: str, channel: int, settings: StreamSettings) -> Stream:
    width, height = settings.resolution
    return Stream(
        path=path.replace("{channel}", str(channel)),
        codec=settings.codec,
        width=width,
        height=height,
        frames_per_second=settings.fps,
        keyframe_interval_seconds=settings.gop / settings.fps,
        bits_per_second=settings.bitrate,
    )


def _lab_devices(cameras: tuple[Camera, ...]) -> Iterator[LabDevice]:
    by_device: dict[tuple[str, str], list[Camera]] = defaultdict(list)
    for camera in cameras:
        if camera.deployed:
            by_device[camera.encoder or camera.id, camera.site].append(camera)
    for (device, site), members in sorted(by_device.items()):
        streams = tuple(
            stream
            for camera in members
            for stream in (DeviceStream(camera.id, "main", camera.main), DeviceStream(camera.id, "sub", camera.sub))
        )
        yield LabDevice(device, lab_host_name(site), members[0].address, members[0].port, streams)


def _device_addresses(devices: tuple[LabDevice, ...]) -> dict[str, list[str]]:
    """The addresses that each lab host carries for its devices."""
    addresses: dict[str, list[str]] = defaultdict(list)
    for device in devices:
        addresses[device.host].append(device.address)
    return addresses


def _targets(made: list[Host]) -> Iterator[Target]:
    for host in made:
        yield Target("node", host.name, host.tier, host.address, NODE_EXPORTER_PORT)
        for name, port in EXPORTER_PORTS.items():
            if f"exporter_{name}" in host.services:
                yield Target(name, host.name, host.tier, host.address, port)
        for name, port in (("prometheus", PROMETHEUS_PORT), ("alertmanager", ALERTMANAGER_PORT)):
            if name in host.services:
                yield Target(name, host.name, host.tier, host.address, port)


def _forwards(made: list[Host], offset: int) -> Iterator[Forward]:
    watcher = next((host for host in made if host.tier == "noc"), None)
    if watcher:
        for name, port in (("prometheus", PROMETHEUS_PORT), ("alertmanager", ALERTMANAGER_PORT)):
            yield Forward(name, port + offset, watcher.name, watcher.address, port, PAGES[name])
