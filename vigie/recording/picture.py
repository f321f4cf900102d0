"""Cuts keyframes out of a segment as a tiny MP4 of their own, which any decoder reads from a pipe."""

from __future__ import annotations

import struct
from typing import Final

from vigie.recording.fmp4 import Init

_SYNC_FLAGS: Final = 0x02000000  # sample_depends_on = 2 (on no other), sync sample; 14496-12 8.8.3.1
_BASE_IS_MOOF: Final = 0x020000
_RUN_FLAGS: Final = 0x1 | 0x100 | 0x200 | 0x400  # data offset; duration, size and flags of each sample


def keyframes_as_mp4(init: Init, samples: list[bytes]) -> bytes:
    """`init` and one part that holds only `samples` (sync samples of its video track), one second apart.

    Raises ValueError when `samples` is empty.
    """
    if not samples:
        raise ValueError("no samples")
    rows = b"".join(struct.pack(">III", init.timescale, len(sample), _SYNC_FLAGS) for sample in samples)
    offset = len(_part_header(init, rows, len(samples), 0)) + 8
    return init.content + _part_header(init, rows, len(samples), offset) + _atom(b"mdat", b"".join(samples))


def _part_header(init: Init, rows: bytes, count: int, offset: int) -> bytes:
    sequence = _atom(b"mfhd", struct.pack(">II", 0, 1))
    track = _atom(b"tfhd", struct.pack(">II", _BASE_IS_MOOF, init.track))
    decode_time = _atom(b"tfdt", struct.pack(">IQ", 1 << 24, 0))
    run = _atom(b"trun", struct.pack(">IIi", _RUN_FLAGS, count, offset) + rows)
    return _atom(b"moof", sequence + _atom(b"traf", track + decode_time + run))


def _atom(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", len(payload) + 8, kind) + payload
