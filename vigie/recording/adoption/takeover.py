"""The whole adoption on a recorder host: look, move, hand over, undo; what was done as plain values for a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from vigie.recording.adoption.assign import Adoption, Move, assign
from vigie.recording.adoption.handover import QUIET_SECONDS, WAITS, confirm_recording, overlap_seconds, too_fresh
from vigie.recording.adoption.media import footage_seconds
from vigie.recording.adoption.move import Entry, move, read_journal, undo
from vigie.recording.adoption.pattern import Pattern
from vigie.recording.adoption.scan import scan
from vigie.recording.layout import oldest_segments, parse_path

JOURNAL: Final = ".adoption.jsonl"  # beside the footage, so that it goes where the disk goes; no camera is called so
SETTLE_SECONDS: Final = 30.0  # beyond our next segment, for the last files of the old recorder


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be adopted: the old recorder's folder and naming, and our id for each of its cameras."""

    old_root: str
    root: str
    pattern: str
    time_zone: str
    cameras: dict[str, str]
    segment_seconds: int
    confirm_seconds: float = 120.0

    def zone(self) -> ZoneInfo:
        """The zone of the old recorder's clock. Raises ``ValueError``."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"{self.time_zone!r} is no time zone; write one such as Africa/Casablanca or UTC"
            ) from error

    @property
    def journal(self) -> Path:
        return Path(self.root) / JOURNAL


@dataclass
class Report:
    """What was found and done. ``paths`` explains each file: old name, new name, how its instant was found.

    ``left`` are files that stay, with the reason; ``overlap_seconds`` is how long both recorders recorded each camera.
    """

    paths: list[tuple[str, str, str]] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    cameras: dict[str, dict[str, Any]] = field(default_factory=dict)
    moved: int = 0
    not_recording: list[str] = field(default_factory=list)
    service_stopped: bool = False
    overlap_seconds: dict[str, float] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Our recorder records everything, and no camera lost a second on the way."""
        return not self.not_recording and all(seconds >= 0 for seconds in self.overlap_seconds.values())

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "good": self.good}


def survey(request: Request) -> Report:
    """What adopting would do; changes nothing. Raises ``ValueError`` or ``OSError``."""
    return _reported(_look(request))


def adopt(request: Request) -> Report:
    """Move what is closed and older than our own newest segment. Raises ``ValueError``, ``OSError``, ``AdoptionError``."""
    adoption = _look(request)
    report = _reported(adoption)
    _carry_out(request, adoption, report)
    return report


def hand_over(request: Request, stop: Callable[[], None], sleep: Callable[[float], None] = time.sleep) -> Report:
    """Adopt the archive, see ours record every camera, ``stop`` the old recorder, adopt its last files.

    Where a camera is not seen to be recorded, nothing is stopped. Raises like :func:`adopt`.
    """
    report = adopt(request)
    confirmation = confirm_recording(Path(request.root), set(request.cameras.values()), request.confirm_seconds, sleep)
    report.not_recording = list(confirmation.missing)
    if confirmation.missing:
        return report
    stop()
    report.service_stopped = True
    until = time.monotonic() + request.segment_seconds + SETTLE_SECONDS
    while True:
        sleep(QUIET_SECONDS)
        adoption = _look(request)
        waiting = _carry_out(request, adoption, report)
        report.left = _final(report.left, adoption)
        if not waiting or time.monotonic() > until:
            break
    report.overlap_seconds = seams(request)
    return report


def take_back(request: Request) -> Report:
    """Give every file its old name again. Raises ``ValueError`` or ``OSError``."""
    undone = undo(request.journal)
    return Report([(e.new, e.old, "undone") for e in undone.done], list(undone.left), {}, len(undone.done))


def seams(request: Request) -> dict[str, float]:
    """For each camera, the seconds from the start of our own footage to the end of the old one's; negative is a gap."""
    root = Path(request.root)
    entries = read_journal(request.journal)
    adopted = {entry.new for entry in entries}
    found = {}
    for camera in sorted(set(request.cameras.values())):
        own = next((path for path in oldest_segments(root, camera) if str(path) not in adopted), None)
        ends = [_end(root, entry) for entry in entries if Path(entry.new).is_relative_to(root / camera)]
        known = [end for end in ends if end is not None]
        if own is not None and known:
            found[camera] = round(overlap_seconds(max(known), parse_path(own, root).start), 3)
    return found


def _end(root: Path, entry: Entry) -> float | None:
    path = Path(entry.new)
    seconds = footage_seconds(path)
    return None if seconds is None else parse_path(path, root).start.timestamp() + seconds


def _look(request: Request) -> Adoption:
    pattern, zone = Pattern.compile(request.pattern), request.zone()
    old_root = Path(request.old_root)
    ours = Path(request.root)
    found = scan(old_root, pattern, zone)
    if ours.is_relative_to(old_root) and ours != old_root:  # our own footage lies below the old folder
        prefix = f"{ours.relative_to(old_root).as_posix()}/"
        found = [one for one in found if not one.path.startswith(prefix)]
    return assign(found, pattern, zone, request.cameras)


def _reported(adoption: Adoption) -> Report:
    return Report(
        paths=[(one.old, one.new, one.basis) for one in adoption.moves],
        left=[(one.path, one.reason) for one in adoption.unknown],
        cameras=_by_camera(adoption.moves),
    )


def _by_camera(moves: Iterable[Move]) -> dict[str, dict[str, Any]]:
    starts: dict[str, list[datetime]] = {}
    for one in moves:
        starts.setdefault(one.camera, []).append(one.start)
    return {
        camera: {"files": len(found), "first": min(found).isoformat(), "last": max(found).isoformat()}
        for camera, found in sorted(starts.items())
    }


def _carry_out(request: Request, adoption: Adoption, report: Report) -> bool:
    """Move what may be moved now, and note it; whether something only waits."""
    old_root, root = Path(request.old_root), Path(request.root)
    adopted = {entry.new for entry in read_journal(request.journal)}
    moved = move(adoption.moves, old_root, root, request.journal, too_fresh(old_root, root, adopted))
    report.moved += len(moved.done)
    known = {old for old, _, _ in report.paths}
    report.paths += [(one.old, one.new, one.basis) for one in adoption.moves if one.old not in known]
    report.left = [(path, why) for path, why in report.left if why not in WAITS] + list(moved.left)
    return any(reason in WAITS for _, reason in moved.left)


def _final(left: Iterable[tuple[str, str]], adoption: Adoption) -> list[tuple[str, str]]:
    """Each file once, with its last reason."""
    reasons: Mapping[str, str] = dict(left) | {one.path: one.reason for one in adoption.unknown}
    return sorted(reasons.items())
