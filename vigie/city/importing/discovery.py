"""What a search of the network found: the form of the file, and the list that it makes.

The form is JSON in UTF-8: ``{"format": "vigie-discovery/1", "found_at": "2026-11-24T10:00:00Z", "devices": [...]}``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal
from urllib.parse import unquote

from pydantic import Field, ValidationError

from vigie.city.importing.fields import slug
from vigie.city.importing.recognition import Column, Headed, samples
from vigie.city.importing.tables import MAX_CELL_CHARACTERS, MAX_ROWS, Table, TableRow, UnreadableError, plain
from vigie.city.model import Address, Resolution, Strict

FORMAT: Final = "vigie-discovery/1"
SCOPE: Final = "onvif://www.onvif.org/"  # ONVIF Core Specification, "Scopes"
COLUMNS: Final = (
    "name", "address", "mac", "serial", "vendor", "model", "firmware", "channels", "resolution", "codec", "fps", "bitrate", "description",
)  # fmt: skip

Words = Annotated[str, Field(max_length=500)]


class DiscoveredStream(Strict):
    """One media profile of a device, as ONVIF reports it; ``bitrate`` in bits a second, ``channel`` from 1."""

    name: Words = ""
    channel: Annotated[int, Field(ge=1, le=1024)] = 1
    resolution: Resolution
    codec: Words
    fps: Annotated[float, Field(gt=0, le=1000)] | None = None
    bitrate: Annotated[int, Field(gt=0, le=10**12)] | None = None


class DiscoveredDevice(Strict):
    """One device that answered. Only ``address`` is sure; the rest is what it tells those who may ask."""

    address: Address
    mac: Words = ""
    vendor: Words = ""
    model: Words = ""
    firmware: Words = ""
    serial: Words = ""
    scopes: Annotated[tuple[Words, ...], Field(max_length=200)] = ()
    channels: Annotated[int, Field(ge=1, le=1024)] | None = None
    profiles: Annotated[tuple[DiscoveredStream, ...], Field(max_length=1024)] = ()

    def scope(self, name: str) -> str:
        """The text of the ONVIF scope ``name`` (``name``, ``location``); empty where it is not told."""
        prefix = f"{SCOPE}{name}/"
        return next((unquote(scope[len(prefix) :]) for scope in self.scopes if scope.startswith(prefix)), "")

    @property
    def main(self) -> DiscoveredStream | None:
        """The largest stream of the first channel: the one that would be recorded."""
        first = [stream for stream in self.profiles if stream.channel == 1]
        return max(first, key=lambda stream: stream.resolution[0] * stream.resolution[1], default=None)


class DiscoveryResult(Strict):
    format: Literal["vigie-discovery/1"]
    found_at: datetime
    devices: Annotated[tuple[DiscoveredDevice, ...], Field(max_length=MAX_ROWS)]


def read_discovery(name: str, raw: bytes) -> Headed:
    """The found devices as a list whose columns are named as fields; its row n is the n-th device. Raises
    ``UnreadableError`` naming the first value that is wrong."""
    try:
        result = DiscoveryResult.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"] if step != "function-before") or "the whole"
        raise UnreadableError(
            name, f"{where}: {first['msg'][:200]}", f"give what `vigie devices discover` wrote (format {FORMAT})"
        ) from error
    rows = tuple(TableRow(number, _cells(device)) for number, device in enumerate(result.devices, 1))
    columns = tuple(Column(place, heading, samples(rows, place)) for place, heading in enumerate(COLUMNS))
    return Headed(Table(name, rows), 0, columns, rows)


def _cells(device: DiscoveredDevice) -> tuple[str, ...]:
    stream = device.main
    named = device.scope("name")
    # Many devices give their make and model for a name, which tells nobody where they hang.
    if slug(named) in {"", slug(device.model), slug(device.vendor), slug(f"{device.vendor} {device.model}")}:
        named = ""
    channels = device.channels or max((stream.channel for stream in device.profiles), default=0)
    cells = {
        "name": named,
        "address": str(device.address),
        "mac": device.mac,
        "serial": device.serial,
        "vendor": device.vendor,
        "model": device.model,
        "firmware": device.firmware,
        "channels": str(channels or ""),
        "resolution": "x".join(map(str, stream.resolution)) if stream else "",
        "codec": stream.codec if stream else "",
        "fps": f"{stream.fps:g}" if stream and stream.fps else "",
        "bitrate": f"{stream.bitrate / 1e6:.6f} Mbit/s" if stream and stream.bitrate else "",
        "description": device.scope("location"),
    }
    return tuple(plain(cells[column])[:MAX_CELL_CHARACTERS] for column in COLUMNS)
