"""``plan(city)``: the one place where a city becomes hosts, addresses, identities, flows and targets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from vigie.city.model import CameraEntry, City, StreamSettings
from vigie.city.quantity import human_bit_rate
from vigie.plan import capacity
from vigie.plan.addressing import Addressing
from vigie.plan.constants import (
    ALERTMANAGER_PORT,
    EXPORTER_PORTS,
    FIRST_USER_PORT,
    NODE_EXPORTER_PORT,
    PAGES,
    PROMETHEUS_PORT,
    RECORDER_API_PORT,
    RECORDER_METRICS_PORT,
    RECORDER_PORT_STRIDE,
    RECORDINGS,
    RTSP_PORT,
)
from vigie.plan.document import FORMAT, sealed
from vigie.plan.flows import firewall, flows
from vigie.plan.model import (
    Camera,
    Capacity,
    DeviceStream,
    Forward,
    Host,
    Identity,
    LabDevice,
    Monitoring,
    Network,
    Plan,
    RecorderLoad,
    SiteLoad,
    Stream,
    Target,
    Tier,
    Volume,
)
from vigie.plan.placement import Recorder
from vigie.plan.refusal import PlanRefused, Shortfall
from vigie.plan.ways import Attempt, recorder_name, shortfall, storage_unit

RECORDER_GROUP = "recorders"
SERVICES: dict[Tier, tuple[str, ...]] = {
    "central": ("base",),
    "witness": ("base",),
    "recorder": ("base", "recorder", *(f"exporter_{name}" for name in EXPORTER_PORTS)),
    "noc": ("base", "prometheus", "alertmanager"),
    "lab_encoder": ("base", "lab_encoder"),
}


def plan(city: City) -> Plan:
    """The plan of ``city``. Pure and deterministic. Raises ``PlanRefused`` with every shortfall."""
    addressing = Addressing(city.file.network.platform)
    hosts = _hosts(city, addressing)
    recorders, left_over = Attempt.of(city).place()
    sites = _site_loads(city)
    problems = [*([shortfall(city, left_over)] if left_over else []), *_uplink_shortfalls(sites)]
    if problems:
        raise PlanRefused(problems)
    identities = _identities(city, recorders, addressing)
    cameras = tuple(_cameras(city, identities))
    devices = tuple(_lab_devices(cameras)) if city.file.city.target == "lab" else ()
    hosts = _with_devices(hosts, devices)
    targets = tuple(_targets(hosts))
    time_sources = tuple(host.name for host in hosts if host.tier in {"central", "noc"})
    every_flow = flows(addressing.control, hosts, time_sources, identities, cameras, targets)
    monitoring = city.file.monitoring
    return sealed(
        Plan(
            format=FORMAT,
            city=city.file.city.id,
            title=city.file.city.name,
            target=city.file.city.target,
            network=Network(str(city.file.network.city), str(city.file.network.platform), addressing.control),
            segment_seconds=city.file.recording.segment,
            time_sources=time_sources,
            hosts=tuple(replace(host, firewall=firewall(host, every_flow)) for host in hosts),
            identities=identities,
            cameras=cameras,
            lab_devices=devices,
            flows=every_flow,
            targets=targets,
            forwards=tuple(_forwards(hosts, city.file.lab.forward_offset)),
            monitoring=Monitoring(monitoring.scrape_interval, monitoring.sample_interval, monitoring.picture_interval),
            capacity=_capacity(city, recorders, sites),
            digest="",
        )
    )


def _hosts(city: City, addressing: Addressing) -> list[Host]:
    tiers = city.file.tiers
    prefix = city.file.network.city.prefixlen
    volume = Volume("recordings", capacity.volume_bytes(storage_unit(city)), str(RECORDINGS))
    wanted: list[tuple[str, Tier, int, str]] = []
    wanted += [
        (f"central-{number}", "central", number - 1, tiers.central.layer) for number in _numbers(tiers.central.count)
    ]
    wanted += [
        (f"witness-{number}", "witness", number - 1, tiers.witness.layer) for number in _numbers(tiers.witness.count)
    ]
    wanted += [(f"noc-{number}", "noc", number - 1, tiers.noc.layer) for number in _numbers(tiers.noc.count)]
    # Spares first: a recorder that is added later must not move them.
    names = [f"recorder-spare-{number}" for number in _numbers(tiers.recorder.spare)]
    names += [recorder_name(number) for number in _numbers(tiers.recorder.count)]
    wanted += [(name, "recorder", index, tiers.recorder.layer) for index, name in enumerate(names)]
    if city.file.city.target == "lab":
        wanted += [
            (lab_host_name(site.id), "lab_encoder", index, "baked") for index, site in enumerate(city.file.sites)
        ]
    return [
        Host(
            name=name,
            tier=tier,
            address=addressing.host(tier, index),
            prefix_length=prefix,
            extra_addresses=(),
            layer="bare" if layer == "bare" else "baked",
            services=SERVICES[tier],
            volumes=(volume,) if tier == "recorder" else (),
            firewall=(),
        )
        for name, tier, index, layer in wanted
    ]


def _numbers(count: int) -> range:
    return range(1, count + 1)


def lab_host_name(site: str) -> str:
    """The lab host that plays every device of ``site``."""
    return f"lab-{site}"


def _site_loads(city: City) -> tuple[SiteLoad, ...]:
    cameras: dict[str, list[int]] = defaultdict(list)
    for camera in city.cameras:
        cameras[camera.site].append(city.profile(camera.profile).main.bitrate)
    return tuple(
        SiteLoad(site.id, len(cameras[site.id]), sum(cameras[site.id]), site.uplink) for site in city.file.sites
    )


def _uplink_shortfalls(sites: tuple[SiteLoad, ...]) -> list[Shortfall]:
    return [
        Shortfall(
            f"site {site.site}",
            "uplink",
            human_bit_rate(site.bits_per_second),
            human_bit_rate(site.uplink_bits_per_second),
            (
                f"an uplink of {human_bit_rate(site.bits_per_second)} or more",
                f"{100 * site.uplink_bits_per_second // site.bits_per_second} % of today's bit rate for its profiles",
                "some of its cameras over another site's uplink",
            ),
        )
        for site in sites
        if site.bits_per_second > site.uplink_bits_per_second
    ]


def _identities(city: City, recorders: list[Recorder], addressing: Addressing) -> tuple[Identity, ...]:
    spares = tuple(f"recorder-spare-{number}" for number in _numbers(city.file.tiers.recorder.spare))
    most = (RECORDER_API_PORT - FIRST_USER_PORT) // RECORDER_PORT_STRIDE
    if len(recorders) > most:  # a spare may come to hold any identity, so each has its own two loopback ports
        ways = ("fewer, larger recorders", "split the city in two")
        raise PlanRefused(
            [Shortfall("tiers.recorder.count", "loopback ports of identities", str(len(recorders)), str(most), ways)]
        )
    return tuple(
        Identity(
            id=f"rec-{index + 1}",
            group=RECORDER_GROUP,
            host=recorder.name,
            standby=spares,
            address=addressing.identity(index),
            api_port=RECORDER_API_PORT - RECORDER_PORT_STRIDE * index,
            metrics_port=RECORDER_METRICS_PORT - RECORDER_PORT_STRIDE * index,
            cameras=tuple(sorted(demand.camera for demand in recorder.demands)),
        )
        for index, recorder in enumerate(recorders)
    )


def _cameras(city: City, identities: tuple[Identity, ...]) -> Iterator[Camera]:
    models = {model.id: model for model in city.file.models}
    holder = {camera: identity.id for identity in identities for camera in identity.cameras}
    for entry in sorted(city.cameras, key=lambda camera: camera.id):
        profile, model = city.profile(entry.profile), models[entry.model]
        yield Camera(
            id=entry.id,
            site=entry.site,
            encoder=entry.encoder,
            channel=entry.channel,
            address=str(entry.address),
            port=RTSP_PORT,
            main=_stream(model.main_path, entry, profile.main),
            sub=_stream(model.sub_path, entry, profile.sub),
            identity=holder[entry.id],
            bytes_per_day=capacity.bytes_recorded(profile.main.bitrate, capacity.SECONDS_PER_DAY),
            retention_floor_seconds=city.file.retention.floor,
            retention_ceiling_seconds=city.file.retention.ceiling,
        )


def _stream(path: str, entry: CameraEntry, settings: StreamSettings) -> Stream:
    width, height = settings.resolution
    return Stream(
        path=path.replace("{channel}", str(entry.channel)),
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
        by_device[camera.encoder or camera.id, camera.site].append(camera)
    for (device, site), members in sorted(by_device.items()):
        streams = tuple(
            stream
            for camera in members
            for stream in (DeviceStream(camera.id, "main", camera.main), DeviceStream(camera.id, "sub", camera.sub))
        )
        yield LabDevice(device, lab_host_name(site), members[0].address, members[0].port, streams)


def _with_devices(hosts: list[Host], devices: tuple[LabDevice, ...]) -> list[Host]:
    return [
        replace(host, extra_addresses=tuple(device.address for device in devices if device.host == host.name))
        for host in hosts
    ]


def _targets(hosts: list[Host]) -> Iterator[Target]:
    for host in hosts:
        yield Target("node", host.name, host.tier, host.address, NODE_EXPORTER_PORT)
        for name, port in EXPORTER_PORTS.items():
            if f"exporter_{name}" in host.services:
                yield Target(name, host.name, host.tier, host.address, port)
        for name, port in (("prometheus", PROMETHEUS_PORT), ("alertmanager", ALERTMANAGER_PORT)):
            if name in host.services:
                yield Target(name, host.name, host.tier, host.address, port)


def _forwards(hosts: list[Host], offset: int) -> Iterator[Forward]:
    watcher = next((host for host in hosts if host.tier == "noc"), None)
    if watcher:
        for name, port in (("prometheus", PROMETHEUS_PORT), ("alertmanager", ALERTMANAGER_PORT)):
            yield Forward(name, port + offset, watcher.name, watcher.address, port, PAGES[name])


def _capacity(city: City, recorders: list[Recorder], sites: tuple[SiteLoad, ...]) -> Capacity:
    unit = storage_unit(city)
    count = city.file.tiers.recorder.count + city.file.tiers.recorder.spare
    loads = tuple(
        RecorderLoad(
            host=recorder.name,
            cameras=len(recorder.demands),
            cameras_limit=recorder.cameras_limit,
            ingest_bits_per_second=recorder.ingest_bits_per_second,
            ingest_limit_bits_per_second=recorder.ingest_limit_bits_per_second,
            needed_bytes=recorder.needed_bytes,
            usable_bytes=recorder.usable_bytes,
            days=_days(recorder),
        )
        for recorder in recorders
    )
    return Capacity(
        recorders=loads,
        sites=sites,
        raw_bytes=capacity.raw_bytes(unit) * count,
        usable_bytes=sum(recorder.usable_bytes for recorder in recorders),
        needed_bytes=sum(recorder.needed_bytes for recorder in recorders),
    )


def _days(recorder: Recorder) -> float:
    """Days until an empty recorder is full; a recorder without cameras never is, and says 0."""
    a_day = capacity.bytes_recorded(recorder.ingest_bits_per_second, capacity.SECONDS_PER_DAY)
    return round(recorder.usable_bytes / a_day, 3) if a_day else 0.0
