"""Algebra on sets of half-open intervals of time. Sets are sorted tuples of intervals that neither touch nor overlap;
functions take any order and overlap, and return such sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """`start` <= instant < `end`, Unix seconds. Raises ValueError when it would be empty."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise ValueError(f"interval from {self.start} to {self.end} is empty")

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


Intervals = tuple[Interval, ...]


def union(intervals: Iterable[Interval], tolerance: float = 0.0) -> Intervals:
    """What any of `intervals` covers; absences of up to `tolerance` seconds are filled."""
    joined: list[tuple[float, float]] = []
    for interval in sorted(intervals):
        if joined and interval.start <= joined[-1][1] + tolerance:
            start, end = joined[-1]
            joined[-1] = (start, max(end, interval.end))
        else:
            joined.append((interval.start, interval.end))
    return tuple(Interval(start, end) for start, end in joined)


def subtract(intervals: Iterable[Interval], holes: Iterable[Interval]) -> Intervals:
    """What `intervals` covers and `holes` does not."""
    cuts = union(holes)
    left: list[Interval] = []
    first = 0
    for interval in union(intervals):
        while first < len(cuts) and cuts[first].end <= interval.start:
            first += 1
        cursor = interval.start
        for cut in cuts[first:]:
            if cut.start >= interval.end:
                break
            if cut.start > cursor:
                left.append(Interval(cursor, cut.start))
            cursor = max(cursor, cut.end)
        if cursor < interval.end:
            left.append(Interval(cursor, interval.end))
    return tuple(left)


def intersect(intervals: Iterable[Interval], others: Iterable[Interval]) -> Intervals:
    """What both cover."""
    ours, theirs = union(intervals), union(others)
    both: list[Interval] = []
    a = b = 0
    while a < len(ours) and b < len(theirs):
        start, end = max(ours[a].start, theirs[b].start), min(ours[a].end, theirs[b].end)
        if start < end:
            both.append(Interval(start, end))
        if ours[a].end <= theirs[b].end:
            a += 1
        else:
            b += 1
    return tuple(both)


def gaps(intervals: Iterable[Interval], window: Interval, shortest: float = 0.0) -> Intervals:
    """What `intervals` leaves uncovered in `window`, but for absences of up to `shortest` seconds."""
    return tuple(gap for gap in subtract((window,), intervals) if gap.seconds > shortest)


def coverage(intervals: Iterable[Interval], window: Interval) -> float:
    """The part of `window` that `intervals` covers, 0 to 1."""
    return min(1.0, seconds(intersect(intervals, (window,))) / window.seconds)


def seconds(intervals: Iterable[Interval]) -> float:
    """The length of a set."""
    return sum(interval.seconds for interval in intervals)


def longer(intervals: Iterable[Interval], limit: float) -> Intervals:
    """Those of `intervals` that are longer than `limit` seconds."""
    return tuple(interval for interval in intervals if interval.seconds > limit)
