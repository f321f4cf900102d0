"""Measures what is recorded."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

from prometheus_client.core import Metric as Family

from exporters.recording.configuration import RecordedCamera, RecordingConfiguration
from exporters.recording.inventory import Inventory, SegmentInventory
from exporters.web import Exporter, Families
from vigie.metrics import families as m
from vigie.metrics.thresholds import NOT_WRITTEN_AFTER
from vigie.recording.layout import oldest_segments, parse_path
from vigie.recording.tail import Footage, FootageTail

_LOG: Final = logging.getLogger(__name__)
STAGE: Final = "disk"


class RecordingCollector:
    """What the disk holds of each camera.

    vigie_recording_active{camera="cam-0001",site="medina"} 1
    vigie_recording_last_write_age_seconds{camera="cam-0001",site="medina"} 0.6
    vigie_recording_newest_timestamp_seconds{camera="cam-0001",site="medina"} 1.796112e+09
    vigie_recording_oldest_timestamp_seconds{camera="cam-0001",site="medina"} 1.796108e+09
    vigie_recording_bytes{camera="cam-0001",site="medina"} 7.3e+08
    vigie_recording_segments{camera="cam-0001",site="medina"} 61
    """

    def __init__(self, configuration: RecordingConfiguration) -> None:
        root = configuration.recordings
        self._root = root
        self._cameras = configuration.cameras
        self._tails = {camera.id: FootageTail(root, camera.id) for camera in self._cameras}
        self._inventories = {camera.id: SegmentInventory(root, camera.id) for camera in self._cameras}
        self.errors: Counter[str] = Counter()

    async def measure(self) -> Iterable[Family]:
        """One sample of all cameras, taken in a thread: a disk may hang."""
        return await asyncio.to_thread(self._measure)

    def _measure(self) -> list[Family]:
        found = Families()
        for camera in self._cameras:
            try:
                footage = self._tails[camera.id].advance()
                oldest = self._oldest(camera.id)
                inventory = self._inventories[camera.id].count()
            except OSError as error:
                self.errors[STAGE] += 1
                _LOG.warning("camera %s: %s", camera.id, error)
                continue
            _add(found, camera, footage, oldest, inventory)
        return list(found)

    def _oldest(self, camera: str) -> float | None:
        # Segments that a full disk left empty hold nothing.
        for path in itertools.islice(oldest_segments(self._root, camera), 100):
            if path.stat().st_size > 0:
                return parse_path(path, self._root).start.timestamp()
        return None


def _add(found: Families, camera: RecordedCamera, footage: Footage, oldest: float | None, inventory: Inventory) -> None:
    labels = {"camera": camera.id, "site": camera.site}
    age = None if footage.written is None else max(0.0, time.time() - footage.written)
    found.add(m.RECORDING_ACTIVE, age is not None and age <= NOT_WRITTEN_AFTER.value, **labels)
    found.add(m.RECORDING_WRITE_AGE, age, **labels)
    found.add(m.RECORDING_NEWEST, footage.end, **labels)
    found.add(m.RECORDING_OLDEST, oldest if footage.end is not None else None, **labels)
    found.add(m.RECORDING_BYTES, inventory.size, **labels)
    found.add(m.RECORDING_SEGMENTS, inventory.segments, **labels)


def build(configuration: RecordingConfiguration) -> Exporter:
    """The recording exporter."""
    collector = RecordingCollector(configuration)
    return Exporter(configuration.sample_interval_seconds, collector.measure, collector.errors, (STAGE,))
