"""The plan: what every other room derives its work from.

Plain frozen dataclasses: cheap to make by the hundred thousand, and (de)serialised by one pydantic ``TypeAdapter``.
Units stand in the names (``_bytes``, ``_seconds``, ``_bits_per_second``); addresses are text in canonical form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal

from vigie.plan.constants import ADMIN_USER, SSH_PORT

Tier = Literal["central", "witness", "recorder", "streaming", "analytics", "noc", "lab_encoder"]
Environment = Literal["lab", "metal", "proxmox", "openstack"]
Layer = Literal["baked", "bare"]
Codec = Literal["h264", "h265"]

CONTROL = "control"  # the control node, as an end of a flow


@dataclass(frozen=True, slots=True)
class Volume:
    """A filesystem that must exist on a host, whoever provides it (loop file, RAID set, cloud disk).

    The keeper leaves ``headroom_bytes`` free so that recording goes on, and ``evidence_bytes`` beside them for locks.
    """

    name: str
    size_bytes: int
    mount: str
    headroom_bytes: int = 0
    evidence_bytes: int = 0


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
class Hardware:
    """What the machine of a host must have at least; ``None`` where the city does not say."""

    cores: int | None = None
    memory_bytes: int | None = None
    network_bits_per_second: int | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """How the control node reaches a host over SSH. ``host_key`` is a public key, its fingerprint, or empty while the
    target alone knows it."""

    address: str
    port: int = SSH_PORT
    user: str = ADMIN_USER
    host_key: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that must exist and run ``services``, once it is ``deployed``; ``lot`` is the lot that pays for it.

    ``machine`` is the racked machine that the host is to be, where the city names one.
    """

    name: str
    tier: Tier
    address: str
    prefix_length: int
    extra_addresses: tuple[str, ...]
    layer: Layer
    services: tuple[str, ...]
    volumes: tuple[Volume, ...]
    firewall: tuple[FirewallRule, ...]
    lot: str = ""
    deployed: bool = True
    hardware: Hardware = Hardware()
    machine: Login | None = None

    @property
    def login(self) -> Login:
        """How the host is reached, racked or made."""
        return self.machine or Login(self.address)


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
    """A camera of the plan: where its device answers, what it sends, who records it.

    ``identities`` are its recorders, two on different hosts for a mirrored camera; ``identity`` is the first of them.
    """

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
    identities: tuple[str, ...] = ()
    analysed: bool = False
    lot: str = ""
    deployed: bool = True
    profile: str = ""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """What goes below the floor when a recorder has no room left: ``profiles`` in order, each down to so many seconds."""

    profiles: tuple[str, ...]
    keep_at_least_seconds: int


@dataclass(frozen=True, slots=True)
class Identity:
    """A recorder identity: a set of cameras and the address that records them, on whichever host holds it.

    ``cameras`` are those deployed; ``standby`` are the spares of ``group``.
    """

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
    """What one recorder host is asked for, beside what it has: conditional lots included, limits after growth.

    ``usable_bytes`` is what footage within its retention may fill; ``evidence_bytes`` lies beside it for locked evidence.
    """

    host: str
    cameras: int
    cameras_limit: int
    ingest_bits_per_second: int
    ingest_limit_bits_per_second: int
    needed_bytes: int
    usable_bytes: int
    days: float
    read_bits_per_second: int = 0
    read_limit_bits_per_second: int = 0
    evidence_bytes: int = 0
    group: str = ""
    lot: str = ""
    deployed: bool = True


@dataclass(frozen=True, slots=True)
class GroupLoad:
    """The proof of N+1 for one group: the most that any member would hand to a spare, and what a spare can take.

    ``losses`` is how many members may be lost at once.
    """

    group: str
    members: tuple[str, ...]
    spares: tuple[str, ...]
    losses: int
    cameras: int
    cameras_limit: int
    ingest_bits_per_second: int
    ingest_limit_bits_per_second: int
    read_bits_per_second: int
    read_limit_bits_per_second: int
    needed_bytes: int
    usable_bytes: int


@dataclass(frozen=True, slots=True)
class TierLoad:
    """What a tier that holds no footage is asked for: streams watched at once, or sub-streams analysed."""

    tier: Tier
    hosts: int
    load: int
    load_each: int


@dataclass(frozen=True, slots=True)
class SiteLoad:
    """What one site sends over its uplink: main streams, once for each recorder, and sub-streams that are analysed."""

    site: str
    cameras: int
    bits_per_second: int
    uplink_bits_per_second: int
    lot: str = ""
    deployed: bool = True
    district: str = ""
    latitude: float = 0.0
    longitude: float = 0.0


@dataclass(frozen=True, slots=True)
class Capacity:
    recorders: tuple[RecorderLoad, ...]
    sites: tuple[SiteLoad, ...]
    raw_bytes: int
    usable_bytes: int
    needed_bytes: int
    groups: tuple[GroupLoad, ...] = ()
    tiers: tuple[TierLoad, ...] = ()


@dataclass(frozen=True, slots=True)
class LotSummary:
    """What one lot needs beside the lots before it, spares included; ``price`` only where every price is known."""

    id: str
    title: str
    kind: Literal["firm", "conditional"]
    exercised: bool
    deployed: bool
    sites: int
    cameras: int
    recorders: int
    streaming: int
    analytics: int
    disks: int
    raw_bytes: int
    price: int | None


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """What the city wrote: for cameras that the plan does not know any more, and for disks without room."""

    floor_seconds: int
    ceiling_seconds: int
    give_up: GiveUp | None = None


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


@dataclass(frozen=True)
class Plan:
    """The whole plan. ``digest`` is the SHA-256 of its canonical JSON without the digest itself.

    Hosts and cameras of conditional lots that are not exercised are in it with ``deployed`` false: they are counted and
    priced, and neither made nor configured.
    """

    format: int
    city: str
    title: str
    target: Environment
    network: Network
    segment_seconds: int
    retention: RetentionPolicy
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
    lots: tuple[LotSummary, ...] = ()
    currency: str | None = None

    def host(self, name: str) -> Host:
        """The host called ``name``, deployed or not. Raises ``KeyError``."""
        return self._hosts[name]

    @property
    def deployed_hosts(self) -> tuple[Host, ...]:
        """The hosts that must exist now, in order."""
        return tuple(host for host in self.hosts if host.deployed)

    @property
    def deployed_cameras(self) -> tuple[Camera, ...]:
        """The cameras that must be recorded now, by id."""
        return tuple(camera for camera in self.cameras if camera.deployed)

    @cached_property
    def cameras_by_id(self) -> Mapping[str, Camera]:
        return MappingProxyType({camera.id: camera for camera in self.cameras})

    @cached_property
    def _hosts(self) -> dict[str, Host]:
        return {host.name: host for host in self.hosts}
