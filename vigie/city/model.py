"""The model of a city, exactly as ``city.yaml``, ``encoders.csv`` and ``cameras.csv`` spell it.

Unknown keys are errors: a misspelt key that is silently ignored costs a month of footage.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WrapValidator, model_validator

from vigie.city.quantity import BitsPerSecond, Bytes, Seconds, Share

ID_PATTERN: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # an RFC 1123 label: safe in paths, units, DNS

# RFC 4253, section 6.6, as in known_hosts; and its fingerprint as OpenSSH prints it.
_KEY: Final = re.compile(r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{40,1000}={0,2}")
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def _id(text: object) -> str:
    if not isinstance(text, str) or not ID_PATTERN.fullmatch(text):
        raise ValueError(f"{text!r} is not an id: lower-case letters, digits and inner hyphens, 63 at most (RFC 1123)")
    return text


def _resolution(text: object) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a resolution; write WIDTHxHEIGHT, such as '2560x1440'")
    return int(match[1]), int(match[2])


def _stream_path(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"/[A-Za-z0-9_./?=&-]*(?:\{channel\}[A-Za-z0-9_./?=&-]*)?", text):
        raise ValueError(
            f"{text!r} is not a stream path; write it with a leading slash, '{{channel}}' where the channel goes"
        )
    return text


def _number(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", value)):
        raise ValueError(f"{value!r} is not a number")  # pydantic alone takes `yes` for 1 and '1_0' for 10
    return value


def _date(value: object) -> object:
    if not isinstance(value, date) and not (
        isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
    ):
        raise ValueError(f"{value!r} is not a date; write YEAR-MONTH-DAY, such as 2027-01-31")
    return value


def _auto(value: object, count: Callable[[Any], int | None]) -> int | None:
    if value is None:
        raise ValueError("None is not a number; write one, or auto to have it computed")
    return None if value == "auto" else count(value)


def _currency(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"[A-Z]{3}", text):
        raise ValueError(f"{text!r} is not a currency: three capital letters (ISO 4217), such as MAD")
    return text


def _address(value: object) -> IPv4Address:
    try:
        return IPv4Address(str(value))  # as text: ipaddress alone takes 10 for 0.0.0.10
    except ValueError as error:
        raise ValueError(f"{value!r} is not an IPv4 address: {error}") from error


def _account(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", text) or text == "root":
        raise ValueError(f"{text!r} is no account to log in with: a lower-case name, and not root (login by it is off)")
    return text


def _host_key(text: object) -> str:
    if not isinstance(text, str) or not (_KEY.fullmatch(text) or _FINGERPRINT.fullmatch(text)):
        raise ValueError(
            f"{text!r} is no host key; write 'ssh-ed25519 AAAA…' or 'SHA256:…', as `ssh-keygen -l -f "
            "/etc/ssh/ssh_host_ed25519_key.pub` prints it on the machine's own console"
        )
    return text


def _network(value: object) -> IPv4Network:
    try:
        return IPv4Network(str(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is not an IPv4 network such as 10.77.1.0/24: {error}") from error


Id = Annotated[str, BeforeValidator(_id)]
Resolution = Annotated[tuple[int, int], BeforeValidator(_resolution)]
StreamPath = Annotated[str, BeforeValidator(_stream_path)]
Address = Annotated[IPv4Address, BeforeValidator(_address)]
NetworkRange = Annotated[IPv4Network, BeforeValidator(_network)]
Degrees = Annotated[float, BeforeValidator(_number)]
Count = Annotated[int, BeforeValidator(_number), Field(ge=1, le=10_000)]
# None: the planner says how many.
AutoCount = Annotated[Count | None, WrapValidator(_auto)]
Price = Annotated[int, BeforeValidator(_number), Field(ge=0, le=10**12)]  # whole units of the city's currency
Day = Annotated[date, BeforeValidator(_date)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CityHead(Strict):
    id: Annotated[str, BeforeValidator(_id), Field(max_length=20)]  # it names namespaces, cgroups and certificates
    name: Text
    target: Literal["lab", "metal", "proxmox", "openstack"]
    currency: Annotated[str, BeforeValidator(_currency)] | None = None


class Networks(Strict):
    city: NetworkRange
    platform: NetworkRange


class Lot(Strict):
    """A conditional lot is planned, counted and priced from the first day, and deployed once it is ``exercised``."""

    id: Id
    title: Text
    kind: Literal["firm", "conditional"]
    exercised: Flag = False

    @model_validator(mode="after")
    def _only_options_are_exercised(self) -> Lot:
        if self.kind == "firm" and self.exercised:
            raise ValueError("a firm lot is always deployed; only a conditional one is exercised")
        return self

    @property
    def deployed(self) -> bool:
        """Whether its hosts and cameras must exist now."""
        return self.kind == "firm" or self.exercised


class Site(Strict):
    id: Annotated[str, BeforeValidator(_id), Field(max_length=50)]  # it becomes part of host names
    lot: Id
    district: Text
    latitude: Annotated[Degrees, Field(ge=-90, le=90)]
    longitude: Annotated[Degrees, Field(ge=-180, le=180)]
    uplink: BitsPerSecond
    network: NetworkRange


class DeviceModel(Strict):
    """A make of encoder or camera: channels and how its RTSP streams are addressed."""

    id: Id
    vendor: Text
    channels: Annotated[Count, Field(le=64)]
    main_path: StreamPath
    sub_path: StreamPath

    @model_validator(mode="after")
    def _every_stream_has_its_path(self) -> DeviceModel:
        if self.main_path == self.sub_path:
            raise ValueError(f"main_path and sub_path are both {self.main_path!r}: the sub-stream would be recorded")
        if self.channels > 1 and not ("{channel}" in self.main_path and "{channel}" in self.sub_path):
            raise ValueError(f"{self.channels} channels need '{{channel}}' in main_path and sub_path to be told apart")
        return self


class StreamSettings(Strict):
    """Encoder settings of one stream; ``gop`` counts frames between keyframes (ONVIF GovLength)."""

    codec: Literal["h264", "h265"]
    resolution: Resolution
    fps: Annotated[Count, Field(le=120)]
    gop: Annotated[Count, Field(le=600)]
    bitrate: BitsPerSecond


class SubStreamSettings(StreamSettings):
    codec: Literal["h264"]  # browsers and analytics play H.264 only (docs/decisions)


class Profile(Strict):
    """``mirrored``: recorded by two recorders on different hosts at once; ``analysed``: its sub-stream is analysed."""

    id: Id
    main: StreamSettings
    sub: SubStreamSettings
    mirrored: Flag = False
    analysed: Flag = False


class Recording(Strict):
    segment: Seconds


class Pressure(Strict):
    """What is given up below the floor when a recorder has no room left: profiles in this order, each down to
    ``keep_at_least``."""

    give_up: Annotated[tuple[Id, ...], Field(min_length=1)]
    keep_at_least: Seconds


class Retention(Strict):
    """Footage is kept at least ``floor`` and erased at the latest ``ceiling`` after it was made; without ``pressure``
    nothing goes below the floor, and a full disk stops recording."""

    floor: Seconds
    ceiling: Seconds
    pressure: Pressure | None = None


class StorageUnit(Strict):
    """The disks of one recorder: ``disks`` of ``disk`` bytes each, in ``raid_sets`` equal sets of one RAID level."""

    id: Id
    disk: Bytes
    disks: Annotated[Count, Field(le=240)]
    raid: Literal["none", "raid1", "raid5", "raid6", "raid10"]
    raid_sets: Annotated[Count, Field(le=60)] = 1
    disk_price: Price | None = None

    @model_validator(mode="after")
    def _enough_disks(self) -> StorageUnit:
        least = {"none": 1, "raid1": 2, "raid5": 3, "raid6": 4, "raid10": 4}[self.raid]
        if self.disks < least * self.raid_sets:
            where = f" in each of {self.raid_sets} sets" if self.raid_sets > 1 else ""
            raise ValueError(f"{self.raid} needs at least {least} disks{where}, this unit has {self.disks}")
        if self.disks % self.raid_sets:
            raise ValueError(f"{self.disks} disks do not make {self.raid_sets} equal RAID sets")
        return self


class ServerClass(Strict):
    """A kind of server that the city buys, and what one of them can take; a tier needs only its own bounds."""

    id: Id
    max_cameras: Count | None = None
    max_ingest: BitsPerSecond | None = None
    max_read: BitsPerSecond | None = None
    storage: Id | None = None
    max_streams: Count | None = None
    max_analysed: Count | None = None
    price: Price | None = None
    cores: Count | None = None
    memory: Bytes | None = None
    network: BitsPerSecond | None = None


class Tier(Strict):
    """``class`` says what such a server is made of; its bounds are of no use here."""

    count: Count
    server_class: Annotated[Id | None, Field(alias="class")] = None
    layer: Literal["baked", "bare"] = "baked"


class ServerTier(Strict):
    """Servers of one class; ``count: auto`` lets the plan say how many the city needs."""

    server_class: Annotated[Id, Field(alias="class")]
    count: AutoCount
    layer: Literal["baked", "bare"] = "baked"


class RecorderTier(ServerTier):
    """Recorders stand in groups of ``group_size`` members, each group with ``spare`` more that take over (N+1)."""

    spare: Annotated[int, BeforeValidator(_number), Field(ge=0, le=100)]
    group_size: Annotated[Count, Field(le=500)] = 16


class Tiers(Strict):
    central: Tier
    witness: Tier
    recorder: RecorderTier
    noc: Tier
    streaming: ServerTier | None = None
    analytics: ServerTier | None = None


class Growth(Strict):
    """What is planned today must still fit on the day ``until``, if the load grows by ``per_year`` from ``from``."""

    start: Annotated[Day, Field(alias="from")]
    until: Day
    per_year: Share

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Growth:
        if self.until <= self.start:
            raise ValueError(f"until {self.until} is not after from {self.start}")
        return self


class CapacitySettings(Strict):
    """What beside plain recording takes room: locked evidence, people who watch, years to come."""

    evidence_reserve: Annotated[Share, Field(le=9000)] = 500
    live_share: Share = 1000
    playback_share: Share = 200
    viewers: Annotated[int, BeforeValidator(_number), Field(ge=0, le=100_000)] = 50
    streams_per_viewer: Annotated[Count, Field(le=256)] = 16
    growth: Growth | None = None


class MonitoringSettings(Strict):
    scrape_interval: Seconds
    sample_interval: Seconds
    picture_interval: Seconds


class LabSettings(Strict):
    """The lab target: loopback port = service port + ``forward_offset``, so that two labs can share a machine."""

    forward_offset: Annotated[int, Field(ge=1024, le=50_000)] = 10_000


class CityFile(Strict):
    """The whole of ``city.yaml``."""

    city: CityHead
    network: Networks
    lots: Annotated[tuple[Lot, ...], Field(min_length=1)]
    sites: Annotated[tuple[Site, ...], Field(min_length=1)]
    models: Annotated[tuple[DeviceModel, ...], Field(min_length=1)]
    profiles: Annotated[tuple[Profile, ...], Field(min_length=1)]
    retention: Retention
    recording: Recording
    storage_units: Annotated[tuple[StorageUnit, ...], Field(min_length=1)]
    server_classes: Annotated[tuple[ServerClass, ...], Field(min_length=1)]
    tiers: Tiers
    capacity: CapacitySettings = CapacitySettings()
    monitoring: MonitoringSettings
    lab: LabSettings = LabSettings()


class EncoderRow(Strict):
    """One line of ``encoders.csv``; ``profile`` is what its channels send unless ``cameras.csv`` says otherwise."""

    id: Annotated[str, BeforeValidator(_id), Field(max_length=50)]  # it becomes part of its channels' ids
    model: Id
    site: Id
    address: Address
    profile: Id


class CameraRow(Strict):
    """One line of ``cameras.csv``: a camera with its own ``model`` and ``address``, or a named encoder channel."""

    id: Id
    site: Id
    model: Id | None
    address: Address | None
    encoder: Id | None
    channel: Count | None
    profile: Id | None
    description: str | None


class MachineRow(Strict):
    """One line of ``machines.csv``: how a racked machine is reached, and the host of the plan that it becomes.

    ``host_key`` pins the machine: a public host key (``ssh-ed25519 AAAA…``) or its fingerprint (``SHA256:…``).
    """

    host: Id
    address: Address | None
    port: Annotated[int, BeforeValidator(_number), Field(ge=1, le=65_535)] | None
    user: Annotated[str, BeforeValidator(_account)] | None
    host_key: Annotated[str, BeforeValidator(_host_key)]

    @property
    def id(self) -> str:
        """What makes a line unique."""
        return self.host


def channel_camera_id(encoder: str | None, channel: int | None) -> str:
    """The id of an encoder channel that ``cameras.csv`` does not name."""
    return f"{encoder}-ch{channel}"


@dataclass(frozen=True, slots=True)
class CameraEntry:
    """A camera after the channels of encoders were expanded: one source of one video stream. Made of checked rows by
    the hundred thousand, so it checks nothing itself."""

    id: str
    site: str
    encoder: str | None
    channel: int
    model: str
    address: IPv4Address
    profile: str
    description: str = ""


class City(Strict):
    """A city whose references all resolve."""

    file: CityFile
    encoders: tuple[EncoderRow, ...]
    cameras: tuple[CameraEntry, ...]
    machines: tuple[MachineRow, ...] = ()
    machine_lines: dict[str, int] = {}  # of ``machines.csv`` by host: only the plan knows which hosts there are

    def profile(self, name: str) -> Profile:
        """The stream profile ``name``. Raises ``KeyError``."""
        return {profile.id: profile for profile in self.file.profiles}[name]
