"""Names and paths of everything a city owns on the machine; each is derived here and nowhere else.

A city ``demo`` whose state folder is ``/var/lib/vigie/demo`` owns the network namespaces ``vigie-demo`` and
``vigie-demo.<host>``, the control groups ``vigie-demo/<object>`` and the folder ``/var/lib/vigie/demo/lab``.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

NETNS: Final = Path("/run/netns")  # where iproute2 keeps named namespaces, ip-netns(8)
BRIDGE: Final = "lab0"
HOST_LINK: Final = "eth0"
INTERFACE_NAME_LENGTH: Final = 15  # IFNAMSIZ - 1, linux/if.h
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")  # RFC 1123 label; excludes the dot that parts city from host


@dataclass(frozen=True, slots=True)
class Lab:
    """The lab of one city. ``directory`` is the city's state folder, an absolute path."""

    city: str
    directory: Path

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a city id that is no RFC 1123 label, or a relative folder."""
        if not NAME.fullmatch(self.city):
            raise ValueError(f"city id {self.city!r} must be lower-case letters, digits and inner hyphens")
        if not self.directory.is_absolute():
            raise ValueError(f"state folder {self.directory} must be an absolute path")

    @property
    def namespace(self) -> str:
        return f"vigie-{self.city}"

    def host_namespace(self, host: str) -> str:
        return f"{self.namespace}.{host}"

    def machine(self, host: str) -> str:
        """The name of a host towards systemd-nspawn, unique on the machine."""
        return f"{self.namespace}.{host}"

    @property
    def group(self) -> PurePosixPath:
        """The control group of the city, relative to the base of each hierarchy."""
        return PurePosixPath(self.namespace)

    def host_group(self, host: str) -> PurePosixPath:
        return self.group / host

    def forward_group(self, forward: str) -> PurePosixPath:
        # A colon is in no host name, so a forward and a host may share theirs.
        return self.group / f"forward:{forward}"

    @property
    def base(self) -> Path:
        """The folder of the lab: a shared mount, so that unmounting reaches the namespaces of running hosts."""
        return self.directory / "lab"

    def host(self, host: str) -> Path:
        return self.base / "hosts" / host

    def volume(self, host: str, volume: str) -> Path:
        return self.base / "volumes" / host / volume

    def forward(self, forward: str) -> Path:
        return self.base / "forwards" / forward

    def lock(self, kind: str, name: str) -> Path:
        return self.base / "locks" / f"{kind}:{name}"


def namespace_path(city: str) -> Path:
    """The file of the network namespace in which the control address of ``city`` lives."""
    return NETNS / f"vigie-{city}"


def bridge_port(host: str) -> str:
    """The name of a host's port on the bridge: readable, unique, within the kernel's length.

    >>> bridge_port("central-a")
    'p-central-a'
    >>> len(bridge_port("a-very-long-host-name")) == INTERFACE_NAME_LENGTH
    True
    """
    name = f"p-{host}"
    if len(name) <= INTERFACE_NAME_LENGTH:
        return name
    digest = hashlib.sha256(host.encode()).hexdigest()[:5]
    return f"{name[: INTERFACE_NAME_LENGTH - 6]}.{digest}"  # a dot: never the name of a short host


def hardware_address(address: str) -> str:
    """A locally administered MAC (IEEE 802) that follows from the IPv4 address, so that ARP caches survive a rebuild.

    >>> hardware_address("10.77.0.11")
    '02:00:0a:4d:00:0b'
    """
    return "02:00:" + ":".join(f"{int(part):02x}" for part in address.split("."))
