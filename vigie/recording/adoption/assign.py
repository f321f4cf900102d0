"""Old files to places in our layout. Pure: what is not understood stays where it is, with the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from vigie.recording.adoption.clock import instants
from vigie.recording.adoption.pattern import Pattern
from vigie.recording.layout import SUFFIX, Segment, check_camera_id

Basis = Literal["name", "modified", "sequence"]

# Clocks go back by an hour, or by half of one (Lord Howe): below a quarter only one of two instants can be meant.
MODIFIED_TOLERANCE: Final = timedelta(minutes=14)
# From the last frame of a segment to the first of the next.
SEQUENCE_TOLERANCE: Final = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Found:
    """A file below the old folder: ``modified`` in Unix seconds, ``duration`` of its footage in seconds, if readable."""

    path: str
    size: int
    modified: float
    duration: float | None


@dataclass(frozen=True, slots=True)
class Move:
    """An old path (below the old folder) and its new one (below ours). ``basis``: how the instant was found."""

    old: str
    new: str
    camera: str
    start: datetime
    duration: float | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class Unknown:
    """A file that stays as it is, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Adoption:
    """What adopting would do, oldest first, and what it leaves."""

    moves: tuple[Move, ...]
    unknown: tuple[Unknown, ...]


@dataclass(frozen=True, slots=True)
class _Dated:
    found: Found
    camera: str
    candidates: tuple[datetime, ...]


def assign(found: Iterable[Found], pattern: Pattern, zone: tzinfo, cameras: Mapping[str, str]) -> Adoption:
    """Where each file goes; ``cameras`` gives our id for the old recorder's name. Raises ``ValueError`` for a bad id.

    Two files for one place are both left: one of them would hide the other.
    """
    for camera in cameras.values():
        check_camera_id(camera)
    dated: list[_Dated] = []
    unknown: list[Unknown] = []
    for one in sorted(found, key=lambda file: file.path):
        read = _date(one, pattern, zone, cameras)
        if isinstance(read, Unknown):
            unknown.append(read)
        else:
            dated.append(read)
    moves: list[Move] = []
    for camera in sorted({one.camera for one in dated}):
        settled, unclear = _settle([one for one in dated if one.camera == camera])
        moves += settled
        unknown += unclear
    places = Counter(move.new for move in moves)
    unknown += [Unknown(m.old, f"another file belongs at {m.new} too") for m in moves if places[m.new] > 1]
    moves = [move for move in moves if places[move.new] == 1]
    return Adoption(
        tuple(sorted(moves, key=lambda move: (move.start, move.camera))),
        tuple(sorted(unknown, key=lambda one: one.path)),
    )


def _date(found: Found, pattern: Pattern, zone: tzinfo, cameras: Mapping[str, str]) -> _Dated | Unknown:
    if not found.path.endswith(SUFFIX):
        return Unknown(found.path, f"not {SUFFIX[1:].upper()}: other containers are converted first (ffmpeg -c copy)")
    if not found.size:
        return Unknown(found.path, "empty")
    try:
        named = pattern.read(found.path)
        if named is None:
            return Unknown(found.path, f"its name is not {pattern.text}")
        if named.camera not in cameras:
            return Unknown(found.path, f"no camera is given for {named.camera!r}")
        candidates = instants(named.written, zone)
    except (ValueError, OverflowError) as error:
        return Unknown(found.path, f"its name holds no instant: {error}")
    if not candidates:
        return Unknown(found.path, f"clocks of {zone} never showed {named.written}: they were set forward over it")
    return _Dated(found, cameras[named.camera], candidates)


def _settle(dated: list[_Dated]) -> tuple[list[Move], list[Unknown]]:
    """The files of one camera, the unclear ones settled by their last change, or by what stands before them."""
    moves = [_move(one, one.candidates[0], "name") for one in dated if len(one.candidates) == 1]
    unclear: list[_Dated] = []
    for one in dated:
        if len(one.candidates) > 1:
            by_change = _by_change(one)
            if by_change is None:
                unclear.append(one)
            else:
                moves.append(_move(one, by_change, "modified"))
    progress = True
    while unclear and progress:  # each one that is settled may settle the next
        ends = [move.start + timedelta(seconds=move.duration) for move in moves if move.duration is not None]
        settled = [(one, start) for one in unclear if (start := _by_sequence(one, ends)) is not None]
        moves += [_move(one, start, "sequence") for one, start in settled]
        progress = bool(settled)
        unclear = [one for one in unclear if one not in [done for done, _ in settled]]
    reason = "its clock showed that time twice, and neither its last change nor the file before it tells which is meant"
    return moves, [Unknown(one.found.path, reason) for one in unclear]


def _by_change(one: _Dated) -> datetime | None:
    """A file is last changed when its last frame is written."""
    if one.found.duration is None:
        return None
    began = datetime.fromtimestamp(one.found.modified - one.found.duration, UTC)
    near = [start for start in one.candidates if abs(start - began) <= MODIFIED_TOLERANCE]
    return near[0] if len(near) == 1 else None


def _by_sequence(one: _Dated, ends: list[datetime]) -> datetime | None:
    following = [s for s in one.candidates if any(abs(s - end) <= SEQUENCE_TOLERANCE for end in ends)]
    return following[0] if len(following) == 1 else None


def _move(one: _Dated, start: datetime, basis: Basis) -> Move:
    place = Segment(one.camera, start).path(Path())
    return Move(one.found.path, str(PurePosixPath(place)), one.camera, start, one.found.duration, basis)
