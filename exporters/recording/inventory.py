"""Counts a camera's segments and bytes without a scan: a day that is over never changes but by deletion, and deletion
changes the modification time of its directory."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie.recording.layout import day_directories, segment_names

_SETTLED_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Inventory:
    """Number of segments and their size in bytes."""

    segments: int
    size: int


@dataclass(frozen=True, slots=True)
class _Day:
    modified_ns: int
    segments: int
    size: int  # without the newest segment, which may still grow
    newest: Path | None
    settled: (
        bool  # listed well after its last change: time stamps are coarse, and a change may hide behind an equal one
    )


class SegmentInventory:
    """The inventory of one camera under `root`, kept between calls."""

    def __init__(self, root: Path, camera: str) -> None:
        self._root = root
        self._camera = camera
        self._days: dict[Path, _Day] = {}

    def count(self) -> Inventory:
        """Present totals. Costs one stat a day, and a listing of days that changed. Raises OSError."""
        days: dict[Path, _Day] = {}
        segments = size = 0
        for directory in day_directories(self._root, self._camera):
            day = self._day(directory)
            if day is None:
                continue
            days[directory] = day
            segments += day.segments
            size += day.size + (_size(day.newest) if day.newest else 0)
        self._days = days
        return Inventory(segments, size)

    def _day(self, directory: Path) -> _Day | None:
        try:
            modified = directory.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        known = self._days.get(directory)
        if known is not None and known.settled and known.modified_ns == modified:
            return known
        settled = time.time_ns() - modified > _SETTLED_NS
        names = segment_names(directory)
        size = sum(_size(directory / name) for name in names[:-1])
        return _Day(modified, len(names), size, directory / names[-1] if names else None, settled)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
