"""Stores with a retention, all of one shape: ``<root>/<camera>/<YYYY>/<MM>/<DD>/<file>``, in UTC.

A pass looks at the oldest day of each camera only: its cost does not grow with what is kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Final, Protocol

from vigie.recording.keeper.locks import LockedTime
from vigie.recording.keeper.rules import Item
from vigie.recording.keeper.tree import Space, Tree, regular
from vigie.recording.layout import check_camera_id

DAY: Final = 86_400.0
LONGEST_SEGMENT: Final = DAY  # a modification time further from the start tells of a copy, not of footage
WHEN_CLOSED: Final = 2.0  # seconds that a recorder may take to close a file after the next began
_YEAR: Final = re.compile(r"[0-9]{4}")
_TWO: Final = re.compile(r"[0-9]{2}")
_SEGMENT: Final = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{2})-([0-9]{6})\.mp4")
_TIMED: Final = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{2})(?:-([0-9]{6}))?(?![0-9])")
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

Day = tuple[str, str, str, str]  # camera, year, month, day: a path below the root
SkipDay = Callable[[float, float], bool]


def no_day(_start: float, _end: float) -> bool:
    """Skips nothing."""
    return False


class RetentionStore(Protocol):
    """What the keeper needs of a store. All methods raise ``OSError`` where the disk does."""

    name: str

    def owners(self) -> list[str]:
        """Everyone who has a folder here, planned or not."""
        ...

    def oldest(self, owner: str, skip: SkipDay = no_day) -> Iterator[Item]:
        """The items of an owner, oldest first, read lazily; days that ``skip`` names (start, end) are not opened."""
        ...

    def strangers(self) -> list[tuple[str, ...]]:
        """Paths met in day folders that are no items, since the last call."""
        ...

    def protected(self, item: Item, locked: LockedTime) -> bool:
        """Whether a lock keeps the item."""
        ...

    def holds(self, item: Item) -> bool:
        """Whether the item is still there."""
        ...

    def erase(self, item: Item) -> None:
        """Removes the item; one that is gone already is no error."""
        ...

    def tidy(self, before: float) -> None:
        """Removes the emptied folders of days that ended before ``before``."""
        ...

    def space(self) -> Space: ...


class DatedStore:
    """What both kinds of store share. ``nominal`` is the time in seconds that a file stands for at most, unless its
    successor in the same day begins earlier."""

    def __init__(self, name: str, root: Path, nominal: float) -> None:
        self.name = name
        self.tree = Tree(root)
        self.nominal = nominal
        self._strangers: set[tuple[str, ...]] = set()
        self._emptied: set[tuple[str, ...]] = set()

    def is_owner(self, name: str) -> bool:
        """Whether a folder of that name below the root belongs to the store."""
        raise NotImplementedError

    def seconds_of(self, name: str) -> float | None:
        """Seconds since midnight at which the file begins; None when the name is none of this store's."""
        raise NotImplementedError

    def owners(self) -> list[str]:
        names = [name for name in self.tree.names(()) if self.is_owner(name)]
        return [name for name in names if self.tree.is_directory((name,))]

    def days(self, owner: str) -> Iterator[tuple[Day, float]]:
        """Day folders of an owner with the instant each begins, oldest first."""
        for year in filter(_YEAR.fullmatch, self._names((owner,))):
            for month in filter(_TWO.fullmatch, self._names((owner, year))):
                for day in filter(_TWO.fullmatch, self._names((owner, year, month))):
                    path = (owner, year, month, day)
                    midnight = midnight_of(path)
                    if midnight is None:
                        self._strangers.add(path)
                    else:
                        yield path, midnight

    def _names(self, folder: tuple[str, ...]) -> list[str]:
        names = self.tree.names(folder)
        if not names:
            self._emptied.add(folder)
        return names

    def oldest(self, owner: str, skip: SkipDay = no_day) -> Iterator[Item]:
        for day, start in self.days(owner):
            if not skip(start, start + DAY):
                yield from self.items(day, start)

    def items(self, day: Day, midnight: float) -> Iterator[Item]:
        """The items of one day, oldest first."""
        names = self._names(day)
        timed = []
        for name in names:
            seconds = self.seconds_of(name)
            if seconds is None:
                self._strangers.add((*day, name))
            else:
                timed.append((midnight + seconds, name))
        timed.sort()
        following = [start for start, _ in timed[1:]]
        for (start, name), after in zip_longest(timed, following):
            if item := self._item(day, start, name, after, midnight + DAY):
                yield item

    def _item(self, day: Day, start: float, name: str, after: float | None, midnight: float) -> Item | None:
        with self.tree.directory(day) as folder:
            status = regular(folder, name)
        if status is None:
            self._strangers.add((*day, name))
            return None
        end = self.end_of(start, after, status)
        return Item(day[0], start, end, status.st_size, (*day, name), self.span_of(start, end, after, midnight))

    def span_of(self, start: float, end: float, _after: float | None, _midnight: float) -> float:
        """Seconds of a normal day that the item stands for; those of one day add up to about a day at most."""
        return end - start

    def end_of(self, start: float, after: float | None, _status: os.stat_result) -> float:
        """When a file ends: after its nominal length, or where the next begins."""
        end = start + self.nominal
        return end if after is None else min(end, after)

    def strangers(self) -> list[tuple[str, ...]]:
        found, self._strangers = sorted(self._strangers), set()
        return found

    def protected(self, item: Item, locked: LockedTime) -> bool:
        return locked.overlaps(item.camera, item.start, item.end)

    def holds(self, item: Item) -> bool:
        return self.tree.look(item.key) is not None

    def erase(self, item: Item) -> None:
        self.tree.unlink(item.key)
        self._emptied.add(item.key[:-1])

    def tidy(self, before: float) -> None:
        """A recorder makes the folder of today while this runs: only folders whose whole time has passed go."""
        emptied, self._emptied = self._emptied, set()
        for path in sorted(emptied):
            while len(path) > 1 and _ended(path, before) and self.tree.remove_if_empty(path):
                path = path[:-1]  # up to the camera's own folder

    def drop(self, owner: str) -> bool:
        """Removes the folders of a camera that left, if nothing is in them; whether they are gone. Nobody makes new
        ones there."""
        for day, _ in list(self.days(owner)):
            if not self.tree.remove_if_empty(day):
                return False
        for year in self.tree.names((owner,)):
            for month in self.tree.names((owner, year)):
                self.tree.remove_if_empty((owner, year, month))
            self.tree.remove_if_empty((owner, year))
        return self.tree.remove_if_empty((owner,))

    def space(self) -> Space:
        return self.tree.space()


