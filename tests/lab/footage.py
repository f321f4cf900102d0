"""What the disks of lab recorders hold, read by the test itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from infra.lab.volume import VolumeSpec, mount_point
from tests.lab_city import LabCity
from vigie.plan.model import Camera
from vigie.recording.fmp4 import SegmentReader
from vigie.recording.layout import oldest_segments, parse_path

SEAM_SECONDS: Final = 0.5  # segments follow each other with less than some frames between them


def gaps(city: LabCity, camera: Camera, since: float, until: float) -> list[tuple[float, float]]:
    """The intervals between ``since`` and ``until`` (Unix seconds) without footage of ``camera``, in order.

    Only complete parts count. What is before the first and behind the last instant counts as a gap, too.
    """
    host = next(identity.host for identity in city.plan.identities if identity.id == camera.identity)
    volume = next(volume for volume in city.plan.host(host).volumes if volume.name == "recordings")
    root = mount_point(city.lab, VolumeSpec(host, volume.name, volume.size_bytes))
    spans = sorted(span for path in oldest_segments(root, camera.id) for span in _spans(path, root))
    found, reached = [], since
    for start, end in [*spans, (until, until)]:
        if reached + SEAM_SECONDS < min(start, until):
            found.append((reached, min(start, until)))
        reached = max(reached, end)
    return found


def _spans(path: Path, root: Path) -> list[tuple[float, float]]:
    """The first and last instant of each complete part of a segment."""
    start = parse_path(path, root).start.timestamp()
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        parts = SegmentReader().advance(lambda offset, length: os.pread(file.fileno(), length, offset), size)
    return [(start + part.start, start + part.end) for part in parts]
