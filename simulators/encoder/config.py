"""Configuration of a simulator: which devices it plays, where, and with which clips."""

from __future__ import annotations

import json
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, ValidationError, field_validator, model_validator

from simulators.encoder.clips import BY_NAME
from vigie.city.lab import STREAM_PATH
from vigie.plan.constants import RTSP_PORT

M = TypeVar("M", bound=BaseModel)
Port = Annotated[int, Field(ge=1, le=65_535)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
Address = IPv4Address | IPv6Address


class ConfigError(ValueError):
    """A file of the configuration is unusable; each line of the message names file, field and fix."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Credentials(_Model):
    """User of all devices."""

    username: Annotated[str, Field(min_length=1, pattern=r'^[^:"\\]+$')]
    password: Annotated[str, Field(min_length=1, repr=False)]


class ControlConfig(_Model):
    """Where the control API listens: a loopback address, because it has no authentication."""

    address: IPvAnyAddress
    port: Port

    @field_validator("address")
    @classmethod
    def _loopback(cls, address: Address) -> Address:
        if not address.is_loopback:
            raise ValueError("must be a loopback address such as 127.0.0.1: the control API has no authentication")
        return address


class StreamConfig(_Model):
    """A stream of a channel: its path on the device, the camera that it shows, and the clip that stands for it."""

    path: Annotated[str, Field(pattern=STREAM_PATH.pattern)]
    camera: Identifier
    clip: str
    role: Literal["main", "sub"]

    @field_validator("clip")
    @classmethod
    def _in_the_grid(cls, clip: str) -> str:
        if clip not in BY_NAME:
            raise ValueError(f"no such clip: the grid has {', '.join(BY_NAME)}")
        return clip


class DeviceConfig(_Model):
    """A device: an encoder with its channels, or a camera with one."""

    id: Identifier
    address: IPvAnyAddress
    port: Port = RTSP_PORT
    streams: Annotated[tuple[StreamConfig, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _paths_are_unique(self) -> Self:
        _refuse_duplicates("path", (stream.path for stream in self.streams))
        return self


class SimulatorConfig(_Model):
    """The whole file. `clips` is the folder that `python -m simulators.encoder.clips` filled."""

    clips: Path
    control: ControlConfig
    credentials_file: Path
    devices: Annotated[tuple[DeviceConfig, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _refuse_duplicates("device id", (device.id for device in self.devices))
        _refuse_duplicates("address and port", (f"{device.address}:{device.port}" for device in self.devices))
        _refuse_duplicates(
            "role of a camera",
            (f"{stream.camera}/{stream.role}" for device in self.devices for stream in device.streams),
        )
        cameras = ((camera, device.id) for device in self.devices for camera in {s.camera for s in device.streams})
        _refuse_duplicates("device of a camera", (camera for camera, _ in cameras))
        return self


def _refuse_duplicates(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name} occurs twice: give each its own")
        seen.add(name)


def load_config(path: Path) -> tuple[SimulatorConfig, Credentials]:
    """Read the configuration and the credentials that it points to. Raises ConfigError."""
    config = _read(path, SimulatorConfig)
    return config, _read(config.credentials_file, Credentials)


def _read(path: Path, model: type[M]) -> M:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; create it or correct the path") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8: {error.reason} at byte {error.start}") from error
    try:
        return model.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: is not JSON: {error.msg} at column {error.colno}") from error
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in _complaints(error))) from None


def _complaints(error: ValidationError) -> list[str]:
    """Return a line per mistake, without the values: they may be secrets."""
    lines = []
    for mistake in error.errors(include_url=False, include_input=False):
        where = ".".join(map(str, mistake["loc"])) or "(whole file)"
        fix = {
            "extra_forbidden": "unknown key: remove it or correct its spelling",
            "missing": "is missing: add it",
        }.get(mistake["type"], mistake["msg"].removeprefix("Value error, "))
        lines.append(f"{where}: {fix}")
    return lines
