"""How long the footage of a file is, without decoding it: fragmented MP4 by its parts, plain MP4 by its head."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

from vigie.recording.fmp4 import SegmentReader

_HEADER: Final = 16
_MOVIE_HEADER_BYTES: Final = 40


def footage_seconds(path: Path) -> float | None:
    """Seconds from the start of the file to the end of its last complete frame; ``None`` where it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        size = os.fstat(descriptor).st_size
        reader = SegmentReader()
        parts = reader.advance(lambda offset, length: os.pread(descriptor, length, offset), size)
        return max((part.end for part in parts), default=None) if parts else _movie_seconds(descriptor, size)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _movie_seconds(descriptor: int, size: int) -> float | None:
    """The duration that ``mvhd`` gives (ISO/IEC 14496-12, 8.2.2); zero in a fragmented file, and then unknown."""
    offset = 0
    while offset + 8 <= size:
        header = os.pread(descriptor, _HEADER, offset)
        length, kind = struct.unpack_from(">I4s", header)
        skip = 8
        if length == 1 and len(header) == _HEADER:
            (length,) = struct.unpack_from(">Q", header, 8)
            skip = 16
        if length < skip:
            return None
        if kind == b"moov":
            return _duration(os.pread(descriptor, _MOVIE_HEADER_BYTES, offset + skip))
        offset += length
    return None


def _duration(head: bytes) -> float | None:
    if len(head) < _MOVIE_HEADER_BYTES or head[4:8] != b"mvhd":
        return None
    wide = head[8] == 1
    scale, ticks = struct.unpack_from(">IQ", head, 28) if wide else struct.unpack_from(">II", head, 20)
    return ticks / scale if scale and ticks else None
