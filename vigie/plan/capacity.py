"""How many bytes footage takes, how many a storage unit gives, and what a server can take in the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final

from vigie.city.model import CapacitySettings, ServerClass, StorageUnit
from vigie.city.quantity import WHOLE

SECONDS_PER_DAY: Final = 86_400
# fMP4 boxes around the samples: a moof of about 300 bytes a second and the init part (ISO/IEC 14496-12).
CONTAINER_OVERHEAD_PERCENT: Final = 1
# Encoders overshoot their target bit rate on busy scenes; the plan must not depend on quiet streets.
BITRATE_MARGIN_PERCENT: Final = 5
# ext4 metadata (inode tables, journal) of a filesystem made for large files.
FILESYSTEM_LOSS_PERCENT: Final = 2
# Kept free: a full filesystem fragments, and recording must go on while the keeper catches up.
FREE_RESERVE_PERCENT: Final = 5


def bytes_recorded(bits_per_second: int, seconds: int) -> int:
    """Bytes on disk of a stream of ``bits_per_second`` over ``seconds``, rounded up."""
    percent = 100 + CONTAINER_OVERHEAD_PERCENT + BITRATE_MARGIN_PERCENT
    return -(-bits_per_second * seconds * percent // 800)


def raw_bytes(unit: StorageUnit) -> int:
    """Bytes that the disk maker counts."""
    return unit.disk * unit.disks


def volume_bytes(unit: StorageUnit) -> int:
    """Bytes of the block device after RAID: what a filesystem is made on."""
    data_disks = {
        "none": unit.disks,
        "raid1": unit.raid_sets,
        "raid5": unit.disks - unit.raid_sets,
        "raid6": unit.disks - 2 * unit.raid_sets,
        "raid10": unit.disks // 2,
    }[unit.raid]
    return unit.disk * data_disks


def usable_bytes(unit: StorageUnit, evidence_reserve: int = 0) -> int:
    """Bytes that footage within its retention may fill: after RAID, the filesystem's own needs, the free reserve and
    what is kept for locked evidence (``evidence_reserve`` in parts of ``WHOLE``)."""
    footage = volume_bytes(unit) * (100 - FILESYSTEM_LOSS_PERCENT - FREE_RESERVE_PERCENT) // 100
    return footage * (WHOLE - evidence_reserve) // WHOLE


def headroom_bytes(unit: StorageUnit) -> int:
    """Bytes of the volume that stay free, so that recording goes on while the keeper catches up."""
    return volume_bytes(unit) * FREE_RESERVE_PERCENT // 100


def evidence_bytes(unit: StorageUnit, evidence_reserve: int) -> int:
    """Bytes beside :func:`usable_bytes` that are kept for locked evidence."""
    return usable_bytes(unit) - usable_bytes(unit, evidence_reserve)


def growth_factor(settings: CapacitySettings) -> Fraction:
    """By how much the load grows until the last day planned for: compound over whole years, linear within the last.

    Exact, so that two machines never disagree about the last byte.
    """
    growth = settings.growth
    if growth is None:
        return Fraction(1)
    years = growth.until.year - growth.start.year
    if _anniversary(growth.start, years) > growth.until:
        years -= 1
    rest = (growth.until - _anniversary(growth.start, years)).days
    rate = Fraction(growth.per_year, WHOLE)
    return (1 + rate) ** years * (1 + rate * Fraction(rest, 365))


def _anniversary(start: date, years: int) -> date:
    year = start.year + years
    try:
        return start.replace(year=year)
    except ValueError:  # 29 February
        return date(year, 3, 1)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one recorder may be given today so that it still holds after the growth that is planned for."""

    cameras: int
    ingest_bits_per_second: int
    read_bits_per_second: int
    usable_bytes: int
    read_share: int  # of the ingest, in parts of WHOLE

    # The ingest at which either writing or reading reaches its bound; kept, for placement asks it a million times.
    most_bits_per_second: int = field(init=False)

    def __post_init__(self) -> None:
        most = self.ingest_bits_per_second
        if self.read_share:
            most = min(most, self.read_bits_per_second * WHOLE // self.read_share)
        object.__setattr__(self, "most_bits_per_second", most)

    def read(self, ingest_bits_per_second: int) -> int:
        """Bits a second read by people who watch, rounded up."""
        return -(-ingest_bits_per_second * self.read_share // WHOLE)


def limits(server: ServerClass, unit: StorageUnit, settings: CapacitySettings) -> Limits:
    """The bounds of a recorder of class ``server`` with ``unit``; the class must say all of them."""
    factor = growth_factor(settings)
    bounds = (
        server.max_cameras or 0,
        server.max_ingest or 0,
        server.max_read or 0,
        usable_bytes(unit, settings.evidence_reserve),
    )
    cameras, ingest, read, usable = (int(bound / factor) for bound in bounds)
    return Limits(cameras, ingest, read, usable, min(settings.live_share + settings.playback_share, WHOLE))
