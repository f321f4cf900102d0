"""Whether cameras fit into a given number of equal recorders, by a search that is exact where it ends in time.

Small cities are where a recorder too many hurts most: one of six is 17 %. The search fills recorder by recorder, always one
that holds the largest camera left, wasting least first and never more room than all recorders together have to spare.
An early mix that seemed good can spoil the rest, so it looks at few mixes for each recorder first, and at all of them last.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

WIDTHS: Final = (2, 6, sys.maxsize)  # mixes tried for each recorder, pass by pass
Mix = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """``copies`` equal cameras (copies of mirrored ones counted), at most ``different`` of them in one recorder."""

    bits_per_second: int
    floor_bytes: int
    copies: int
    different: int


@dataclass(frozen=True, slots=True)
class Room:
    """What an empty recorder takes."""

    cameras: int
    bits_per_second: int
    floor_bytes: int


@dataclass(slots=True)
class _Search:
    items: Sequence[Item]
    room: Room
    width: int
    most_steps: int
    steps: int = 0
    was_cut: bool = False  # whether anything was left untried
    dead: set[tuple[int, Mix]] = field(default_factory=set)

    def pack(self, left: Mix, recorders: int) -> list[Mix] | None:
        if not any(left):
            return []
        if (recorders, left) in self.dead or not self._may_fit(left, recorders):
            return None
        mixes = sorted(self._mixes(left, recorders), key=self._waste)
        self.was_cut |= len(mixes) > self.width
        for mix in mixes[: self.width]:
            if self.steps >= self.most_steps:
                return None
            rest = tuple(count - taken for count, taken in zip(left, mix, strict=True))
            packed = self.pack(rest, recorders - 1)
            if packed is not None:
                return [mix, *packed]
        self.dead.add((recorders, left))
        return None

    def _may_fit(self, left: Mix, recorders: int) -> bool:
        cameras, bits, size = self._sums(left)
        return (
            cameras <= recorders * self.room.cameras
            and bits <= recorders * self.room.bits_per_second
            and size <= recorders * self.room.floor_bytes
            and all(count <= recorders * item.different for count, item in zip(left, self.items, strict=True))
        )

    def _waste(self, mix: Mix) -> tuple[int, Mix]:
        """Least bit rate wasted first, then most of the largest."""
        return -self._sums(mix)[1], tuple(-count for count in mix)

    def _sums(self, mix: Mix) -> tuple[int, int, int]:
        pairs = list(zip(mix, self.items, strict=True))
        return (
            sum(mix),
            sum(count * item.bits_per_second for count, item in pairs),
            sum(count * item.floor_bytes for count, item in pairs),
        )

    def _mixes(self, left: Mix, recorders: int) -> Iterator[Mix]:
        """Mixes for one recorder with one of the largest kind at least, that leave the other recorders enough room.

        Only full ones, to which no camera left could be added: whatever fills the others would do so with less left.
        """
        first = next(index for index, count in enumerate(left) if count)
        stack: list[tuple[int, Mix]] = [(0, ())]
        while stack:
            index, head = stack.pop()
            if index == len(left):
                self.steps += 1
                if self.steps >= self.most_steps:
                    self.was_cut = True
                    return
                rest = tuple(count - taken for count, taken in zip(left, head, strict=True))
                if self._is_full(head, rest) and self._may_fit(rest, recorders - 1):
                    yield head
                continue
            most = self._most(index, head, left)
            least = max(int(index == first), left[index] - (recorders - 1) * self.items[index].different)
            if index == len(left) - 1:
                least = max(least, most)
            stack.extend((index + 1, (*head, count)) for count in range(least, most + 1))

    def _is_full(self, mix: Mix, rest: Mix) -> bool:
        cameras, bits, size = self._sums(mix)
        return not any(
            left
            and taken < item.different
            and cameras < self.room.cameras
            and bits + item.bits_per_second <= self.room.bits_per_second
            and size + item.floor_bytes <= self.room.floor_bytes
            for item, taken, left in zip(self.items, mix, rest, strict=True)
        )

    def _most(self, index: int, head: Mix, left: Mix) -> int:
        item = self.items[index]
        used = list(zip(head, self.items, strict=False))
        return min(
            left[index],
            item.different,
            self.room.cameras - sum(head),
            (self.room.bits_per_second - sum(c * one.bits_per_second for c, one in used)) // item.bits_per_second,
            (self.room.floor_bytes - sum(c * one.floor_bytes for c, one in used)) // item.floor_bytes,
        )


def pack(items: Sequence[Item], room: Room, recorders: int, most_steps: int) -> list[Mix] | None:
    """How many of each of ``items`` (largest first) each of at most ``recorders`` takes; ``None`` if it cannot be, or
    if that was not found among ``most_steps`` mixes in any pass (10,000 take some hundredths of a second)."""
    for width in WIDTHS:
        search = _Search(items, room, width, most_steps)
        mixes = search.pack(tuple(item.copies for item in items), recorders)
        if mixes is not None or not search.was_cut:
            return mixes
    return None
