"""The recorders that a placement fills: what each still takes, and which group is near a site."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vigie.plan.capacity import Limits


@dataclass(frozen=True, slots=True)
class Batch:
    """Cameras of one site that ask the same: placed as one, or in any parts.

    ``rank`` is the site's place in the order of locality. ``copies`` recorders on different hosts record each camera;
    ``apart_from`` already does and must not be one of them.
    """

    site: str
    rank: int
    bits_per_second: int
    floor_bytes: int
    cameras: tuple[str, ...]
    copies: int = 1
    apart_from: int | None = None


@dataclass(slots=True)
class Recorder:
    """One recorder of a group and what it was given; ``number`` names its host and its identity."""

    number: int
    group: str
    limits: Limits
    cameras: list[str] = field(default_factory=list)
    bits_per_second: int = 0
    floor_bytes: int = 0

    def fits(self, cameras: int, bits_per_second: int, floor_bytes: int) -> bool:
        """Whether that much more stays inside every bound."""
        return (
            len(self.cameras) + cameras <= self.limits.cameras
            and self.bits_per_second + bits_per_second <= self.limits.most_bits_per_second
            and self.floor_bytes + floor_bytes <= self.limits.usable_bytes
        )

    def room(self, batch: Batch) -> int:
        """How many cameras of ``batch`` still fit."""
        return 0 if batch.apart_from == self.number else self.room_beside(batch, 0, 0, 0)

    def room_beside(self, batch: Batch, cameras: int, bits_per_second: int, floor_bytes: int) -> int:
        """How many cameras of ``batch`` fit beside that much more."""
        return max(
            0,
            min(
                self.limits.cameras - len(self.cameras) - cameras,
                (self.limits.most_bits_per_second - self.bits_per_second - bits_per_second) // batch.bits_per_second,
                (self.limits.usable_bytes - self.floor_bytes - floor_bytes) // batch.floor_bytes,
            ),
        )

    def take(self, batch: Batch, cameras: Sequence[str]) -> None:
        self.cameras.extend(cameras)
        self.bits_per_second += batch.bits_per_second * len(cameras)
        self.floor_bytes += batch.floor_bytes * len(cameras)


@dataclass(slots=True)
class Fleet:
    """Recorders in groups; ``grows`` is whether more may be added (the city asked for ``count: auto``)."""

    limits: Limits
    group_size: int
    grows: bool
    recorders: list[Recorder] = field(default_factory=list)
    groups: dict[str, list[Recorder]] = field(default_factory=dict)
    next_number: int = 1
    _homes: list[tuple[int, str]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        limits: Limits,
        group_size: int,
        count: int | None,
        existing: Iterable[tuple[int, str]] = (),
        first_new: int = 1,
    ) -> Fleet:
        """``count`` empty recorders (``None``: as many as it takes): first those that exist (number and group), then
        new ones, numbered from ``first_new`` at least."""
        fleet = cls(limits, group_size, count is None, next_number=first_new)
        for number, group in sorted(existing)[:count]:
            fleet._put(number, group)
        while count is not None and len(fleet.recorders) < count:
            fleet.add(next((name for name in fleet.groups if not fleet.is_full(name)), None))
        return fleet

    def copy(self) -> Fleet:
        """An independent fleet of the same recorders with the same cameras."""
        twin = Fleet(self.limits, self.group_size, self.grows, next_number=self.next_number, _homes=list(self._homes))
        for recorder in self.recorders:
            made = twin._put(recorder.number, recorder.group)
            made.cameras = list(recorder.cameras)
            made.bits_per_second, made.floor_bytes = recorder.bits_per_second, recorder.floor_bytes
        return twin

    def is_full(self, group: str) -> bool:
        """Whether ``group`` has all the members it may have."""
        return len(self.groups[group]) >= self.group_size

    def add(self, group: str | None) -> Recorder:
        """One recorder more, in ``group`` or in a new one."""
        if group is None:
            number = len(self.groups) + 1
            while f"group-{number}" in self.groups:
                number += 1
            group = f"group-{number}"
        return self._put(self.next_number, group)

    def _put(self, number: int, group: str) -> Recorder:
        recorder = Recorder(number, group, self.limits)
        self.recorders.append(recorder)
        self.groups.setdefault(group, []).append(recorder)
        self.next_number = max(self.next_number, number + 1)
        return recorder

    def drop_empty(self) -> None:
        """Leave out the recorders that record nothing, and groups without any."""
        self.recorders = [recorder for recorder in self.recorders if recorder.cameras]
        kept = {name: [one for one in members if one.cameras] for name, members in self.groups.items()}
        self.groups = {name: members for name, members in kept.items() if members}

    def settle(self, rank: int, group: str) -> None:
        """Remember that the site at ``rank`` is recorded by ``group``."""
        index = bisect_left(self._homes, (rank, group))
        self._homes.insert(index, (rank, group))

    def near(self, rank: int) -> list[str]:
        """The groups, that of the nearest settled site first, the others by how near they were founded to it."""
        names = list(self.groups)
        if not names:
            return []
        home = self._nearest(rank) or names[-1]
        places = {name: place for place, name in enumerate(names)}
        at = places[home]
        return sorted(names, key=lambda name: abs(places[name] - at))

    def _nearest(self, rank: int) -> str | None:
        index = bisect_left(self._homes, (rank, ""))
        beside = self._homes[max(index - 1, 0) : index + 1]
        return min(beside, key=lambda home: (abs(home[0] - rank), home[0], home[1]))[1] if beside else None