class SegmentStore(DatedStore):
    """Recordings (vigie.recording.layout). ``segment_seconds`` is their nominal length."""

    def __init__(self, root: Path, segment_seconds: float, name: str = "recordings") -> None:
        super().__init__(name, root, segment_seconds)

    def is_owner(self, name: str) -> bool:
        try:
            check_camera_id(name)
        except ValueError:
            return False
        return True

    def seconds_of(self, name: str) -> float | None:
        match = _SEGMENT.fullmatch(name)
        return _seconds(match) if match else None

    def end_of(self, start: float, after: float | None, status: os.stat_result) -> float:
        """A file of a time when segments were longer ends when it was last written, if that can be."""
        end = super().end_of(start, after, status)
        latest = start + LONGEST_SEGMENT if after is None else min(after + WHEN_CLOSED, start + LONGEST_SEGMENT)
        return status.st_mtime if end < status.st_mtime <= latest else end


class FileStore(DatedStore):
    """Dated files of any kind (face images, exports, quarantined files). A name that begins with a time of day
    (``HH-MM-SS``) says when; any other counts from the end of its day. A file stands for an instant."""

    def __init__(self, name: str, root: Path) -> None:
        super().__init__(name, root, nominal=0.0)

    def is_owner(self, name: str) -> bool:
        return bool(_OWNER.fullmatch(name))

    def seconds_of(self, name: str) -> float | None:
        if name.startswith("."):
            return None
        match = _TIMED.match(name)
        seconds = _seconds(match) if match else None
        return DAY if seconds is None else seconds

    def span_of(self, start: float, end: float, after: float | None, midnight: float) -> float:  # noqa: ARG002
        """The time until the next; where no file of a day says its time, the last stands for a quarter of the day."""
        if start >= midnight:
            return 0.0 if after is not None else DAY / 4
        return (midnight if after is None else after) - start

    def protected(self, item: Item, locked: LockedTime) -> bool:
        """A file whose time of day is not known is locked with any part of its day."""
        begin = item.start if _TIMED.match(item.key[-1]) else item.start - DAY
        return locked.overlaps(item.camera, begin, max(item.end, begin + 1))


def midnight_of(path: Sequence[str]) -> float | None:
    """The instant at which the day begins that ``path`` (camera, year, month, day, …) lies in; None for no date."""
    try:
        return datetime(int(path[1]), int(path[2]), int(path[3]), tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _seconds(match: re.Match[str]) -> float | None:
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600 + minutes * 60 + seconds + int(match[4] or 0) / 1e6


def _ended(path: Sequence[str], before: float) -> bool:
    """Whether all of the day, month or year that a folder stands for ended before an instant."""
    year, month, day = int(path[1]), int(path[2]) if len(path) > 2 else 12, int(path[3]) if len(path) > 3 else None
    try:
        last = datetime(year, month, day or 1, tzinfo=UTC)
    except ValueError:
        return False
    if day is None:
        last = (last.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return last.timestamp() + DAY <= before
