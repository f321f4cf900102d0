"""What a machine says of itself (:mod:`infra.metal.probe`). A machine's answer is checked like any other input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted filesystem; ``device_bytes`` is the block device below it, where there is one."""

    point: str
    kind: str
    source: str
    filesystem_bytes: int
    device_bytes: int | None
    read_only: bool

    @property
    def size_bytes(self) -> int:
        """What compares with a volume of the plan: the device, or the filesystem where there is none."""
        return self.device_bytes if self.device_bytes is not None else self.filesystem_bytes


@dataclass(frozen=True, slots=True)
class Device:
    """A block device that holds nothing: no partition, no filesystem, no signature."""

    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """An IPv4 address and the link that holds it; ``megabits_per_second`` is -1 where the link does not tell."""

    address: str
    prefix_length: int
    link: str
    up: bool
    megabits_per_second: int


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that waits for others; ``unit`` is the systemd unit of its program, empty where it has none."""

    protocol: str
    address: str
    port: int
    program: str
    unit: str


@dataclass(frozen=True, slots=True)
class Facts:
    """A machine as it is. ``time`` is its clock (Unix seconds), ``control`` the address it sees the control node at."""

    time: float
    release: dict[str, str]
    control: str
    cores: int
    memory_bytes: int
    mounts: tuple[Mount, ...]
    unused_devices: tuple[Device, ...]
    addresses: tuple[LinkAddress, ...]
    listeners: tuple[Listener, ...]


_ADAPTER: Final = TypeAdapter(Facts)


def read_facts(answer: str | bytes) -> Facts:
    """The facts that the probe printed. Raises ``ValueError``."""
    return _ADAPTER.validate_json(answer)
