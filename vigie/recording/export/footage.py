"""Reads from a fetched segment what the film and the manifest need: when it begins and ends, its keyframes, its stalls."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie.recording.export.places import path_of
from vigie.recording.export.timeline import Footage
from vigie.recording.fmp4 import SegmentReader
from vigie.recording.layout import parse_path
from vigie.recording.ledger.footage import holes_in
from vigie.recording.ledger.interval import Interval, Intervals, subtract

_DESCRIPTIONS: Final = b"stsd"  # sample descriptions: codec, size, parameter sets (14496-12 8.5.2)


@dataclass(frozen=True, slots=True)
class Seen:
    """A segment and the intervals of UTC that its frames show, without its stalls."""

    footage: Footage
    shown: Intervals


def see(folder: Path, recorder: str, file: str) -> Seen | None:
    """Looks at a fetched segment; None when no part of it is whole. Raises ``OSError``, ``ValueError`` for its name."""
    path = path_of(folder, recorder, file)
    start = parse_path(Path(file), Path()).start.timestamp()
    reader = SegmentReader()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        size = os.fstat(descriptor).st_size
        parts = reader.advance(lambda offset, length: os.pread(descriptor, length, offset), size)
    finally:
        os.close(descriptor)
    first, end = min((part.start for part in parts), default=0.0), max((part.end for part in parts), default=0.0)
    if reader.init is None or end <= first:
        return None
    keyframes = tuple(keyframe.time for part in parts for keyframe in part.keyframes)
    footage = Footage(recorder, file, start, first, end - first, keyframes, stream_of(reader.init.content))
    holes = [Interval(footage.instant(a), footage.instant(b)) for a, b in holes_in(parts)]
    return Seen(footage, subtract((Interval(start, footage.end),), holes))


def stream_of(head: bytes) -> str:
    """A name for what the sample descriptions of a head (``ftyp`` and ``moov``) say: equal names, equal streams.

    The rest of a head may differ from segment to segment: recorders note times and numbers there.
    """
    digest = hashlib.sha256()
    at = head.find(_DESCRIPTIONS)
    while at >= 4:
        digest.update(head[at - 4 : at - 4 + int.from_bytes(head[at - 4 : at])])
        at = head.find(_DESCRIPTIONS, at + 4)
    return digest.hexdigest()[:16]
