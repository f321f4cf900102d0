"""The film of an export: which part of which segment plays when. Pure.

A part begins at a keyframe, as nothing is encoded anew. Where two recorders overlap, the earlier part ends where the later
one begins. A camera whose stream changed (size, codec, parameter sets) needs another film: one track has one description.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from vigie.recording.ledger.interval import Interval

_SHORTEST: Final = 0.02  # seconds; less than a frame is no part


@dataclass(frozen=True, slots=True)
class Footage:
    """A fetched segment as its frames show it.

    ``start`` is the UTC instant of its first frame (Unix seconds), ``first`` that frame's time in the file, ``seconds`` how
    much follows, ``keyframes`` their times in the file, ascending; ``stream`` names what a decoder must be told.
    """

    recorder: str
    file: str
    start: float
    first: float
    seconds: float
    keyframes: tuple[float, ...]
    stream: str = ""

    @property
    def end(self) -> float:
        return self.start + self.seconds

    def instant(self, time: float) -> float:
        """The UTC instant of a time in the file."""
        return self.start + time - self.first


@dataclass(frozen=True, slots=True)
class Piece:
    """From ``begin`` to ``end`` in a segment's own time; it plays ``offset`` seconds into its film."""

    footage: Footage
    begin: float
    end: float
    offset: float = 0.0

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    @property
    def instant(self) -> float:
        """The UTC instant at which it begins."""
        return self.footage.instant(self.begin)


Film = tuple[Piece, ...]


def films(window: Interval, footage: Iterable[Footage]) -> list[Film]:
    """One film, or one for each stretch of equal stream; none where no footage decodes.

    A film begins up to a GOP before ``window``: at the last keyframe that lets its first instant be shown.
    """
    pieces: list[Piece] = []
    covered = window.start
    for segment in sorted(footage, key=lambda found: (found.start, -found.seconds, found.recorder)):
        found = _piece(window, segment, max(covered, window.start) if _foreign(pieces, segment) else window.start)
        if found is None or (_foreign(pieces, segment) and min(segment.end, window.end) <= covered + _SHORTEST):
            continue
        if _foreign(pieces, segment):
            pieces = _cut(pieces, found.instant)
        pieces.append(found)
        covered = max(covered, min(segment.end, window.end))
    return [_placed(tuple(group)) for _, group in itertools.groupby(pieces, key=lambda piece: piece.footage.stream)]


def _foreign(pieces: Sequence[Piece], segment: Footage) -> bool:
    """Whether the part before is another recorder's: only then can the two show the same time."""
    return bool(pieces) and pieces[-1].footage.recorder != segment.recorder


def _piece(window: Interval, segment: Footage, wanted: float) -> Piece | None:
    """What of ``segment`` is played to show it from ``wanted`` on."""
    if not segment.keyframes or segment.end <= window.start or segment.start >= window.end:
        return None
    before = [time for time in segment.keyframes if segment.instant(time) <= wanted + 1e-6]
    begin = before[-1] if before else segment.keyframes[0]
    last = min(segment.first + segment.seconds, segment.first + window.end - segment.start)
    return Piece(segment, begin, last) if last - begin >= _SHORTEST else None


def _cut(pieces: list[Piece], instant: float) -> list[Piece]:
    """``pieces`` as far as they play before ``instant``."""
    kept = []
    for piece in pieces:
        end = min(piece.end, piece.footage.first + instant - piece.footage.start)
        if end - piece.begin >= _SHORTEST:
            kept.append(replace(piece, end=end))
    return kept


def _placed(pieces: Film) -> Film:
    offsets = itertools.accumulate((piece.seconds for piece in pieces), initial=0.0)
    return tuple(replace(piece, offset=offset) for piece, offset in zip(pieces, offsets, strict=False))
