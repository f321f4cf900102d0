"""Compares a machine with its host in the plan. Pure: every difference is found, and none is repaired here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from infra.bundle import pins
from infra.metal.facts import Facts, Listener, Mount
from vigie.city.quantity import human_bit_rate, human_bytes
from vigie.plan.model import Hardware, Volume

# Firmware and the kernel keep some memory to themselves before Linux counts it.
MEMORY_PERMILLE: Final = 950
# RAID and LVM keep some megabytes of a device to themselves.
DEVICE_PERMILLE: Final = 990
CLOCK_SECONDS: Final = 2.0
# Whatever roles run; a port that one of these holds is held by the platform itself.
PLATFORM_UNITS: Final = (
    "ssh.service",
    "ssh.socket",
    "chrony.service",
    "prometheus.service",
    "prometheus-alertmanager.service",
    "prometheus-node-exporter.service",
    "recorder@*.service",
    "vigie-*.service",
)
BITS_PER_MEGABIT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Port:
    """A port that services of the plan listen on."""

    protocol: str
    number: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the plan asks of a machine. ``control_address`` is the only one that its firewall will admit for SSH."""

    address: str
    prefix_length: int
    control_address: str
    hardware: Hardware
    volumes: tuple[Volume, ...]
    ports: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as planned, and what a person can do about it."""

    what: str
    expected: str
    found: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}; {self.fix}"


def differences(expected: Expectation, facts: Facts, clock_offset: float) -> list[Difference]:
    """Everything on the machine that is not as ``expected``; ``clock_offset`` (seconds) is its clock less ours."""
    return [
        *_release(facts),
        *_hardware(expected.hardware, facts),
        *(found for volume in expected.volumes for found in _volume(volume, facts)),
        *_network(expected, facts),
        *_clock(clock_offset),
        *_ports(expected.ports, facts.listeners),
    ]


def _release(facts: Facts) -> Iterator[Difference]:
    release = facts.release
    if (release.get("id"), release.get("version_id")) != ("debian", pins.HOST_RELEASE):
        found = release.get("pretty_name") or "an unknown system"
        yield Difference(
            "operating system", f"Debian {pins.HOST_RELEASE}", found, f"install Debian {pins.HOST_RELEASE}"
        )


def _hardware(hardware: Hardware, facts: Facts) -> Iterator[Difference]:
    if hardware.cores is not None and facts.cores < hardware.cores:
        fix = "rack a machine of the planned class, or correct server_classes[].cores"
        yield Difference("cores", f"{hardware.cores} or more", str(facts.cores), fix)
    if hardware.memory_bytes is not None and facts.memory_bytes * 1000 < hardware.memory_bytes * MEMORY_PERMILLE:
        fix = "add memory, or correct server_classes[].memory"
        yield Difference(
            "memory", f"{human_bytes(hardware.memory_bytes)} or more", human_bytes(facts.memory_bytes), fix
        )


def _volume(volume: Volume, facts: Facts) -> Iterator[Difference]:
    what, wanted = f"volume {volume.name}", f"{human_bytes(volume.size_bytes)} mounted at {volume.mount}"
    mount = _mounted(volume.mount, facts.mounts)
    if mount is None:
        yield Difference(what, wanted, "nothing mounted there", _advice(volume, facts))
        return
    if mount.size_bytes * 1000 < volume.size_bytes * DEVICE_PERMILLE:
        fix = "mount a larger device there, or correct storage_units"
        yield Difference(what, wanted, f"{human_bytes(mount.size_bytes)} ({mount.source})", fix)
    if mount.read_only:
        yield Difference(what, wanted, f"{mount.source}, read-only", "find out why (dmesg), repair, mount it writable")


def _mounted(point: str, mounts: Iterable[Mount]) -> Mount | None:
    """What is mounted at ``point`` itself: the last of several hides the others."""
    return next((mount for mount in reversed(tuple(mounts)) if mount.point == point), None)


def _advice(volume: Volume, facts: Facts) -> str:
    """Vigie formats nothing: a person makes the filesystem, on the device that fits best."""
    fitting = [d for d in facts.unused_devices if d.bytes * 1000 >= volume.size_bytes * DEVICE_PERMILLE]
    if not fitting:
        return f"no unused device has {human_bytes(volume.size_bytes)}: add disks, then make and mount a filesystem"
    device = min(fitting, key=lambda d: (d.bytes, d.path))
    return (
        f"{device.path} ({human_bytes(device.bytes)}) is unused: if it is the one, run `mkfs.ext4 {device.path}`, add "
        f"`{device.path} {volume.mount} ext4 defaults,nofail 0 2` to /etc/fstab and mount it (Vigie never formats)"
    )


def _network(expected: Expectation, facts: Facts) -> Iterator[Difference]:
    wanted = f"{expected.address}/{expected.prefix_length}"
    held = next((entry for entry in facts.addresses if entry.address == expected.address), None)
    if held is None:
        others = ", ".join(entry.address for entry in facts.addresses if entry.link != "lo") or "none"
        yield Difference("address", wanted, others, "give the machine the planned address, kept over reboots")
    else:
        if held.prefix_length != expected.prefix_length:
            fix = "correct the prefix length"
            yield Difference("address", wanted, f"{held.address}/{held.prefix_length}", fix)
        yield from _link(expected.hardware, held.link, held.up, held.megabits_per_second)
    if facts.control != expected.control_address:
        fix = "reach it from the control address: the plan's firewall would lock every other out"
        yield Difference("control node", f"SSH from {expected.control_address}", f"from {facts.control}", fix)


def _link(hardware: Hardware, link: str, up: bool, megabits: int) -> Iterator[Difference]:
    if not up:
        yield Difference(f"link {link}", "a carrier", "none", "plug the cable in, or look at the switch")
    wanted = hardware.network_bits_per_second
    if wanted is None or megabits * BITS_PER_MEGABIT >= wanted:
        return
    found = human_bit_rate(megabits * BITS_PER_MEGABIT) if megabits > 0 else "unknown"
    fix = "look at cable, port and negotiation (ethtool), or correct server_classes[].network"
    yield Difference(f"speed of {link}", f"{human_bit_rate(wanted)} or more", found, fix)


def _clock(offset: float) -> Iterator[Difference]:
    if abs(offset) > CLOCK_SECONDS:
        side = "ahead of" if offset > 0 else "behind"
        found = f"{abs(offset):.1f} s {side} the control node"
        yield Difference(
            "clock", f"within {CLOCK_SECONDS:.0f} s", found, "set the wrong one of the two, and let it follow NTP"
        )


def _ports(ports: Iterable[Port], listeners: Iterable[Listener]) -> Iterator[Difference]:
    heard: dict[Port, Listener] = {}
    for listener in listeners:
        if not any(fnmatchcase(listener.unit, pattern) for pattern in PLATFORM_UNITS):
            heard.setdefault(Port(listener.protocol, listener.port), listener)
    for port in ports:
        if taken := heard.get(port):
            who = " of ".join(name for name in (taken.program, taken.unit) if name) or "a program without a name"
            fix = "move it to another port, or stop it"
            found = f"{who} on {taken.address}:{taken.port}"
            yield Difference(f"port {port.number}/{port.protocol}", "free", found, fix)
