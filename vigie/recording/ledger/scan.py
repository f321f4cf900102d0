"""Intervals from the disk alone.

Names say when segments start; a segment is opened only where its successor does not start one nominal segment later,
earlier or later alike, or where size or modification time speak against it: an empty file of a full disk has a sound name,
and a camera that comes back by chance one nominal segment after its last one started leaves sound names, too.
"""

from __future__ import annotations

import calendar
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Literal, NamedTuple

from vigie.recording.layout import check_camera_id
from vigie.recording.ledger.footage import Look, look
from vigie.recording.ledger.interval import Interval, Intervals, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS, TOLERANCE_SECONDS
from vigie.recording.ledger.stalls import Stall, StallLog

AnomalyKind = Literal["wrong_name", "foreign", "empty", "header_only", "unreadable", "torn", "overlap", "future"]

_SEGMENT: Final = re.compile(r"([01]\d|2[0-3])-([0-5]\d)-([0-5]\d)-(\d{6})\.mp4")
_LEVELS: Final = (re.compile(r"\d{4}"), re.compile(r"\d{2}"), re.compile(r"\d{2}"))
_SMALLEST_WHOLE: Final = 4096  # bytes; less than a head and one frame, so no segment of nominal length
_FILESYSTEM: Final = frozenset({"lost+found"})
_FUTURE_SECONDS: Final = 60.0
_QUIET_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """How long segments of a recorder are, nominally, and how far apart keyframes; both in seconds.

    With `deep` every segment is opened and read whole: stalls are found that nobody recorded, at a hundred times the cost.
    """

    segment_seconds: float
    keyframe_seconds: float = 2.0
    deep: bool = False

    def follows(self, start: float, successor: float) -> bool:
        """Whether `successor` starts one nominal segment after `start`, within a GOP and the tolerance."""
        late = successor - start - self.segment_seconds
        return -TOLERANCE_SECONDS <= late <= self.keyframe_seconds + TOLERANCE_SECONDS

    def is_whole(self, entry: Entry, successor: float) -> bool:
        """Whether `entry` holds footage up to its `successor`, as far as name, size and modification time tell."""
        return (
            self.follows(entry.start, successor)
            and entry.size >= _SMALLEST_WHOLE
            and successor - entry.modified <= GAP_SECONDS
        )


