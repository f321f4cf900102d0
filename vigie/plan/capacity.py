"""How many bytes footage takes, and how many a storage unit gives."""

from __future__ import annotations

from typing import Final

from vigie.city.model import StorageUnit

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
        "raid1": 1,
        "raid5": unit.disks - 1,
        "raid6": unit.disks - 2,
        "raid10": unit.disks // 2,
    }[unit.raid]
    return unit.disk * data_disks


def usable_bytes(unit: StorageUnit) -> int:
    """Bytes that recordings may fill: after RAID, the filesystem's own needs and the free reserve."""
    return volume_bytes(unit) * (100 - FILESYSTEM_LOSS_PERCENT - FREE_RESERVE_PERCENT) // 100
