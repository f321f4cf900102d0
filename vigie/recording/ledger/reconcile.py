"""Compares the store with the disk; the disk wins. What the feeder knows better than names do, it keeps:
only differences longer than `GAP_SECONDS` are taken over.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vigie.recording.ledger.interval import Interval, Intervals, intersect, longer, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.scan import Anomaly, CameraScan, SegmentRule, cameras_on_disk, scan_camera
from vigie.recording.ledger.stalls import StallLog
from vigie.recording.ledger.store import IntervalStore

_LOG: Final = logging.getLogger(__name__)
_EVER: Final = 1e11  # Unix seconds; further than any segment's name
_DAY: Final = 86_400.0
_CLOCK_SECONDS: Final = 60.0  # by which clocks may differ


@dataclass(frozen=True, slots=True)
class Difference:
    """What store and disk said of one camera: `lost` was in the store alone, `found` on the disk alone."""

    camera: str
    lost: Intervals
    found: Intervals

    def by_day(self) -> Iterator[tuple[float, Intervals, Intervals]]:
        """Midnight of each day (UTC, Unix seconds) that differs, with its part of `lost` and `found`: the journal's lines."""
        days = {
            day * _DAY
            for interval in (*self.lost, *self.found)
            for day in range(int(interval.start // _DAY), int(interval.end // _DAY) + 1)
        }
        for midnight in sorted(days):
            window = (Interval(midnight, midnight + _DAY),)
            lost, found = intersect(self.lost, window), intersect(self.found, window)
            if lost or found:
                yield midnight, lost, found


@dataclass(slots=True)
class Report:
    """What a pass over all cameras saw. `failed` are cameras whose directories could not be read: nothing was changed."""

    cameras: int = 0
    segments: int = 0
    opened: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    anomalies: list[Anomaly] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def anomaly_counts(self) -> dict[str, int]:
        """Anomalies by kind."""
        return dict(sorted(Counter(anomaly.kind for anomaly in self.anomalies).items()))

    def take(self, scan: CameraScan) -> None:
        """Counts one camera."""
        self.cameras += 1
        self.segments += scan.segments
        self.opened += scan.opened
        self.anomalies += scan.anomalies


class RootError(Exception):
    """The recordings root cannot be what it should be, so that nothing is concluded from it."""


def rebuild(root: Path, store: IntervalStore, rule: SegmentRule, clock: Callable[[], float] = time.time) -> Report:
    """Makes the store what the disk says, for every camera; the journal is not touched.

    Footage of the store that is on the disk no more becomes history. Raises RootError and OSError.
    """
    return _pass(root, store, rule, clock, lambda: None, None)


def reconcile(
    root: Path,
    store: IntervalStore,
    rule: SegmentRule,
    *,
    clock: Callable[[], float] = time.time,
    pace: Callable[[], None] = lambda: None,
) -> Report:
    """One pass of the background comparison. A segment that still grows is the feeder's and left alone.

    `pace` is called after each day of each camera: it sleeps, or raises to end the pass. Raises RootError and OSError.
    """
    return _pass(root, store, rule, clock, pace, GAP_SECONDS)


def _pass(
    root: Path,
    store: IntervalStore,
    rule: SegmentRule,
    clock: Callable[[], float],
    pace: Callable[[], None],
    tolerance: float | None,
) -> Report:
    began = time.monotonic()
    report = Report()
    on_disk = cameras_on_disk(root, report.anomalies)
    known = store.cameras()
    if not on_disk and any(store.newest(camera) is not None for camera in known):
        raise RootError(f"{root} holds no camera although the ledger knows footage there: is its disk mounted?")
    for camera in sorted({*on_disk, *known}):
        try:
            scan = scan_camera(root, camera, rule, clock(), pace)
        except OSError as error:
            report.failed[camera] = str(error)
            _LOG.warning("camera %s: not compared: %s", camera, error)
            continue
        report.take(scan)
        difference = settle(store, scan, tolerance, clock())
        if difference.lost or difference.found:
            report.differences.append(difference)
        if tolerance is not None:
            _forget_stalls(root, camera, scan.intervals[0].start if scan.intervals else clock())
    report.seconds = time.monotonic() - began
    return report


def _forget_stalls(root: Path, camera: str, instant: float) -> None:
    try:
        StallLog(root).forget_before(camera, instant)
    except OSError as error:  # a read-only disk: they do no harm
        _LOG.warning("camera %s: old stalls not removed: %s", camera, error)


def settle(store: IntervalStore, scan: CameraScan, tolerance: float | None, now: float) -> Difference:
    """Makes the store agree with `scan`: exactly, or with a `tolerance` and only up to a segment that still grows.

    What the store has of a time that is still to come, a wrong clock put there.
    """
    with store.transaction():
        latest = max([now + _CLOCK_SECONDS, *(interval.end for interval in scan.intervals[-1:])])
        if (store.newest(scan.camera) or 0.0) > latest:
            store.replace(scan.camera, latest, _EVER, (), remember=False)
        horizon = _EVER if tolerance is None or scan.newest is None or scan.quiet else scan.newest
        window = (Interval(-_EVER, horizon),)
        kept = store.intervals(scan.camera, -_EVER, horizon)
        found = intersect(scan.intervals, window)
        lost = longer(subtract(kept, found), GAP_SECONDS)
        new = longer(subtract(found, kept), GAP_SECONDS)
        if tolerance is None:
            store.replace(scan.camera, -_EVER, horizon, found)
        elif lost or new:
            store.replace(scan.camera, -_EVER, horizon, union((*subtract(kept, lost), *new)))
    return Difference(scan.camera, lost, new)
