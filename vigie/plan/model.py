"""The plan: what every other room derives its work from.

Plain frozen dataclasses: cheap to make by the hundred thousand, and (de)serialised by one pydantic ``TypeAdapter``.
Units stand in the names (``_bytes``, ``_seconds``, ``_bits_per_second``); addresses are text in canonical form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tier = Literal["central", "witness", "recorder", "noc", "lab_encoder"]
Layer = Literal["baked", "bare"]
Codec = Literal["h264", "h265"]

CONTROL = "control"  # the control node, as an end of a flow


@dataclass(frozen=True, slots=True)
class Volume:
    """A filesystem that must exist on a host, whoever provides it (loop file, RAID set, cloud disk)."""

    name: str
    size_bytes: int
    mount: str


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One accepted connection of a host; whatever no rule names is dropped.

    ``peers`` are addresses; for ``input`` they are the sources, for ``output`` the destinations.
    """

    chain: Literal["input", "output"]
    protocol: Literal["tcp", "udp"]
    port: int
    peers: tuple[str, ...]
    purpose: str


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that must exist and run ``services``."""

    name: str
    tier: Tier
    address: str
    prefix_length: int
    extra_addresses: tuple[str, ...]
    layer: Layer
    services: tuple[str, ...]
    volumes: tuple[Volume, ...]
    firewall: tuple[FirewallRule, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """One encoded stream of a camera, as the device must send it."""

    path: str
    codec: Codec
    width: int
    height: int
    frames_per_second: int
    keyframe_interval_seconds: float
    bits_per_second: int


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of the plan: where its device answers, what it sends, who records it."""

    id: str
    site: str
    encoder: str | None
    channel: int
    address: str
    port: int
    main: Stream
    sub: Stream
    identity: str
    bytes_per_day: int
    retention_floor_seconds: int
    retention_ceiling_seconds: int


@dataclass(frozen=True, slots=True)
class Identity:
    """A recorder identity: a set of cameras and the address that records them, on whichever host holds it."""

    id: str
    group: str
    host: str
    standby: tuple[str, ...]
    address: str
    api_port: int
    metrics_port: int
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """Who may open a connection to whom; firewalls are rendered from these and from nothing else."""

    source: str
    source_addresses: tuple[str, ...]
    destination: str
    destination_addresses: tuple[str, ...]
    protocol: Literal["tcp", "udp"]
    port: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Target:
    """A Prometheus scrape target."""

    job: str
    host: str
    tier: Tier
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Forward:
    """A loopback port of the control machine that leads to a service in the lab.

    ``pages`` are the paths there that show a person something: Debian's packages lack the front pages of upstream.
    """

    name: str
    listen_port: int
    host: str
    address: str
    port: int
    pages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceStream:
    """A stream that a simulated device of the lab must serve."""

    camera: str
    role: Literal["main", "sub"]
    stream: Stream


@dataclass(frozen=True, slots=True)
class LabDevice:
    """A device (encoder or camera with its own address) that a lab host plays."""

    id: str
    host: str
    address: str
    port: int
    streams: tuple[DeviceStream, ...]


@dataclass(frozen=True, slots=True)
class RecorderLoad:
    """What one recorder host is asked for, beside what it has (N+1: with the largest other member on the spare)."""

    host: str
    cameras: int
    cameras_limit: int
    ingest_bits_per_second: int
    ingest_limit_bits_per_second: int
    needed_bytes: int
    usable_bytes: int
    days: float


@dataclass(frozen=True, slots=True)
class SiteLoad:
    """What one site sends over its uplink."""

    site: str
    cameras: int
    bits_per_second: int
    uplink_bits_per_second: int


@dataclass(frozen=True, slots=True)
class Capacity:
    recorders: tuple[RecorderLoad, ...]
    sites: tuple[SiteLoad, ...]
    raw_bytes: int
    usable_bytes: int
    needed_bytes: int


@dataclass(frozen=True, slots=True)
class Network:
    """``city`` holds every address of the city; ``control_address`` is the control node's in it."""

    city: str
    platform: str
    control_address: str


@dataclass(frozen=True, slots=True)
class Monitoring:
    scrape_interval_seconds: int
    sample_interval_seconds: int
    picture_interval_seconds: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan. ``digest`` is the SHA-256 of its canonical JSON without the digest itself."""

    format: int
    city: str
    title: str
    target: Literal["lab"]
    network: Network
    segment_seconds: int
    time_sources: tuple[str, ...]
    hosts: tuple[Host, ...]
    identities: tuple[Identity, ...]
    cameras: tuple[Camera, ...]
    lab_devices: tuple[LabDevice, ...]
    flows: tuple[Flow, ...]
    targets: tuple[Target, ...]
    forwards: tuple[Forward, ...]
    monitoring: Monitoring
    capacity: Capacity
    digest: str

    def host(self, name: str) -> Host:
        """The host called ``name``. Raises ``KeyError``."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)
