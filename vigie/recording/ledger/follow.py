"""Follows the growing segment of one camera by its size and modification time; opens it only when they speak of a pause.

Footage reaches the disk every second. While it does, the file's modification time is the end of the footage to within
a frame, and nothing need be read. A pause has three ends: the stream goes on (a stall inside the segment), a successor
begins (the segment is over, and its own frames say where it ended), or nothing comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vigie.recording.ledger.footage import holes_in, look, parts_from
from vigie.recording.ledger.interval import Interval, intersect, subtract
from vigie.recording.ledger.limits import GAP_SECONDS, LOOK_SECONDS, OVER_SECONDS, UNSEEN_SECONDS
from vigie.recording.ledger.scan import Entry, SegmentRule, footage_end
from vigie.recording.ledger.stalls import Stall

_MET_BYTES: Final = 8 << 20  # some 15 s: what stalled while the feeder was restarted


@dataclass(slots=True)
class _Pause:
    """A pause that is not understood yet: the file's size and modification time before it."""

    size: int
    modified: float
    grown: bool = False  # it grew once since
    since: float | None = None  # where footage ended, when the file was met in the middle of the pause


@dataclass(slots=True)
class Growth:
    """What became known: `footage` for the store, `stalls` for the log, `opened` files."""

    footage: list[Interval] = field(default_factory=list)
    stalls: list[Stall] = field(default_factory=list)
    opened: int = 0


class Follower:
    """One segment from its first look to its end. Instants are Unix seconds. OSError of the disk passes through.

    `known` are stalls that were logged before: by a feeder that ended in the middle of the segment. One that is `fresh` was
    there as soon as it could be; of others the frames tell how they began.
    """

    def __init__(self, path: Path, start: float, rule: SegmentRule, known: list[Stall], *, fresh: bool) -> None:
        self.path = path
        self.start = start
        self.over = False
        self._rule = rule
        self._stalls = list(known)
        self._begin = start  # where footage that is not handed over yet begins
        self._size = 0
        self._modified = start
        # The growth before the last: the last may be torn by a crash, and what grows on is whole.
        self._confirmed = start
        self._pause: _Pause | None = None
        self._still = False  # looked at, and found not to have grown for longer than parts take
        self._fresh = fresh

    @property
    def modified(self) -> float:
        """When the file last grew."""
        return self._modified

    @property
    def size(self) -> int:
        """Its size in bytes when it last grew."""
        return self._size

    def observe(self, size: int, modified: float, now: float, growth: Growth) -> bool:
        """Takes in the file's present size and modification time; returns whether it grew."""
        if size > self._size:
            self._grow(size, modified, growth)
            return True
        age = now - self._modified
        self._still = age >= LOOK_SECONDS
        if age > OVER_SECONDS and not self.over:
            self._end(growth)
        return False

    def succeed(self, successor: float, growth: Growth) -> None:
        """A newer segment exists, so this one is over."""
        if self.over:
            return
        entry = Entry(self.start, self._size, self._modified, str(self.path))
        if self._pause is None and self._rule.is_whole(entry, successor):
            self._hand_over(successor, growth)
            self.over = True
        else:
            self._end(growth)

    def flush(self, growth: Growth) -> None:
        """Hands over the footage so far, unless a pause leaves open how far it goes."""
        if not self.over and self._pause is None:
            self._hand_over(self._confirmed, growth)

    def _grow(self, size: int, modified: float, growth: Growth) -> None:
        if self._size == 0:
            self._first(size, modified, growth)
        elif self._pause is not None and self._pause.grown:
            self._understand(self._pause, modified, growth)
            self._pause = None
        elif self._pause is not None:
            self._pause.grown = True
        elif self._still or modified - self._modified > UNSEEN_SECONDS:
            # One growth may be the last of a dead stream, written as the recorder gave up: wait for a second.
            self._hand_over(self._modified, growth)
            self._pause = _Pause(self._size, self._modified, grown=True)
        self.over = self._still = False
        self._confirmed = self._modified
        self._size, self._modified = size, modified

    def _first(self, size: int, modified: float, growth: Growth) -> None:
        # The file appears with its first part; what is older than that and the look for it was met in its middle.
        if self._fresh and modified - self.start <= UNSEEN_SECONDS:
            return
        # Its frames say how far it goes, and what is missing since lies at the end.
        growth.opened += 1
        seen = look(self.path, tail=_MET_BYTES)
        if seen.end is None:
            return
        self._note_holes(seen.holes, growth)
        end = footage_end(self.start, seen.end, self._stalls)
        self._hand_over(end, growth)
        if modified - end > GAP_SECONDS:
            self._begin = modified
            self._pause = _Pause(size, modified, since=end)

    def _understand(self, pause: _Pause, modified: float, growth: Growth) -> None:
        """The stream goes on: what of the time since the pause is missing?"""
        parts = parts_from(self.path, pause.size)
        growth.opened += 1
        if not parts:
            return
        if pause.since is not None:
            if modified - footage_end(self.start, parts[-1].end, self._stalls) > GAP_SECONDS:
                self._note(Stall(Interval(pause.since, pause.modified), "clock"), growth)
            else:  # it was only written late, and has caught up
                self._begin = pause.since
        self._note_holes(holes_in(parts), growth)
        # Wall time against the file's own: what the file does not know of stood still, stream and clock.
        missing = (modified - pause.modified) - (parts[-1].end - parts[0].start)
        if missing > GAP_SECONDS:
            self._note(Stall(Interval(pause.modified, pause.modified + missing), "clock"), growth)

    def _note_holes(self, holes: Iterable[tuple[float, float]], growth: Growth) -> None:
        for begin, end in holes:
            start = footage_end(self.start, begin, self._stalls)
            self._note(Stall(Interval(start, start + end - begin), "frames"), growth)

    def _note(self, stall: Stall, growth: Growth) -> None:
        # Seen before: a second look at the same part, or known from the log. Logged instants are rounded.
        if any(intersect((stall.interval,), (known.interval,)) for known in self._stalls):
            return
        self._stalls.append(stall)
        growth.stalls.append(stall)
        self._hand_over(stall.interval.start, growth)
        self._begin = max(self._begin, stall.interval.end)

    def _end(self, growth: Growth) -> None:
        """No more will come: the frames say where the segment ends."""
        growth.opened += 1
        self.over = True
        try:
            seen = look(self.path)
        except FileNotFoundError:  # erased meanwhile: what was handed over stands
            return
        if seen.end is None:
            return
        self._note_holes(seen.holes, growth)
        end = footage_end(self.start, seen.end, self._stalls)
        self._hand_over(end, growth)
        self._pause = None

    def _hand_over(self, end: float, growth: Growth) -> None:
        if end > self._begin:
            growth.footage += subtract((Interval(self._begin, end),), [stall.interval for stall in self._stalls])
            self._begin = end
