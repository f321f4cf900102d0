"""What lies below a volume: the counters of its block device, arrays (md), and what SMART says of the disks.

Everything is read from /sys and from a file that the smartmon collector of the node exporter writes as root
(prometheus-node-exporter-collectors): an exporter that may not open raw devices needs no more.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from vigie.metrics.thresholds import SMART_OLD

SYS: Final = Path("/sys")
SMART: Final = Path("/var/lib/prometheus/node-exporter/smartmon.prom")
_SMART_METRIC: Final = "smartmon_device_smart_healthy"
_SECTOR_BYTES: Final = 512  # unit of a device's `stat`, whatever its own sector size
_WRITES, _WRITTEN_SECTORS, _WRITE_MILLISECONDS = 4, 6, 7  # Documentation/block/stat.rst of Linux


@dataclass(frozen=True, slots=True)
class Writes:
    """Since the device is there: writes finished, their bytes, and the seconds they took, summed over them."""

    count: int
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Devices:
    """`missing` is how many disks each array lacks, `healthy` what SMART says of each disk; by kernel name (md0, sda)."""

    writes: Writes | None = None
    missing: Mapping[str, int] = field(default_factory=dict)
    healthy: Mapping[str, bool] = field(default_factory=dict)


def read_devices(number: str, sys: Path = SYS, smart: Path = SMART) -> Devices:
    """Of the block device `major:minor`; empty where a file system has none. Raises nothing: what cannot be read is absent."""
    try:
        device = (sys / "dev/block" / number).resolve(strict=True)
    except OSError:
        return Devices()
    below = list(_below(device))
    missing = {found.name: lacks for found in below if (lacks := _missing(found)) is not None}
    names = {found.name for found in below}
    healthy = {name: well for name, well in _smart(smart).items() if name in names}
    return Devices(_writes(device), missing, healthy)


def _below(device: Path) -> Iterator[Path]:
    """The device, what it is made of, and so on down to the disks; of a partition its disk."""
    disk = device.parent if (device / "partition").exists() else device
    yield disk
    for folder in {device / "slaves", disk / "slaves"}:
        for slave in sorted(folder.iterdir()) if folder.is_dir() else ():
            yield from _below(slave.resolve())


def _missing(device: Path) -> int | None:
    try:
        return int((device / "md/degraded").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None  # no array, or one without redundancy


def _writes(device: Path) -> Writes | None:
    try:
        fields = (device / "stat").read_text(encoding="ascii").split()
        sectors, milliseconds = int(fields[_WRITTEN_SECTORS]), int(fields[_WRITE_MILLISECONDS])
        return Writes(int(fields[_WRITES]), sectors * _SECTOR_BYTES, milliseconds / 1000)
    except (OSError, ValueError, IndexError):
        return None


def _smart(file: Path) -> dict[str, bool]:
    """Kernel name -> healthy, of a collector that wrote lately."""
    try:
        if time.time() - file.stat().st_mtime > SMART_OLD.value:
            return {}
        families = list(text_string_to_metric_families(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}
    return {
        sample.labels.get("disk", "").removeprefix("/dev/"): sample.value == 1
        for family in families
        for sample in family.samples
        if sample.name == _SMART_METRIC
    }
