"""Where a segment lies on the disk: `<root>/<camera>/<YYYY>/<MM>/<DD>/<HH-MM-SS-ffffff>.mp4`, all in UTC.

Newest and oldest segments cost a few directory look-ups, never a scan: names sort as time does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

SUFFIX: Final = ".mp4"
# The same layout in MediaMTX's words; it adds the suffix itself.
MEDIAMTX_PATTERN: Final = "%path/%Y/%m/%d/%H-%M-%S-%f"

_CAMERA: Final = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
_YEAR: Final = re.compile(r"^\d{4}$")
_TWO_DIGITS: Final = re.compile(r"^\d{2}$")
_SEGMENT: Final = re.compile(r"^\d{2}-\d{2}-\d{2}-\d{6}\.mp4$")
_DAY_LEVELS: Final = (_YEAR, _TWO_DIGITS, _TWO_DIGITS)


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One recorded file: the camera's id and the UTC instant of its first frame."""

    camera: str
    start: datetime

    def path(self, root: Path) -> Path:
        """Where this segment lies under `root`."""
        name = self.start.strftime("%H-%M-%S-%f") + SUFFIX
        return root / self.camera / self.start.strftime("%Y/%m/%d") / name


def check_camera_id(camera: str) -> str:
    """The id itself when it is safe as a directory and MediaMTX path name; else ValueError."""
    if not _CAMERA.match(camera):
        raise ValueError(f"camera id {camera!r}: use lower-case letters, digits and hyphens, at most 63")
    return camera


def parse_path(path: Path, root: Path) -> Segment:
    """The segment that `path` is. Raises ValueError when the path is not of this layout."""
    parts = path.relative_to(root).parts
    if len(parts) != 5 or not _SEGMENT.match(parts[4]):
        raise ValueError(f"{path}: not a segment of the layout <camera>/<YYYY>/<MM>/<DD>/<HH-MM-SS-ffffff>{SUFFIX}")
    camera, *day, name = parts
    check_camera_id(camera)
    try:
        start = datetime.strptime("/".join((*day, name.removesuffix(SUFFIX), "+0000")), "%Y/%m/%d/%H-%M-%S-%f/%z")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Segment(camera, start.astimezone(UTC))


def newest_segments(root: Path, camera: str) -> Iterator[Path]:
    """Segments of a camera, newest first, read lazily: the first costs four look-ups."""
    return _segments(root / camera, newest_first=True)


def oldest_segments(root: Path, camera: str) -> Iterator[Path]:
    """Segments of a camera, oldest first, read lazily."""
    return _segments(root / camera, newest_first=False)


def day_directories(root: Path, camera: str) -> Iterator[Path]:
    """The day directories of a camera, oldest first."""
    return _days(root / camera, _DAY_LEVELS, newest_first=False)


def segment_names(day: Path) -> list[str]:
    """Names of the segments in a day directory, oldest first; empty when it is gone."""
    return _names(day, _SEGMENT)


def segments_after(path: Path, root: Path, camera: str) -> list[Path]:
    """The segments that are newer than `path`, oldest first. Looks no further back than `path`."""
    newer: list[Path] = []
    for candidate in newest_segments(root, camera):
        if candidate <= path:
            break
        newer.append(candidate)
    return newer[::-1]


def _segments(camera: Path, *, newest_first: bool) -> Iterator[Path]:
    for day in _days(camera, _DAY_LEVELS, newest_first=newest_first):
        names = _names(day, _SEGMENT)
        for name in reversed(names) if newest_first else names:
            yield day / name


def _days(directory: Path, levels: tuple[re.Pattern[str], ...], *, newest_first: bool) -> Iterator[Path]:
    if not levels:
        yield directory
        return
    names = _names(directory, levels[0])
    for name in reversed(names) if newest_first else names:
        yield from _days(directory / name, levels[1:], newest_first=newest_first)


def _names(directory: Path, pattern: re.Pattern[str]) -> list[str]:
    try:
        return sorted(name for name in os.listdir(directory) if pattern.match(name))  # noqa: PTH208 - names only, no stat
    except (FileNotFoundError, NotADirectoryError):
        return []
