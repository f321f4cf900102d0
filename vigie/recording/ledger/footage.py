"""Where the footage of a segment ends, in few reads: a file of 10 minutes has 600 parts, and walking them all costs as many
seeks. The end is found backwards: the last part lies in the last megabyte.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from vigie.recording.fmp4 import Init, Part, ReadAt, SegmentReader
from vigie.recording.ledger.limits import GAP_SECONDS

Trouble = Literal["empty", "header_only", "unreadable", "torn"]

_HEAD_BYTES: Final = 4 << 10  # a head has some hundred bytes
TAIL_BYTES: Final = (
    64 << 10
)  # a part of half a megabit a second; where none begins in it, the next is sixteen times as long
_TAIL_GROWTH: Final = 16
_MOOF: Final = b"moof"
_MFHD: Final = b"mfhd"  # the first child of every moof (14496-12 8.8.5)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look into a segment found. Times are seconds from its start.

    `end` is the end of its last complete part, None when it holds no footage. `holes` are stalls that the frames show,
    in what was read of the file. `trouble` says what is wrong with the file, `detail` in words.
    """

    end: float | None
    holes: tuple[tuple[float, float], ...] = ()
    trouble: Trouble | None = None
    detail: str = ""


def look(path: Path, *, whole: bool = False, tail: int = TAIL_BYTES) -> Look:
    """Looks for the end of `path`; with `whole` reads every part, so that `holes` has all stalls that frames show;
    else those of the last `tail` bytes.

    Never raises for what the file holds. Raises OSError when it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(descriptor).st_size
        if size == 0:
            return Look(None, trouble="empty", detail="0 bytes")
        return _look(descriptor, size, size if whole else tail)
    finally:
        os.close(descriptor)


def parts_from(path: Path, offset: int) -> list[Part]:
    """The complete parts behind `offset` bytes, where a part must begin. Raises OSError when it cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(descriptor).st_size
        head = _head(descriptor, size)
        if head.init is None:
            return []
        if offset <= len(head.init.content):
            return SegmentReader().advance(_reader(descriptor), size)
        return _read_on(descriptor, size, head.init, offset)[1]
    finally:
        os.close(descriptor)


def holes_in(parts: list[Part]) -> tuple[tuple[float, float], ...]:
    """Stalls that the frames of `parts` show: a frame that lasts longer than `GAP_SECONDS` beyond the usual."""
    found = []
    for part in parts:
        begin, duration = part.longest
        usual = (part.end - part.start - duration) / (part.frames - 1) if part.frames > 1 else 0.0
        if duration - usual > GAP_SECONDS:
            found.append((begin + usual, begin + duration))
    return tuple(found)


def _look(descriptor: int, size: int, tail: int) -> Look:
    head = _head(descriptor, size)
    if head.init is None:
        if head.broken:
            return Look(None, trouble="unreadable", detail=head.broken)
        return Look(None, trouble="header_only", detail=f"{size} bytes without a complete head")
    reader, parts = _last_parts(descriptor, size, head.init, tail)
    if not parts:
        detail = reader.broken or f"{size} bytes, a head and no complete part"
        return Look(None, trouble="unreadable" if reader.broken else "header_only", detail=detail)
    end = max(part.end for part in parts)
    if reader.broken or reader.offset < size:
        detail = reader.broken or f"{size - reader.offset} bytes at the end are no complete part"
        return Look(end, holes_in(parts), "torn", detail)
    return Look(end, holes_in(parts))


def _head(descriptor: int, size: int) -> SegmentReader:
    """A reader that has gone as far as the first kilobytes go, or as far as the head needs."""
    limit = _HEAD_BYTES
    while True:
        reader = SegmentReader()
        reader.advance(_reader(descriptor), min(size, limit))
        if reader.init is not None or reader.broken or limit >= size:
            return reader
        limit *= _TAIL_GROWTH


def _last_parts(descriptor: int, size: int, init: Init, length: int) -> tuple[SegmentReader, list[Part]]:
    while length < size:
        begin = size - length
        buffer = os.pread(descriptor, length, begin)
        at = buffer.find(_MOOF)
        while at >= 0:
            if at >= 4 and buffer[at + 8 : at + 12] == _MFHD:
                # Bytes of a picture may look like a part: what follows must be one as well.
                reader, parts = _read_on(descriptor, size, init, begin + at - 4)
                if parts:
                    return reader, parts
            at = buffer.find(_MOOF, at + 4)
        length *= _TAIL_GROWTH
    reader = SegmentReader()
    return reader, reader.advance(_reader(descriptor), size)


def _read_on(descriptor: int, size: int, init: Init, offset: int) -> tuple[SegmentReader, list[Part]]:
    reader = SegmentReader()
    reader.init, reader.offset = init, offset
    return reader, reader.advance(_reader(descriptor), size)


def _reader(descriptor: int) -> ReadAt:
    return lambda offset, length: os.pread(descriptor, length, offset)
