"""What goes and what stays: pure rules over listings. Nothing here touches a disk or a clock.

Ceiling: what is older goes. Floor: what is younger stays, unless the city's written policy gives it up under disk
pressure. In between: it goes at the ceiling, or oldest first when recording needs the room. Locked: it stays.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Literal

from vigie.metrics.reasons import HoldReason
from vigie.recording.keeper.holds import WORDS
from vigie.recording.keeper.locks import LockedTime

Reason = Literal["ceiling", "pressure", "left_plan"]
OVERDUE_LIMIT: Final = 10_000  # items of one camera that are counted as overdue: after a clock jump it could be all


@dataclass(frozen=True, slots=True)
class Item:
    """What is kept or erased as a whole: its camera, its time (Unix seconds), its bytes, its path below the root of its
    store, and the seconds of a normal day that it stands for."""

    camera: str
    start: float
    end: float
    size: int
    key: tuple[str, ...]
    span: float = 0.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long a camera's items are kept, in seconds: at least ``floor`` after they end, at most ``ceiling`` after they begin.

    ``planned`` is false once the camera left the plan.
    """

    floor: float
    ceiling: float
    planned: bool = True
    profile: str = ""


@dataclass(frozen=True, slots=True)
class PressurePolicy:
    """What a city gives up below the floor when the disk is full: profiles in this order, each down to
    ``keep_at_least`` seconds."""

    give_up: tuple[str, ...]
    keep_at_least: float


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes that must become free. ``comfort``: with the room kept for locked evidence; ``urgent``: for recording to go
    on at all. Only the second is worth footage below the floor."""

    comfort: int = 0
    urgent: int = 0


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision depends on.

    ``now`` is None while the clock is not trusted; ``earliest`` is then still a lower bound. ``allowance`` bounds the
    seconds of footage that may go by age, for each camera; None when the time sources agree.
    """

    now: float | None
    earliest: float
    keeping: Mapping[str, Keeping]
    stranger: Keeping
    listings: Mapping[str, Iterable[Item]]
    locked: LockedTime
    need: Need = Need()
    policy: PressurePolicy | None = None
    allowance: Mapping[str, float] | None = None
    limit: int = 5000
    untrusted: str = ""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One item to erase, and why; ``below_floor`` when the city's policy gives it up."""

    item: Item
    reason: Reason
    below_floor: bool = False


@dataclass(slots=True)
class Overdue:
    """What of a camera is past its ceiling and stays for now: number, bytes, and how late the oldest is (seconds)."""

    count: int = 0
    size: int = 0
    seconds: float = 0.0

    def add(self, item: Item, late: float) -> None:
        self.count += 1
        self.size += item.size
        self.seconds = max(self.seconds, late)


@dataclass(slots=True)
class Decision:
    """Erasures in their order; for each held camera the reason; what is overdue; bytes that could not be made free."""

    erasures: list[Erasure] = field(default_factory=list)
    holds: dict[str, str] = field(default_factory=dict)
    overdue: dict[str, Overdue] = field(default_factory=dict)
    short_of: int = 0


class _Queue:
    """The items of one camera, oldest first, those that are locked left out; read as far as needed and no further."""

    def __init__(self, camera: str, items: Iterable[Item], locked: LockedTime) -> None:
        self.camera = camera
        self._items = iter(items)
        self._locked = locked
        self._head: Item | None = None

    def peek(self) -> Item | None:
        while self._head is None:
            item = next(self._items, None)
            if item is None:
                return None
            if not self._locked.overlaps(item.camera, item.start, item.end):
                self._head = item
        return self._head

    def take(self) -> None:
        self._head = None

    def give_back(self, items: list[Item]) -> None:
        """Puts what was taken in front again, oldest first."""
        head = [] if self._head is None else [self._head]
        self._items, self._head = chain(items, head, self._items), None


def is_due(item: Item, keeping: Keeping, now: float) -> bool:
    """Whether ``item`` must go."""
    return due_at(item, keeping) <= now


def due_at(item: Item, keeping: Keeping) -> float:
    """When ``item`` goes: whole, with its first instant, which must not be kept longer; never before its last one may.

    A city's ceiling lies a segment above its floor, so the second matters only for a segment that is too long.
    """
    return max(item.start + keeping.ceiling, item.end + keeping.floor)


