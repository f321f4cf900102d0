"""What is on the disk, counted without scans."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporters.recording import inventory as inventory_module
from exporters.recording.collector import build
from exporters.recording.configuration import RecordingConfiguration
from exporters.recording.inventory import Inventory, SegmentInventory
from exporters.web import Exporter
from tests.unit.exporters.serving import get, run, serving, values
from tests.unit.exporters.test_command import RECORDING
from tests.unit.recording.segments import segment_bytes, write
from vigie.recording.layout import Segment

MINUTE = segment_bytes(4)


def now() -> datetime:
    return datetime.now(UTC)


async def page(exporter: Exporter) -> str:
    async with serving("recording", exporter) as (sampler, _, port):
        await sampler.once()
        return (await get(port))[1]


def test_instants_bytes_and_segments(tmp_path: Path) -> None:
    starts = [now() - timedelta(days=2), now() - timedelta(days=1), now() - timedelta(seconds=4.5)]
    for start in starts:
        write(tmp_path, Segment("cam-1", start), MINUTE)
    write(tmp_path, Segment("cam-1", starts[0] - timedelta(days=1)), b"")
    cameras = [*RECORDING["cameras"], {"id": "cam-2", "site": "medina", "identity": "rec-1"}]
    content = RECORDING | {"recordings": str(tmp_path), "cameras": cameras}
    text = run(page(build(RecordingConfiguration.model_validate(content))))
    assert values(text, "vigie_recording_active", "camera") == {"cam-1": 1, "cam-2": 0}
    assert values(text, "vigie_recording_oldest_timestamp_seconds", "camera") == {"cam-1": starts[0].timestamp()}
    newest = values(text, "vigie_recording_newest_timestamp_seconds", "camera")
    assert newest == {"cam-1": pytest.approx(starts[-1].timestamp() + 4)}
    assert values(text, "vigie_recording_bytes", "camera") == {"cam-1": 3 * len(MINUTE), "cam-2": 0}
    assert values(text, "vigie_recording_segments", "camera") == {"cam-1": 4, "cam-2": 0}


def test_old_footage_is_not_active(tmp_path: Path) -> None:
    write(tmp_path, Segment("cam-1", now() - timedelta(seconds=60)), MINUTE)
    configuration = RecordingConfiguration.model_validate(RECORDING | {"recordings": str(tmp_path)})
    text = run(page(build(configuration)))
    assert values(text, "vigie_recording_active", "camera") == {"cam-1": 0}
    assert values(text, "vigie_recording_last_write_age_seconds", "camera")["cam-1"] > 50


def test_an_unreadable_camera_is_counted_and_spares_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for camera in ("cam-1", "cam-2"):
        write(tmp_path, Segment(camera, now() - timedelta(seconds=5)), MINUTE)
    cameras = [{"id": f"cam-{n}", "site": "medina", "identity": "rec-1"} for n in (1, 2)]
    content = RECORDING | {"recordings": str(tmp_path), "cameras": cameras}
    exporter = build(RecordingConfiguration.model_validate(content))
    count = SegmentInventory.count

    def failing(self: SegmentInventory) -> Inventory:
        if self._camera == "cam-1":
            raise OSError(5, "Input/output error")
        return count(self)

    monkeypatch.setattr(SegmentInventory, "count", failing)
    text = run(page(exporter))
    assert values(text, "vigie_recording_active", "camera") == {"cam-2": 1}
    assert values(text, "vigie_exporter_errors_total", "stage")["disk"] == 1


def test_the_inventory_follows_growth_rotation_and_deletion(tmp_path: Path) -> None:
    inventory = SegmentInventory(tmp_path, "cam-1")
    assert inventory.count() == Inventory(0, 0)
    start = now()
    first = write(tmp_path, Segment("cam-1", start), b"x" * 100)
    assert inventory.count() == Inventory(1, 100)
    first.write_bytes(b"x" * 250)
    assert inventory.count() == Inventory(1, 250)
    write(tmp_path, Segment("cam-1", start + timedelta(microseconds=1)), b"x" * 10)
    assert inventory.count() == Inventory(2, 260)
    first.unlink()
    assert inventory.count() == Inventory(1, 10)


def test_days_that_are_over_are_not_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = now()
    for day in range(30):
        path = write(tmp_path, Segment("cam-1", start - timedelta(days=day)), b"x")
        os.utime(path.parent, (0, 0))
    inventory = SegmentInventory(tmp_path, "cam-1")
    inventory.count()
    listed: list[Path] = []

    def listing(day: Path) -> list[str]:
        listed.append(day)
        return []

    monkeypatch.setattr(inventory_module, "segment_names", listing)
    assert inventory.count() == Inventory(30, 30)
    assert listed == []