class Entry(NamedTuple):
    """A segment as its directory shows it: start and modification in Unix seconds, size in bytes."""

    start: float
    size: int
    modified: float
    path: str


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A file that is not as a sound recorder leaves it."""

    path: Path
    kind: AnomalyKind
    detail: str


@dataclass(slots=True)
class CameraScan:
    """What the disk holds of one camera. `newest` is the start of its last segment, None without one; counts are of files.

    `quiet` says that the last segment has not grown for a minute: its end is an end.
    """

    camera: str
    intervals: Intervals = ()
    newest: float | None = None
    quiet: bool = True
    segments: int = 0
    opened: int = 0
    anomalies: list[Anomaly] = field(default_factory=list)


def cameras_on_disk(root: Path, anomalies: list[Anomaly]) -> list[str]:
    """The cameras that have a directory under `root`, sorted; others are added to `anomalies`. Raises OSError."""
    found = []
    with os.scandir(root) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _FILESYSTEM:
                continue
            try:
                check_camera_id(entry.name)
            except ValueError as error:
                anomalies.append(Anomaly(Path(entry.path), "foreign", str(error)))
                continue
            if entry.is_dir(follow_symlinks=False):
                found.append(entry.name)
            else:
                anomalies.append(Anomaly(Path(entry.path), "foreign", "a file where cameras have their directories"))
    return sorted(found)


def scan_camera(
    root: Path, camera: str, rule: SegmentRule, now: float, pace: Callable[[], None] = lambda: None
) -> CameraScan:
    """Everything of `camera` under `root`; `pace` is called after each day, so that a background scan can rest.

    Raises OSError when a directory cannot be read: half an answer would look like lost footage.
    """
    scan = CameraScan(camera)
    stalls = StallLog(root).of(camera)
    covered: list[Interval] = []
    last: Entry | None = None
    for day in _days(root / camera, scan.anomalies):
        for entry in _segments(day, scan.anomalies):
            if last is not None:
                covered += _footage(last, entry.start, now, rule, stalls, scan)
            last = entry
            scan.segments += 1
        pace()
    if last is not None:
        covered += _footage(last, None, now, rule, stalls, scan)
        scan.newest = last.start
        scan.quiet = abs(now - last.modified) > _QUIET_SECONDS
        if last.start > now + _FUTURE_SECONDS:
            scan.anomalies.append(Anomaly(Path(last.path), "future", f"starts {last.start - now:.0f} s from now"))
    scan.intervals = subtract(union(covered, GAP_SECONDS), [stall.interval for stall in stalls])
    return scan


def _footage(
    entry: Entry, successor: float | None, now: float, rule: SegmentRule, stalls: Sequence[Stall], scan: CameraScan
) -> Intervals:
    """What one segment covers."""
    if successor is not None and rule.is_whole(entry, successor) and not rule.deep:
        return (Interval(entry.start, successor),)
    path = Path(entry.path)
    scan.opened += 1
    try:
        seen = look(path, whole=rule.deep)
    except FileNotFoundError:  # erased between listing and look
        return ()
    except OSError as error:
        # What cannot be read now may be read tomorrow: its modification time is the best that there is.
        until = min(entry.modified, now if successor is None else successor)
        seen = Look(max(0.001, until - entry.start), (), "unreadable", str(error))
    # The last segment of a camera may be growing: a torn end is no fault there.
    if seen.trouble and not (seen.trouble == "torn" and successor is None):
        scan.anomalies.append(Anomaly(path, seen.trouble, seen.detail))
    if seen.end is None:
        return ()
    return _pieces(entry, successor, seen, rule, stalls, scan)


def _pieces(
    entry: Entry, successor: float | None, seen: Look, rule: SegmentRule, stalls: Sequence[Stall], scan: CameraScan
) -> Intervals:
    assert seen.end is not None
    end = footage_end(entry.start, seen.end, stalls)
    if successor is not None and end - successor > rule.keyframe_seconds + TOLERANCE_SECONDS:
        scan.anomalies.append(
            Anomaly(Path(entry.path), "overlap", f"reaches {end - successor:.1f} s into its successor")
        )
    if end <= entry.start:
        return ()
    shifted = ((footage_end(entry.start, begin, stalls), stop - begin) for begin, stop in seen.holes)
    holes = [Interval(begin, begin + length) for begin, length in shifted]
    return subtract((Interval(entry.start, end),), holes)


def footage_end(start: float, length: float, stalls: Iterable[Stall]) -> float:
    """The instant at which a segment's footage of `length` seconds ends, given the stalls that its time stood still for."""
    end = start + length
    for stall in stalls:
        if stall.kind == "clock" and start <= stall.interval.start <= end:
            end += stall.interval.seconds
    return end


def _days(camera: Path, anomalies: list[Anomaly]) -> Iterator[tuple[float, str]]:
    """Midnight (Unix seconds) and path of each day directory, oldest first."""
    for year in _directories(str(camera), _LEVELS[0], anomalies):
        for month in _directories(f"{camera}/{year}", _LEVELS[1], anomalies):
            for day in _directories(f"{camera}/{year}/{month}", _LEVELS[2], anomalies):
                path = f"{camera}/{year}/{month}/{day}"
                try:
                    date(int(year), int(month), int(day))
                except ValueError as error:
                    anomalies.append(Anomaly(Path(path), "wrong_name", str(error)))
                    continue
                yield float(calendar.timegm((int(year), int(month), int(day), 0, 0, 0))), path


def _directories(parent: str, pattern: re.Pattern[str], anomalies: list[Anomaly]) -> list[str]:
    found = []
    try:
        with os.scandir(parent) as entries:
            for entry in entries:
                if pattern.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                    found.append(entry.name)
                elif not entry.name.startswith("."):
                    anomalies.append(Anomaly(Path(entry.path), "foreign", "not a directory of the layout"))
    except FileNotFoundError:  # erased meanwhile
        return []
    return sorted(found)


def _segments(day: tuple[float, str], anomalies: list[Anomaly]) -> list[Entry]:
    midnight, path = day
    found = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                match = _SEGMENT.fullmatch(name)
                if match is None:
                    if not name.startswith("."):
                        anomalies.append(Anomaly(Path(entry.path), "wrong_name", "not <HH-MM-SS-ffffff>.mp4"))
                    continue
                hours, minutes, seconds, microseconds = match.groups()
                start = midnight + int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(microseconds) / 1e6
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if not entry.is_file(follow_symlinks=False):
                    anomalies.append(Anomaly(Path(entry.path), "foreign", "not a regular file"))
                    continue
                found.append(Entry(start, status.st_size, status.st_mtime, entry.path))
    except FileNotFoundError:
        return []
    found.sort()
    return found
