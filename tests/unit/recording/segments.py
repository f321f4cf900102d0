"""Builds small fragmented MP4 files atom by atom (ISO/IEC 14496-12), so that tests know every sample in them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from vigie.recording.layout import Segment

TIMESCALE = 90_000
SYNC, NON_SYNC = 0x02000000, 0x01010000


@dataclass(frozen=True)
class Sample:
    """A frame: its bytes, duration in ticks of TIMESCALE, and whether it is a keyframe."""

    content: bytes
    duration: int
    key: bool


def atom(kind: bytes, *payload: bytes) -> bytes:
    body = b"".join(payload)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def init(handler: bytes = b"vide", track: int = 1) -> bytes:
    header = atom(b"tkhd", struct.pack(">IIIII", 0, 0, 0, track, 0))
    media = atom(
        b"mdia",
        atom(b"mdhd", struct.pack(">IIIII", 0, 0, 0, TIMESCALE, 0)),
        atom(b"hdlr", struct.pack(">II4s", 0, 0, handler)),
    )
    extends = atom(b"mvex", atom(b"trex", struct.pack(">IIIIII", 0, track, 1, 0, 0, 0)))
    return atom(b"ftyp", b"mp42\0\0\0\1") + atom(b"moov", atom(b"trak", header, media), extends)


def part(samples: list[Sample], start: int, track: int = 1) -> bytes:
    """One `moof` + `mdat`; `start` in ticks."""
    rows = b"".join(struct.pack(">III", s.duration, len(s.content), SYNC if s.key else NON_SYNC) for s in samples)

    def head(offset: int) -> bytes:
        return atom(
            b"moof",
            atom(b"mfhd", struct.pack(">II", 0, 1)),
            atom(
                b"traf",
                atom(b"tfhd", struct.pack(">II", 0x020000, track)),
                atom(b"tfdt", struct.pack(">IQ", 1 << 24, start)),
                atom(b"trun", struct.pack(">IIi", 0x701, len(samples), offset), rows),
            ),
        )

    return head(len(head(0)) + 8) + atom(b"mdat", *(s.content for s in samples))


def frames(count: int, fps: int = 15, keyframe_every: int = 30, first: int = 0) -> list[Sample]:
    """`count` frames; keyframes of 500 bytes every `keyframe_every`, others of 50."""
    return [
        Sample((b"K" * 500) if n % keyframe_every == 0 else (b"p" * 50), TIMESCALE // fps, n % keyframe_every == 0)
        for n in range(first, first + count)
    ]


def segment_bytes(seconds: int, fps: int = 15) -> bytes:
    """A whole segment of parts of 1 s."""
    parts = (part(frames(fps, fps, 2 * fps, first=n * fps), n * TIMESCALE) for n in range(seconds))
    return init() + b"".join(parts)


def write(root: Path, segment: Segment, content: bytes) -> Path:
    path = segment.path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
