"""Measures volumes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from time import monotonic
from typing import Final

from prometheus_client.core import Metric as Family

from exporters.storage.configuration import StorageConfiguration, Volume
from exporters.storage.trend import FillTrend
from exporters.storage.volume import NotMountedError, VolumeState, read_volume
from exporters.web import Exporter, Families
from vigie.metrics import families as m

_LOG: Final = logging.getLogger(__name__)
STAGE: Final = "volume"


class StorageCollector:
    """Size, fill and trend of each volume.

    vigie_storage_mounted{volume="recordings"} 1
    vigie_storage_size_bytes{volume="recordings"} 2.06e+09
    vigie_storage_free_bytes{volume="recordings"} 1.71e+09
    vigie_storage_written_bytes_total{volume="recordings"} 3.5e+08
    vigie_storage_seconds_until_full{volume="recordings"} 2419.5
    vigie_storage_read_only{volume="recordings"} 0
    vigie_storage_free_inodes{volume="recordings"} 129842
    vigie_storage_write_seconds_total{volume="recordings"} 84.2
    vigie_storage_info{volume="recordings",mount="/srv/recordings",device="/dev/loop3",filesystem="ext4"} 1
    """

    def __init__(self, configuration: StorageConfiguration) -> None:
        self._volumes = configuration.volumes
        self._trends = {volume.name: FillTrend() for volume in self._volumes}
        self._last_used: dict[str, int] = {}
        self._grown: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()

    async def measure(self) -> Iterable[Family]:
        """One sample of all volumes. A volume that cannot be read counts as an error and has no samples."""
        found = Families()
        for volume in self._volumes:
            try:
                state = await asyncio.to_thread(read_volume, volume.mount)
            except NotMountedError:
                found.add(m.STORAGE_MOUNTED, 0, volume=volume.name)
                continue
            except OSError as error:
                self.errors[STAGE] += 1
                _LOG.warning("volume %s: %s", volume.name, error)
                continue
            self._add(found, volume, state)
        return list(found)

    def _add(self, found: Families, volume: Volume, state: VolumeState) -> None:
        name = volume.name
        now = monotonic()
        self._trends[name].add(now, state.used)
        self._grown[name] += max(0, state.used - self._last_used.get(name, state.used))
        self._last_used[name] = state.used
        until_full = self._trends[name].seconds_until_full(now, state.used, state.free)
        found.add(m.STORAGE_MOUNTED, 1, volume=name)
        found.add(m.STORAGE_SIZE, state.size, volume=name)
        found.add(m.STORAGE_FREE, state.free, volume=name)
        writes = state.devices.writes
        found.add(m.STORAGE_WRITTEN, writes.size if writes else self._grown[name], volume=name)
        found.add(m.STORAGE_WRITES, writes.count if writes else None, volume=name)
        found.add(m.STORAGE_WRITE_SECONDS, writes.seconds if writes else None, volume=name)
        found.add(m.STORAGE_UNTIL_FULL, until_full, volume=name)
        found.add(m.STORAGE_READ_ONLY, state.read_only, volume=name)
        found.add(m.STORAGE_INODES, state.inodes, volume=name)
        found.add(m.STORAGE_INODES_FREE, state.inodes_free, volume=name)
        for array, missing in state.devices.missing.items():
            found.add(m.STORAGE_ARRAY_MISSING, missing, volume=name, device=array)
        for disk, healthy in state.devices.healthy.items():
            found.add(m.STORAGE_DISK_HEALTHY, healthy, volume=name, device=disk)
        mount, device, filesystem = str(volume.mount), state.device, state.filesystem
        found.add(m.STORAGE_INFO, 1, volume=name, mount=mount, device=device, filesystem=filesystem)


def build(configuration: StorageConfiguration) -> Exporter:
    """The storage exporter."""
    collector = StorageCollector(configuration)
    return Exporter(configuration.sample_interval_seconds, collector.measure, collector.errors, (STAGE,))
