"""Reads fragmented MP4 (ISO/IEC 14496-12) as it grows, without decoding: only atom headers, moov and moof are read.

A recorder appends parts (`moof` + `mdat`); a crash or a full disk tears the last one. A part counts only when all of
its bytes are there. Times are in seconds from the start of the segment unless a name says otherwise.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

ReadAt = Callable[[int, int], bytes]  # (offset, length) -> at most length bytes

_HEADER: Final = 8
_HEADER_LARGE: Final = 16
_METADATA_LIMIT: Final = 16 << 20  # a moov or moof larger than this is not one that a recorder writes
_SAMPLES_LIMIT: Final = 100_000  # in one part; 1 s parts have at most some hundred
_NON_SYNC: Final = 0x10000  # sample_is_non_sync_sample, 14496-12 8.8.3.1


class SegmentError(ValueError):
    """The bytes are not fragmented MP4 as a recorder writes it. Says what and at which offset."""


@dataclass(frozen=True, slots=True)
class Keyframe:
    """Where a sync sample lies in its file (bytes), and when it is shown (seconds)."""

    offset: int
    size: int
    time: float


@dataclass(frozen=True, slots=True)
class Part:
    """One complete part of the video track: times in seconds, size in bytes of its frames.

    `longest` is the frame that is shown longest: when it begins, and for how long. After a stall it is the one before it.
    """

    start: float
    end: float
    frames: int
    size: int
    keyframes: tuple[Keyframe, ...]
    longest: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Init:
    """The head of a segment (`ftyp` + `moov`) and the facts of its video track. `timescale` is in ticks a second."""

    content: bytes
    track: int
    timescale: int
    default_duration: int
    default_size: int
    default_flags: int


@dataclass(frozen=True, slots=True)
class _Atom:
    kind: bytes
    start: int  # of the payload, in the buffer
    end: int


@dataclass(slots=True)
class _Defaults:
    base: int
    duration: int
    size: int
    flags: int


@dataclass(slots=True)
class _Run:
    """Accumulates the samples of one part."""

    time: int = 0
    end: int = 0
    first: int | None = None
    frames: int = 0
    size: int = 0
    longest: tuple[int, int] = (0, 0)  # ticks: begin, duration
    keyframes: list[tuple[int, int, int]] = field(default_factory=list)


class SegmentReader:
    """Follows one growing segment; each `advance` costs what was appended since the last one.

    `init` is None until the head is complete. `broken` says why reading stopped for good, or None.
    `offset` is the number of bytes that form complete atoms; what lies behind is torn or still being written.
    """

    def __init__(self) -> None:
        self.init: Init | None = None
        self.broken: str | None = None
        self.offset = 0
        self._head = b""
        self._moof: tuple[int, bytes] | None = None

    def advance(self, read_at: ReadAt, size: int) -> list[Part]:
        """Complete parts that appeared since the last call; `size` is the file's present length in bytes.

        Never raises for what the file holds: a broken file sets `broken` and yields what came before.
        OSError of `read_at` passes through.
        """
        parts: list[Part] = []
        while self.broken is None:
            try:
                part, more = self._step(read_at, size)
            except SegmentError as error:
                self.broken = str(error)
                break
            if part:
                parts.append(part)
            if not more:
                break
        return parts

    def _step(self, read_at: ReadAt, size: int) -> tuple[Part | None, bool]:
        header = read_at(self.offset, _HEADER_LARGE) if self.offset < size else b""
        if len(header) < _HEADER:
            return None, False
        kind, length = _top_level(header, self.offset)
        if length is None or self.offset + length > size:
            return None, False
        part = self._take(kind, length, read_at)
        self.offset += length
        return part, True

    def _take(self, kind: bytes, length: int, read_at: ReadAt) -> Part | None:
        if kind in (b"ftyp", b"moov", b"moof"):
            if length > _METADATA_LIMIT:
                raise SegmentError(f"{kind.decode()} of {length} bytes at offset {self.offset}")
            content = read_at(self.offset, length)
            if len(content) < length:
                raise SegmentError(f"file shrank while reading at offset {self.offset}")
            if kind == b"ftyp":
                self._head = content
            elif kind == b"moov":
                self.init = parse_init(self._head, content)
            else:
                self._moof = (self.offset, content)
            return None
        if kind == b"mdat" and self._moof:
            (at, moof), self._moof = self._moof, None
            if self.init is None:
                raise SegmentError(f"moof before moov at offset {at}")
            return parse_part(self.init, moof, at)
        return None


def parse_init(head: bytes, moov: bytes) -> Init:
    """The facts of the first video track of `moov` (whole atom). Raises SegmentError when there is none."""
    top = _Atom(b"moov", _HEADER, len(moov))
    for track in _children(moov, top, b"trak"):
        media = _only(moov, track, b"mdia")
        handler = _only(moov, media, b"hdlr")
        if _bytes(moov, handler, 8, 4) != b"vide":
            continue
        identifier = _version_pick(moov, _only(moov, track, b"tkhd"), 12, 20)
        timescale = _version_pick(moov, _only(moov, media, b"mdhd"), 12, 20)
        if timescale == 0:
            raise SegmentError("video track has timescale 0")
        duration, size, flags = _track_defaults(moov, top, identifier)
        return Init(head + moov, identifier, timescale, duration, size, flags)
    raise SegmentError("no video track in moov")


def parse_part(init: Init, moof: bytes, at: int) -> Part | None:
    """The video samples of `moof` (whole atom, found at file offset `at`); None when it has none.

    Raises SegmentError when a table does not fit its atom.
    """
    run = _Run()
    for fragment in _children(moof, _Atom(b"moof", _HEADER, len(moof)), b"traf"):
        header = _only(moof, fragment, b"tfhd")
        if _u32(moof, header, 4) != init.track:
            continue
        defaults = _fragment_defaults(init, moof, header, at)
        for decode_time in _children(moof, fragment, b"tfdt"):
            wide = _bytes(moof, decode_time, 0, 1) == b"\x01"
            run.time = _u64(moof, decode_time, 4) if wide else _u32(moof, decode_time, 4)
        position = defaults.base + len(moof) + _HEADER
        for table in _children(moof, fragment, b"trun"):
            position = _read_run(moof, table, defaults, position, run)
    if run.first is None:
        return None
    scale = init.timescale
    keyframes = tuple(Keyframe(offset, size, time / scale) for offset, size, time in run.keyframes)
    longest = (run.longest[0] / scale, run.longest[1] / scale)
    return Part(run.first / scale, run.end / scale, run.frames, run.size, keyframes, longest)


def _read_run(moof: bytes, table: _Atom, defaults: _Defaults, position: int, run: _Run) -> int:
    """Adds the samples of one `trun` (14496-12 8.8.8) to `run`; returns the file offset behind its last sample."""
    flags = _u32(moof, table, 0) & 0xFFFFFF
    count = _u32(moof, table, 4)
    cursor = 8
    if flags & 0x1:
        position = defaults.base + struct.unpack(">i", _bytes(moof, table, cursor, 4))[0]
        cursor += 4
    first_flags = None
    if flags & 0x4:
        first_flags = _u32(moof, table, cursor)
        cursor += 4
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    available = table.end - table.start - cursor
    if count > _SAMPLES_LIMIT or count * 4 * len(columns) > available:
        raise SegmentError(f"trun of {count} samples does not fit its atom")
    rows = _bytes(moof, table, cursor, count * 4 * len(columns))
    for index in range(count):
        row = dict(zip(columns, struct.unpack_from(f">{len(columns)}I", rows, index * 4 * len(columns)), strict=True))
        duration, size = row.get(0x100, defaults.duration), row.get(0x200, defaults.size)
        sample_flags = row.get(0x400, defaults.flags)
        if index == 0 and first_flags is not None:
            sample_flags = first_flags
        if not sample_flags & _NON_SYNC:
            run.keyframes.append((position, size, run.time))
        run.first = run.time if run.first is None else run.first
        run.frames += 1
        run.size += size
        if duration > run.longest[1]:
            run.longest = (run.time, duration)
        run.time += duration
        position += size
    run.end = max(run.end, run.time)
    return position


def _fragment_defaults(init: Init, moof: bytes, header: _Atom, at: int) -> _Defaults:
    """Defaults of a `tfhd` (14496-12 8.8.7) over those of `trex`."""
    flags = _u32(moof, header, 0) & 0xFFFFFF
    found = _Defaults(at, init.default_duration, init.default_size, init.default_flags)
    cursor = 8
    if flags & 0x1:
        found.base = _u64(moof, header, cursor)
        cursor += 8
    if flags & 0x2:
        cursor += 4
    for bit, name in ((0x8, "duration"), (0x10, "size"), (0x20, "flags")):
        if flags & bit:
            setattr(found, name, _u32(moof, header, cursor))
            cursor += 4
    return found


def _track_defaults(moov: bytes, top: _Atom, track: int) -> tuple[int, int, int]:
    for extends in _children(moov, top, b"mvex"):
        for entry in _children(moov, extends, b"trex"):
            if _u32(moov, entry, 4) == track:
                return _u32(moov, entry, 12), _u32(moov, entry, 16), _u32(moov, entry, 20)
    return 0, 0, 0


def _top_level(header: bytes, offset: int) -> tuple[bytes, int | None]:
    """Kind and length of the atom that starts with `header`; length None when the header is not complete yet."""
    length, kind = struct.unpack_from(">I4s", header)
    smallest = _HEADER
    if length == 1:
        if len(header) < _HEADER_LARGE:
            return kind, None
        (length,) = struct.unpack_from(">Q", header, _HEADER)
        smallest = _HEADER_LARGE
    if length < smallest or not kind.isalnum():
        raise SegmentError(f"no atom at offset {offset}: length {length}, kind {kind!r}")
    return kind, length


def _children(buffer: bytes, parent: _Atom, kind: bytes) -> Iterator[_Atom]:
    cursor = parent.start
    while cursor + _HEADER <= parent.end:
        length, found = struct.unpack_from(">I4s", buffer, cursor)
        if length < _HEADER or cursor + length > parent.end:
            raise SegmentError(f"atom {found!r} of {length} bytes does not fit into {parent.kind.decode()}")
        if found == kind:
            yield _Atom(found, cursor + _HEADER, cursor + length)
        cursor += length


def _only(buffer: bytes, parent: _Atom, kind: bytes) -> _Atom:
    for child in _children(buffer, parent, kind):
        return child
    raise SegmentError(f"no {kind.decode()} in {parent.kind.decode()}")


def _bytes(buffer: bytes, atom: _Atom, offset: int, length: int) -> bytes:
    start = atom.start + offset
    if start + length > atom.end:
        raise SegmentError(f"{atom.kind.decode()} is too short")
    return buffer[start : start + length]


def _u32(buffer: bytes, atom: _Atom, offset: int) -> int:
    return int.from_bytes(_bytes(buffer, atom, offset, 4))


def _u64(buffer: bytes, atom: _Atom, offset: int) -> int:
    return int.from_bytes(_bytes(buffer, atom, offset, 8))


def _version_pick(buffer: bytes, atom: _Atom, narrow: int, wide: int) -> int:
    """A 32-bit field whose place depends on the version: dates are 32 bits in version 0 and 64 in version 1."""
    return _u32(buffer, atom, wide if _bytes(buffer, atom, 0, 1) == b"\x01" else narrow)
