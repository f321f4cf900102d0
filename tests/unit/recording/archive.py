"""A simulated recorder, and archives made by it: segments with real fMP4 boxes, as MediaMTX v1.14 writes them, and the truth.

The rules are those of its `internal/recorder`: a sample is held until the next one comes, whose time gives its duration; a
part is written by the first sample behind its second; a segment ends at the first keyframe behind its nominal length, and its
file appears with its first part, named after the arrival of its first sample; a stream that is given up is closed late.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from tests.unit.recording.segments import NON_SYNC, SYNC, TIMESCALE, atom, init
from vigie.recording.layout import Segment
from vigie.recording.ledger.interval import Interval, Intervals, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS

Ending = Literal["closed", "killed", "torn", "given_up"]
GIVEN_UP_AFTER: Final = 10.0  # readTimeout
_ROUNDING: Final = 0.1  # what an instant may be off in the ledger


@dataclass(frozen=True, slots=True)
class Stall:
    """From `at` seconds into a session no frame comes for `seconds`; `kind` as in the ledger's log of stalls."""

    at: float
    seconds: float
    kind: Literal["frames", "clock"]


@dataclass(frozen=True, slots=True)
class Session:
    """One connection to a camera: from `start` (Unix seconds) for `seconds` of wall time."""

    start: float
    seconds: float
    ending: Ending = "closed"
    stalls: tuple[Stall, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """`content` is appended to `path` at `at`; empty content only touches the file."""

    at: float
    path: Path
    content: bytes


@dataclass(slots=True)
class Recording:
    """What a recorder does for one camera: its writes in order of time, and the truth of what they cover."""

    writes: list[Write] = field(default_factory=list)
    truth: list[Interval] = field(default_factory=list)

    @property
    def intervals(self) -> Intervals:
        """The truth, as the ledger tells it: absences within `GAP_SECONDS` are none."""
        return union(self.truth, GAP_SECONDS)


@dataclass(slots=True)
class Camera:
    """A camera as its recorder sees it. `keyframe_seconds` is its GOP; `root` holds the recordings."""

    root: Path
    id: str
    fps: int = 15
    keyframe_seconds: float = 2.0
    segment_seconds: float = 60.0

    def record(self, sessions: Iterable[Session]) -> Recording:
        """The sessions, one after the other."""
        recording = Recording()
        for session in sessions:
            _Connection(self, session, recording).run()
        recording.writes.sort(key=lambda write: write.at)
        return recording


class _Connection:
    """The recorder's side of one session."""

    def __init__(self, camera: Camera, session: Session, recording: Recording) -> None:
        self._camera = camera
        self._session = session
        self._recording = recording
        self._path: Path | None = None
        self._segment = 0  # ticks of its first sample
        self._name = 0.0
        self._part: list[tuple[int, int, bool]] = []  # ticks, duration, keyframe
        self._covered: list[tuple[float, float]] = []  # arrival and duration of samples in the open part
        self._usual = TIMESCALE // camera.fps

    def run(self) -> None:
        held: tuple[float, int, bool] | None = None
        arrival = self._session.start
        for arrival, ticks, key in self._samples():
            if held is not None:
                self._write(*held, ticks - held[1], arrival)
                if key and ticks - self._segment >= self._camera.segment_seconds * TIMESCALE:
                    self._close(arrival)
                    self._begin(arrival, ticks)
            else:
                self._begin(arrival, ticks)
            held = arrival, ticks, key
        self._finish(arrival)

    def _samples(self) -> Iterable[tuple[float, int, bool]]:
        """Arrival, ticks of the stream's clock, keyframe."""
        session, interval = self._session, 1 / self._camera.fps
        gop = round(self._camera.keyframe_seconds * self._camera.fps)
        stalls = sorted(session.stalls, key=lambda stall: stall.at)
        at, ticks, number = 0.0, 0, 0
        while at < session.seconds:
            yield session.start + at, ticks, number % gop == 0
            number += 1
            stall = stalls.pop(0) if stalls and stalls[0].at <= at else None
            at += interval + (stall.seconds if stall else 0.0)
            ticks += self._usual + (round(stall.seconds * TIMESCALE) if stall and stall.kind == "frames" else 0)

    def _begin(self, arrival: float, ticks: int) -> None:
        self._path, self._segment, self._name = None, ticks, arrival

    def _write(self, arrival: float, ticks: int, key: bool, duration: int, now: float) -> None:
        if self._part and self._part[-1][0] + self._part[-1][1] - self._part[0][0] >= TIMESCALE:
            self._write_part(now)
        self._part.append((ticks, duration, key))
        self._covered.append((arrival, min(duration, self._usual) / TIMESCALE))

    def _write_part(self, now: float, cut: int | None = None) -> None:
        if self._path is None:
            start = datetime.fromtimestamp(round(self._name, 6), UTC)
            self._path = Segment(self._camera.id, start).path(self._camera.root)
            self._recording.writes.append(Write(now, self._path, init()))
        content = _part(
            self._part[0][0] - self._segment,
            tuple(duration for _, duration, _ in self._part),
            tuple(key for _, _, key in self._part),
        )
        self._recording.writes.append(Write(now, self._path, content if cut is None else content[:cut]))
        if cut is None:
            begin, stop = self._covered[0][0], self._covered[0][0]
            for arrival, length in self._covered:
                if arrival > stop + 1e-3:
                    self._recording.truth.append(Interval(begin, stop))
                    begin = arrival
                stop = arrival + length
            self._recording.truth.append(Interval(begin, stop))
        self._part, self._covered = [], []

    def _close(self, now: float) -> None:
        if self._part:
            self._write_part(now)
        if self._path is not None:
            self._recording.writes.append(Write(now, self._path, b""))

    def _finish(self, arrival: float) -> None:
        ending = self._session.ending
        if ending == "torn" and self._part:
            self._write_part(arrival, cut=60)
        elif ending in ("closed", "given_up"):
            self._close(arrival + (GIVEN_UP_AFTER if ending == "given_up" else 0.0))


@functools.lru_cache(maxsize=4096)
def _part(start: int, durations: tuple[int, ...], keys: tuple[bool, ...]) -> bytes:
    sizes = [240 if key else 60 for key in keys]
    rows = b"".join(
        struct.pack(">III", duration, size, SYNC if key else NON_SYNC)
        for duration, size, key in zip(durations, sizes, keys, strict=True)
    )
    fixed = atom(b"mfhd", struct.pack(">II", 0, 1)), atom(b"tfhd", struct.pack(">II", 0x020000, 1))
    decode = atom(b"tfdt", struct.pack(">IQ", 1 << 24, start))

    def head(offset: int) -> bytes:
        run = atom(b"trun", struct.pack(">IIi", 0x701, len(sizes), offset), rows)
        return atom(b"moof", fixed[0], atom(b"traf", fixed[1], decode, run))

    return head(len(head(0)) + 8) + atom(b"mdat", bytes(sum(sizes)))


def put(writes: Iterable[Write]) -> int:
    """Makes the files as the writes leave them, modification times too; returns how many."""
    contents: dict[Path, list[Write]] = {}
    for write in writes:
        contents.setdefault(write.path, []).append(write)
    for path, pieces in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(piece.content for piece in pieces))
        os.utime(path, (pieces[-1].at, pieces[-1].at))
    return len(contents)


def apply(write: Write) -> None:
    """One write, now."""
    write.path.parent.mkdir(parents=True, exist_ok=True)
    with write.path.open("ab") as file:
        file.write(write.content)
    os.utime(write.path, (write.at, write.at))


def worst(truth: Iterable[Interval], found: Iterable[Interval]) -> float:
    """The length in seconds of the longest stretch of which truth and ledger say different things.

    An absence of just about `GAP_SECONDS` may be a gap to one and none to the other: instants are rounded.
    """
    truth, found = union(truth), union(found)
    lengths = (piece.seconds for piece in (*subtract(truth, found), *subtract(found, truth)))
    return max((length for length in lengths if abs(length - GAP_SECONDS) > _ROUNDING), default=0.0)
