"""The model of a city, exactly as ``city.yaml``, ``encoders.csv`` and ``cameras.csv`` spell it.

Unknown keys are errors: a misspelt key that is silently ignored costs a month of footage.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, model_validator

from vigie.city.quantity import BitsPerSecond, Bytes, Seconds

ID_PATTERN: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # an RFC 1123 label: safe in paths, units, DNS


def _id(text: object) -> str:
    if not isinstance(text, str) or not ID_PATTERN.fullmatch(text):
        raise ValueError(f"{text!r} is not an id: lower-case letters, digits and inner hyphens, 63 at most (RFC 1123)")
    return text


def _resolution(text: object) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{1,4})x([1-9]\d{1,4})", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a resolution; write WIDTHxHEIGHT, such as '2560x1440'")
    return int(match[1]), int(match[2])


def _stream_path(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"/[A-Za-z0-9_./?=&-]*(?:\{channel\}[A-Za-z0-9_./?=&-]*)?", text):
        raise ValueError(
            f"{text!r} is not a stream path; write it with a leading slash, '{{channel}}' where the channel goes"
        )
    return text


Id = Annotated[str, BeforeValidator(_id)]
Resolution = Annotated[tuple[int, int], BeforeValidator(_resolution)]
StreamPath = Annotated[str, BeforeValidator(_stream_path)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CityHead(Strict):
    id: Annotated[str, BeforeValidator(_id), Field(max_length=20)]  # it names namespaces, cgroups and certificates
    name: Text
    target: Literal["lab"]


class Networks(Strict):
    city: IPv4Network
    platform: IPv4Network


class Lot(Strict):
    id: Id
    title: Text
    kind: Literal["firm", "conditional"]


class Site(Strict):
    id: Id
    lot: Id
    district: Text
    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    uplink: BitsPerSecond
    network: IPv4Network


class DeviceModel(Strict):
    """A make of encoder or camera: channels and how its RTSP streams are addressed."""

    id: Id
    vendor: Text
    channels: Annotated[int, Field(ge=1, le=64)]
    main_path: StreamPath
    sub_path: StreamPath


class StreamSettings(Strict):
    """Encoder settings of one stream; ``gop`` counts frames between keyframes (ONVIF GovLength)."""

    codec: Literal["h264", "h265"]
    resolution: Resolution
    fps: Annotated[int, Field(ge=1, le=120)]
    gop: Annotated[int, Field(ge=1, le=600)]
    bitrate: BitsPerSecond


class SubStreamSettings(StreamSettings):
    codec: Literal["h264"]  # browsers and analytics play H.264 only (docs/decisions)


class Profile(Strict):
    id: Id
    main: StreamSettings
    sub: SubStreamSettings


class Recording(Strict):
    segment: Seconds


class Retention(Strict):
    """Footage is kept at least ``floor`` and erased at the latest ``ceiling`` after it was made."""

    floor: Seconds
    ceiling: Seconds


class StorageUnit(Strict):
    """The disks of one recorder: ``disks`` of ``disk`` bytes each under one RAID level."""

    id: Id
    disk: Bytes
    disks: Annotated[int, Field(ge=1, le=240)]
    raid: Literal["none", "raid1", "raid5", "raid6", "raid10"]

    @model_validator(mode="after")
    def _enough_disks(self) -> StorageUnit:
        least = {"none": 1, "raid1": 2, "raid5": 3, "raid6": 4, "raid10": 4}[self.raid]
        if self.disks < least:
            raise ValueError(f"{self.raid} needs at least {least} disks, this unit has {self.disks}")
        return self


class Tier(Strict):
    count: PositiveInt
    layer: Literal["baked", "bare"] = "baked"


class RecorderTier(Tier):
    spare: Annotated[int, Field(ge=0)]
    storage: Id
    max_cameras: PositiveInt
    max_ingest: BitsPerSecond


class Tiers(Strict):
    central: Tier
    witness: Tier
    recorder: RecorderTier
    noc: Tier


class MonitoringSettings(Strict):
    scrape_interval: Seconds
    sample_interval: Seconds
    picture_interval: Seconds


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
    tiers: Tiers
    monitoring: MonitoringSettings


class EncoderRow(Strict):
    """One line of ``encoders.csv``; ``profile`` is what its channels send unless ``cameras.csv`` says otherwise."""

    id: Id
    model: Id
    site: Id
    address: IPv4Address
    profile: Id


class CameraRow(Strict):
    """One line of ``cameras.csv``: a camera with its own ``model`` and ``address``, or a named encoder channel."""

    id: Id
    site: Id
    model: Id | None
    address: IPv4Address | None
    encoder: Id | None
    channel: PositiveInt | None
    profile: Id | None
    description: str | None


def channel_camera_id(encoder: str | None, channel: int | None) -> str:
    """The id of an encoder channel that ``cameras.csv`` does not name."""
    return f"{encoder}-ch{channel}"


class CameraEntry(Strict):
    """A camera after the channels of encoders were expanded: one source of one video stream."""

    id: Id
    site: Id
    encoder: Id | None
    channel: int
    model: Id
    address: IPv4Address
    profile: Id


class City(Strict):
    """A city whose references all resolve."""

    file: CityFile
    encoders: tuple[EncoderRow, ...]
    cameras: tuple[CameraEntry, ...]

    def profile(self, name: str) -> Profile:
        """The stream profile ``name``. Raises ``KeyError``."""
        return {profile.id: profile for profile in self.file.profiles}[name]
