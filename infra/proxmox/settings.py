"""``proxmox.yaml``: what a city says of its Proxmox VE cluster. The credentials are in the environment, never here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from infra.components.settings import Cores, Name, Settings, Whole
from vigie.city.model import Address
from vigie.city.quantity import Bytes
from vigie.plan.model import Host, Tier

FILE: Final = "proxmox.yaml"
LARGEST_ID: Final = 999_999_999  # of a virtual machine, by the API of Proxmox VE


def _endpoint(text: object) -> str:
    parts = urlsplit(text) if isinstance(text, str) else None
    if parts is not None and "@" in parts.netloc:
        raise ValueError("a user or password does not belong in the address")
    if parts is None or parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"{text!r} is not an address such as https://pve.example.org:8006/")
    return str(text)


def _image(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch(
        r"[A-Za-z0-9_.-]+:import/[A-Za-z0-9_.-]+\.(?:qcow2|raw|img)", text
    ):
        raise ValueError(
            f"{text!r} is not an image in a datastore, such as local:import/debian-13-genericcloud-amd64.qcow2"
        )
    return text


_AS_TEXT: Final = PlainSerializer(lambda count: f"{count} B", return_type=str)  # as a person would, to be read again


class Size(Settings):
    """What one virtual machine is given; ``disk`` is its system disk, beside the volumes of the plan."""

    cores: Cores
    memory: Annotated[Bytes, Field(ge=512 * 2**20), _AS_TEXT]
    disk: Annotated[Bytes, Field(ge=4 * 2**30), _AS_TEXT]


# What a tier is given where the file says nothing; the recorder copies streams and decodes none.
DEFAULT_SIZES: Final[Mapping[Tier, Size]] = {
    "central": Size.model_validate({"cores": 4, "memory": "8 GiB", "disk": "64 GiB"}),
    "witness": Size.model_validate({"cores": 1, "memory": "2 GiB", "disk": "16 GiB"}),
    "recorder": Size.model_validate({"cores": 4, "memory": "8 GiB", "disk": "32 GiB"}),
    "streaming": Size.model_validate({"cores": 4, "memory": "4 GiB", "disk": "16 GiB"}),
    "analytics": Size.model_validate({"cores": 8, "memory": "16 GiB", "disk": "64 GiB"}),
    "noc": Size.model_validate({"cores": 4, "memory": "8 GiB", "disk": "128 GiB"}),
}


class Datastores(Settings):
    """Datastores that every hypervisor of ``nodes`` knows by these names; ``snippets`` takes cloud-init files."""

    system: Name
    volumes: Name
    snippets: Name


class ProxmoxSettings(Settings):
    """The whole of ``proxmox.yaml``. ``nodes`` are hypervisors, by the names that Proxmox VE has for them."""

    credentials: ClassVar[str] = "an API token in the environment variable PROXMOX_VE_API_TOKEN"

    endpoint: Annotated[str, BeforeValidator(_endpoint)]
    nodes: Annotated[tuple[Name, ...], Field(min_length=1)]
    image: Annotated[str, BeforeValidator(_image)]
    datastores: Datastores
    bridge: Name
    vlan: Annotated[Whole, Field(ge=1, le=4094)] | None = None  # IEEE 802.1Q
    gateway: Address | None = None
    first_id: Annotated[Whole, Field(ge=100, le=900_000_000)]  # Proxmox VE keeps ids below 100 to itself
    cpu: Name = "x86-64-v2-AES"
    sizes: Mapping[Tier, Size] = Field(default_factory=dict)
    placement: Mapping[Name, Name] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_are_given(self) -> ProxmoxSettings:
        if len(set(self.nodes)) < len(self.nodes):
            raise ValueError("nodes names one hypervisor twice")
        unknown = sorted(set(self.placement.values()) - set(self.nodes))
        if unknown:
            raise ValueError(f"placement names {', '.join(unknown)}, which is not in nodes")
        return self

    def size(self, host: Host) -> Size:
        """What ``host`` is given: what its server class says, else its tier here, else the tier's default.

        Raises ``KeyError`` for a tier that no hypervisor hosts (lab encoders).
        """
        size = self.sizes.get(host.tier) or DEFAULT_SIZES[host.tier]
        asked = {"cores": host.hardware.cores, "memory": host.hardware.memory_bytes}
        return size.model_copy(update={name: value for name, value in asked.items() if value is not None})
