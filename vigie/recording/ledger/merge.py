"""The ledger of one camera out of what several recorders hold.

Footage on a host that does not answer is unreachable until it returns, never a gap. What such a host may hold beyond what it
last told is unknown, no gap either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie.recording.ledger.interval import Interval, Intervals, gaps, intersect, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.store import IntervalStore

_SUFFIX: Final = ".db"


@dataclass(frozen=True, slots=True)
class Holding:
    """What one recorder holds of a camera in a window.

    When it does not `answer`, `intervals` is what it last told, and `told` which times it was asked for then.
    """

    recorder: str
    answers: bool
    intervals: Intervals
    told: Intervals = ()


@dataclass(frozen=True, slots=True)
class Merged:
    """A window of a camera, in four disjoint sets: recorded, unreachable for now, unknown for now, and gaps.

    `silent` are the recorders that did not answer.
    """

    window: Interval
    recorded: Intervals
    unreachable: Intervals
    unknown: Intervals
    gaps: Intervals
    silent: tuple[str, ...]


def merge(window: Interval, holdings: Iterable[Holding]) -> Merged:
    """What is recorded of `window`, on whichever recorder; absences within `GAP_SECONDS` are none."""
    holdings = tuple(holdings)
    silent = [holding for holding in holdings if not holding.answers]
    answered = [interval for holding in holdings if holding.answers for interval in holding.intervals]
    recorded = intersect(union(answered, GAP_SECONDS), (window,))
    known = [interval for holding in silent for interval in holding.intervals]
    unreachable = subtract(intersect(known, (window,)), recorded)
    missing = gaps((*recorded, *unreachable), window, GAP_SECONDS)
    untold = union(interval for holding in silent for interval in subtract((window,), holding.told))
    unknown = intersect(missing, untold)
    # A sliver between what a silent host told and the rest is no gap of its own.
    left = tuple(gap for gap in subtract(missing, unknown) if gap.seconds > GAP_SECONDS)
    return Merged(window, recorded, unreachable, unknown, left, tuple(holding.recorder for holding in silent))


class LastTold:
    """What recorders last told, kept by whoever asks them: a folder with two small stores for each recorder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def remember(self, recorder: str, camera: str, told: Interval, intervals: Intervals) -> None:
        """The recorder answered for the times `told`."""
        held, asked = self._stores(recorder)
        held.replace(camera, told.start, told.end, intervals)
        asked.extend(camera, told.start, told.end)
        held.close()
        asked.close()

    def recall(self, recorder: str, camera: str, window: Interval) -> Holding:
        """What a recorder that does not answer told of `window` before; nothing, if it never did."""
        held, asked = self._stores(recorder)
        holding = Holding(
            recorder,
            answers=False,
            intervals=held.intervals(camera, window.start, window.end),
            told=asked.intervals(camera, window.start, window.end),
        )
        held.close()
        asked.close()
        return holding

    def _stores(self, recorder: str) -> tuple[IntervalStore, IntervalStore]:
        return (
            IntervalStore.open(self._folder / f"{recorder}{_SUFFIX}")[0],
            IntervalStore.open(self._folder / f"{recorder}.asked{_SUFFIX}")[0],
        )
