"""Follows the newest footage of one camera across segment changes, and says what reached the disk.

Only complete parts count. The modification time alone is not believed: MediaMTX rewrites the head of a segment when a
dead stream is closed, and a full disk leaves fresh but empty files.
"""

from __future__ import annotations

import functools
import itertools
import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie.metrics.thresholds import FRAME_RATE_WINDOW, FRAME_RATE_WINDOW_MINIMUM
from vigie.recording.fmp4 import Init, Keyframe, Part, SegmentReader
from vigie.recording.layout import newest_segments, parse_path, segments_after
from vigie.recording.picture import keyframes_as_mp4

_LOOK_BACK: Final = 500  # empty segments that a full disk left in front of the last good one
_KEYFRAMES_KEPT: Final = 32


@dataclass(frozen=True, slots=True)
class Footage:
    """What the disk says of a camera. Times are Unix seconds; None means that there is nothing to measure.

    `frames` and `size` (bytes) count what appeared since the tail was made. `written` is when the last complete part
    reached the disk; `end` is the instant of its last frame. `broken` says why the newest segment cannot be read.
    """

    frames: int
    size: int
    written: float | None
    end: float | None
    frames_per_second: float | None
    bytes_per_second: float | None
    keyframe: float | None
    segment: Path | None
    broken: str | None


@dataclass(frozen=True, slots=True)
class KeyframeReference:
    """A keyframe in a segment: enough to read it later. `instant` is Unix seconds."""

    path: Path
    init: Init
    keyframe: Keyframe
    instant: float


class FootageTail:
    """The tail of one camera's recordings under `root`. Not safe for two threads at once."""

    def __init__(self, root: Path, camera: str) -> None:
        self._root = root
        self._camera = camera
        self._path: Path | None = None
        self._reader = SegmentReader()
        self._parts: deque[tuple[float, Part]] = deque()
        self._keyframes: deque[KeyframeReference] = deque(maxlen=_KEYFRAMES_KEPT)
        self._frames = 0
        self._size = 0
        self._written: float | None = None

    def advance(self) -> Footage:
        """Reads what was appended since the last call. Raises OSError when the disk cannot be read."""
        if self._path is None:
            self._begin()
        else:
            self._follow(self._path)
            for path in segments_after(self._path, self._root, self._camera):
                self._open(path)
                self._follow(path)
        return self._footage()

    def keyframes(self, spacing: float) -> list[KeyframeReference]:
        """The newest keyframe, and before it one of the same segment at least `spacing` seconds older, if any."""
        if not self._keyframes:
            return []
        newest = self._keyframes[-1]
        for older in reversed(self._keyframes):
            if older.path == newest.path and newest.instant - older.instant >= spacing:
                return [older, newest]
        return [newest]

    def _begin(self) -> None:
        """Starts at the newest segment; walks back over empty ones for the last good footage. Counts nothing."""
        newest: Path | None = None
        for path in itertools.islice(newest_segments(self._root, self._camera), _LOOK_BACK):
            newest = newest or path
            self._open(path)
            self._follow(path, first=True)
            if self._parts:
                break
        if newest is not None and self._path != newest:
            self._open(newest)
            self._follow(newest)
        self._frames = self._size = 0

    def _open(self, path: Path) -> None:
        self._path, self._reader = path, SegmentReader()

    def _follow(self, path: Path, *, first: bool = False) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            status = os.fstat(descriptor)
            parts = self._reader.advance(lambda offset, length: os.pread(descriptor, length, offset), status.st_size)
        finally:
            os.close(descriptor)
        if parts:
            start = _start(path, self._root)
            self._take(path, start, parts)
            # When the parts are new, the file grew just now. On the first look only footage itself is evidence.
            self._written = min(status.st_mtime, start + parts[-1].end) if first else status.st_mtime

    def _take(self, path: Path, start: float, parts: list[Part]) -> None:
        init = self._reader.init
        assert init is not None
        for part in parts:
            self._frames += part.frames
            self._size += part.size
            self._parts.append((start, part))
            self._keyframes.extend(
                KeyframeReference(path, init, keyframe, start + keyframe.time) for keyframe in part.keyframes
            )
        newest = start + parts[-1].end
        while self._parts and part_end(self._parts[0]) <= newest - FRAME_RATE_WINDOW.value:
            self._parts.popleft()

    def _footage(self) -> Footage:
        duration = sum(part.end - part.start for _, part in self._parts)
        measurable = duration >= FRAME_RATE_WINDOW_MINIMUM.value
        frames = sum(part.frames for _, part in self._parts)
        size = sum(part.size for _, part in self._parts)
        return Footage(
            frames=self._frames,
            size=self._size,
            written=self._written,
            end=part_end(self._parts[-1]) if self._parts else None,
            frames_per_second=frames / duration if measurable else None,
            bytes_per_second=size / duration if measurable else None,
            keyframe=self._keyframes[-1].instant if self._keyframes else None,
            segment=self._path,
            broken=self._reader.broken,
        )


def part_end(entry: tuple[float, Part]) -> float:
    """The Unix second at which a part ends: start of its segment plus its end."""
    start, part = entry
    return start + part.end


def read_keyframes(references: list[KeyframeReference]) -> bytes:
    """The keyframes (of one segment) as a small MP4. Raises OSError when gone, ValueError when cut short or empty."""
    samples = []
    for reference in references:
        with reference.path.open("rb", buffering=0) as file:
            content = os.pread(file.fileno(), reference.keyframe.size, reference.keyframe.offset)
        if len(content) != reference.keyframe.size or not content:
            raise ValueError(f"{reference.path}: keyframe at {reference.keyframe.offset} is cut short")
        samples.append(content)
    if not references:
        raise ValueError("no keyframes")
    return keyframes_as_mp4(references[0].init, samples)


@functools.lru_cache(maxsize=4096)
def _start(path: Path, root: Path) -> float:
    return parse_path(path, root).start.timestamp()