def decide(situation: Situation) -> Decision:
    """What to erase now, in order, and what holds. Raises what the listings raise."""
    decision = Decision()
    queues = [_Queue(camera, items, situation.locked) for camera, items in sorted(situation.listings.items())]
    late = [item for queue in queues for item in _by_age(situation, queue, decision)]
    decision.erasures.sort(key=lambda erasure: (erasure.item.start, erasure.item.camera))
    late += [erasure.item for erasure in decision.erasures[situation.limit :]]  # wait for the next pass
    del decision.erasures[situation.limit :]
    freed = sum(erasure.item.size for erasure in decision.erasures)
    decision.short_of = _by_pressure(situation, queues, decision, freed)
    _count_overdue(situation, late, decision)
    return decision


def keeping_of(situation: Situation, camera: str) -> Keeping:
    """The rule of a camera; that of strangers when the plan never heard of it."""
    return situation.keeping.get(camera, situation.stranger)


def _by_age(situation: Situation, queue: _Queue, decision: Decision) -> list[Item]:
    """Decides on what is past the ceiling; returns what is and must be held."""
    keeping = keeping_of(situation, queue.camera)
    now = _present(situation)
    left = None if situation.allowance is None else situation.allowance.get(queue.camera, 0.0)
    hold = situation.untrusted if situation.now is None else ""
    held: list[Item] = []
    while (item := queue.peek()) is not None and is_due(item, keeping, now) and len(held) < OVERDUE_LIMIT:
        if not hold and left is not None and item.span > left:
            hold = f"{WORDS[HoldReason.ALLOWANCE]}, and the time sources do not agree"
        if hold:
            decision.holds[queue.camera] = hold
            held.append(item)
        else:
            left = None if left is None else left - item.span
            decision.erasures.append(Erasure(item, "ceiling" if keeping.planned else "left_plan"))
        queue.take()
    queue.give_back(held)  # pressure may still need their room
    return held


def _present(situation: Situation) -> float:
    return situation.earliest if situation.now is None else situation.now


def _count_overdue(situation: Situation, late: list[Item], decision: Decision) -> None:
    erased = {erasure.item.key for erasure in decision.erasures}
    for item in late:
        if item.key not in erased:
            seconds = _present(situation) - due_at(item, keeping_of(situation, item.camera))
            decision.overdue.setdefault(item.camera, Overdue()).add(item, seconds)


def _by_pressure(situation: Situation, queues: list[_Queue], decision: Decision, freed: int) -> int:
    def floor(camera: str) -> float:
        return keeping_of(situation, camera).floor

    freed = _make_room(situation, queues, floor, situation.need.comfort, decision, freed)
    if freed >= situation.need.urgent or situation.policy is None:
        return max(0, situation.need.urgent - freed)
    policy = situation.policy
    for profile in policy.give_up:
        members = [queue for queue in queues if keeping_of(situation, queue.camera).profile == profile]
        freed = _make_room(situation, members, lambda _: policy.keep_at_least, situation.need.urgent, decision, freed)
    return max(0, situation.need.urgent - freed)


def _make_room(
    situation: Situation,
    queues: list[_Queue],
    kept: Callable[[str], float],
    need: int,
    decision: Decision,
    freed: int,
) -> int:
    """Erases the oldest of all cameras, whichever that is, so that all keep equally far back; returns bytes freed."""
    if freed >= need:
        return freed
    for queue, item in _oldest_first(queues, situation.earliest, kept):
        if freed >= need or len(decision.erasures) >= situation.limit:
            break
        below = item.end + keeping_of(situation, item.camera).floor > situation.earliest
        decision.erasures.append(Erasure(item, "pressure", below))
        freed += item.size
        queue.take()
    return freed


def _oldest_first(queues: list[_Queue], now: float, kept: Callable[[str], float]) -> Iterator[tuple[_Queue, Item]]:
    heap: list[tuple[float, int, _Queue, Item]] = []

    def push(order: int, queue: _Queue) -> None:
        item = queue.peek()
        if item is not None and item.end + kept(queue.camera) <= now:
            heapq.heappush(heap, (item.start, order, queue, item))

    for order, queue in enumerate(queues):
        push(order, queue)
    while heap:
        _, order, queue, item = heapq.heappop(heap)
        yield queue, item
        push(order, queue)
