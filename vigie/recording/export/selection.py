"""Which segments an export takes, out of what several recorders list. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from vigie.recording.ledger.interval import Interval, Intervals, intersect, seconds, subtract, union

# Recorders that see one stream cut it at the same keyframes, but their clocks and arrival times differ.
SAME_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, order=True)
class Listed:
    """A segment as a recorder lists it: ``file`` below its recordings, from ``start`` to ``end`` at most (Unix seconds),
    ``size`` in bytes."""

    start: float
    end: float
    recorder: str
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Selection:
    """``taken`` in order of time; ``left`` are those whose footage another recorder's segments hold, too."""

    taken: tuple[Listed, ...]
    left: tuple[Listed, ...]

    @property
    def size(self) -> int:
        """Bytes of what is taken."""
        return sum(segment.size for segment in self.taken)


def select(window: Interval, listed: Iterable[Listed], held: Mapping[str, Intervals]) -> Selection:
    """The fewest segments that lose nothing of ``window``, from the recorder with more footage where two have the same.

    ``held`` is what each recorder's ledger says it holds. A segment that its ledger does not know, or whose ledger is
    silent, is always taken: a listing alone tells how long a segment may be, not how long it is.
    """
    inside = [segment for segment in listed if segment.start < window.end and segment.end > window.start]
    extents = {segment: _extent(segment, window, held.get(segment.recorder)) for segment in inside}
    total: dict[str, tuple[float, int]] = {}
    for recorder in {segment.recorder for segment in inside}:
        own = [segment for segment in inside if segment.recorder == recorder]
        covered = sum(seconds(extents[segment]) for segment in own)
        # To the second: two recorders of one stream never hold the same to the millisecond.
        total[recorder] = (round(covered), sum(segment.size for segment in own))

    def order(segment: Listed) -> tuple[float, int, str, float, str]:
        covered, size = total[segment.recorder]
        return (-covered, -size, segment.recorder, segment.start, segment.file)

    taken, left, have = [], [], _Cover()
    for segment in sorted(inside, key=order):
        extent = extents[segment]
        if extent and not have.misses(extent, segment.recorder):
            left.append(segment)
        else:
            taken.append(segment)
            have.add(extent, segment.recorder)
    return Selection(tuple(sorted(taken)), tuple(sorted(left)))


def _extent(segment: Listed, window: Interval, told: Intervals | None) -> Intervals:
    return () if told is None else intersect((Interval(segment.start, segment.end),), intersect(told, (window,)))


class _Cover:
    """What is taken, by recorder: segments of one recorder never make each other needless, however their ends round."""

    def __init__(self) -> None:
        self._by_recorder: dict[str, Intervals] = {}

    def add(self, extent: Intervals, recorder: str) -> None:
        self._by_recorder[recorder] = union((*self._by_recorder.get(recorder, ()), *extent))

    def misses(self, extent: Intervals, recorder: str) -> bool:
        others = [interval for name, found in self._by_recorder.items() if name != recorder for interval in found]
        return seconds(subtract(extent, others)) > SAME_SECONDS
