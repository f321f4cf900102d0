"""Dense filling: recorder by recorder, the mix of cameras that leaves least of it unused.

Best fit alone wastes recorders where few cameras fit into one, or where one bound fills before another. Here each
recorder gets a whole pattern (how many cameras of each kind): found exactly where the choice is small, else greedily.
The kinds are few (the city's profiles); within a kind cameras are taken in the order of locality.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import Final

from vigie.plan.fleet import Batch, Fleet, Recorder
from vigie.plan.packing import Item, Room, pack

MOST_PATTERNS: Final = 400  # looked at for one recorder before greed takes over
FINE: Final = 10**9  # parts of a bound, so that worth is a whole number and equal on every machine


@dataclass(slots=True)
class Kind:
    """Copies of equal cameras still to place, as (batch, camera) in order; a mirrored camera stands there twice, as
    far apart as the list is long, so that no run of at most ``different`` holds it twice."""

    bits_per_second: int
    floor_bytes: int
    different: int
    queue: list[tuple[Batch, str]] = field(default_factory=list)
    taken: int = 0

    @property
    def one(self) -> Batch:
        """A batch that asks what each camera of the kind asks."""
        return self.queue[0][0]

    @property
    def remaining(self) -> int:
        return len(self.queue) - self.taken


def fill_by_patterns(fleet: Fleet, batches: Sequence[Batch], weight: int | None, mirrored: int = 1) -> list[Batch]:
    """Fill ``fleet`` with ``batches``; returns what fits nowhere.

    ``weight`` (per cent) is that of the bit rate against the number of cameras in judging a pattern; ``None`` weighs each
    bound by how much of it the cameras still to place ask for. A mirrored camera is worth ``mirrored`` times as much.
    """
    kinds = _kinds(batches)
    for recorder in list(fleet.recorders):
        _fill(recorder, kinds, weight, mirrored)
    while fleet.grows and any(kind.remaining for kind in kinds):
        recorder = Recorder(fleet.next_number, "", fleet.limits)
        if not _fill(recorder, kinds, weight, mirrored):
            break
        group = next((name for name in fleet.groups if not fleet.is_full(name)), None)
        made = fleet.add(group)
        made.cameras, made.bits_per_second, made.floor_bytes = (
            recorder.cameras,
            recorder.bits_per_second,
            recorder.floor_bytes,
        )
    left: dict[Batch, list[str]] = defaultdict(list)
    for kind in kinds:
        for batch, camera in kind.queue[kind.taken :]:
            left[batch].append(camera)
    return [replace(batch, cameras=tuple(sorted(set(cameras)))) for batch, cameras in left.items()]


def fill_exactly(fleet: Fleet, batches: Sequence[Batch], recorders: int, most_steps: int) -> bool:
    """Fill the empty ``fleet`` with ``batches`` on at most ``recorders``; false, and nothing done, if no way was found."""
    kinds, limits = _kinds(batches), fleet.limits
    items = [Item(kind.bits_per_second, kind.floor_bytes, kind.remaining, kind.different) for kind in kinds]
    room = Room(limits.cameras, limits.most_bits_per_second, limits.usable_bytes)
    mixes = pack(items, room, recorders, most_steps)
    for number, mix in enumerate(mixes or ()):
        if number == len(fleet.recorders):
            fleet.add(next((name for name in fleet.groups if not fleet.is_full(name)), None))
        _give(fleet.recorders[number], kinds, mix)
    return mixes is not None


def _kinds(batches: Sequence[Batch]) -> list[Kind]:
    alike: dict[tuple[int, int, int], list[tuple[Batch, str]]] = defaultdict(list)
    for batch in batches:
        alike[batch.bits_per_second, batch.floor_bytes, batch.copies] += [(batch, camera) for camera in batch.cameras]
    return [
        Kind(bits, size, len(once), once * copies) for (bits, size, copies), once in sorted(alike.items(), reverse=True)
    ]


def _fill(recorder: Recorder, kinds: list[Kind], weight: int | None, mirrored: int) -> bool:
    """Give ``recorder`` its best pattern; whether it took any camera."""
    if not kinds:
        return False
    most = [min(kind.remaining, kind.different, recorder.room(kind.one)) for kind in kinds]
    values = _values(recorder, kinds, weight, mirrored)
    pattern = _exact(recorder, kinds, most, values) or _greedy(recorder, kinds, most, values)
    _give(recorder, kinds, pattern)
    return any(pattern)


def _give(recorder: Recorder, kinds: Sequence[Kind], pattern: Sequence[int]) -> None:
    for kind, count in zip(kinds, pattern, strict=True):
        for batch, camera in kind.queue[kind.taken : kind.taken + count]:
            recorder.take(batch, (camera,))
        kind.taken += count


def _values(recorder: Recorder, kinds: list[Kind], weight: int | None, mirrored: int) -> list[int]:
    """What one camera of each kind is worth in a pattern: its part of the bounds, by their weight."""
    limits = recorder.limits
    bits, cameras, size = max(limits.most_bits_per_second, 1), max(limits.cameras, 1), max(limits.usable_bytes, 1)
    if weight is None:
        asked_bits = sum(kind.remaining * kind.bits_per_second for kind in kinds) * FINE // bits
        asked_cameras = sum(kind.remaining for kind in kinds) * FINE // cameras
        weight = 100 * asked_bits // max(asked_bits + asked_cameras, 1)
    return [
        (mirrored if kind.one.copies > 1 else 1)
        * (
            weight * max(kind.bits_per_second * FINE // bits, kind.floor_bytes * FINE // size)
            + (100 - weight) * (FINE // cameras)
        )
        for kind in kinds
    ]


def _exact(recorder: Recorder, kinds: list[Kind], most: list[int], values: list[int]) -> list[int] | None:
    """The most valuable pattern, by looking at each; ``None`` where there are too many. Of the last kind, as many as
    still fit are always best."""
    if prod(count + 1 for count in most[:-1]) > MOST_PATTERNS:
        return None
    best_value, best = -1, [0] * len(kinds)
    for head in product(*(range(count + 1) for count in most[:-1])):
        bits = sum(count * kind.bits_per_second for count, kind in zip(head, kinds, strict=False))
        size = sum(count * kind.floor_bytes for count, kind in zip(head, kinds, strict=False))
        if not recorder.fits(sum(head), bits, size):
            continue
        last = min(most[-1], recorder.room_beside(kinds[-1].one, sum(head), bits, size))
        value = sum(count * worth for count, worth in zip((*head, last), values, strict=True))
        if value > best_value:
            best_value, best = value, [*head, last]
    return best


def _greedy(recorder: Recorder, kinds: list[Kind], most: list[int], values: list[int]) -> list[int]:
    """Kind by kind, that which is worth most for the scarcest room it takes, again after each few cameras."""
    chosen = [0] * len(kinds)
    trial = Recorder(0, "", recorder.limits, list(recorder.cameras), recorder.bits_per_second, recorder.floor_bytes)
    while True:
        rooms = [
            min(count - taken, trial.room(kind.one)) for count, taken, kind in zip(most, chosen, kinds, strict=True)
        ]
        open_kinds = [index for index, room in enumerate(rooms) if room]
        if not open_kinds:
            return chosen
        best = max(open_kinds, key=lambda index: (_worth(trial, kinds[index], values[index]), -index))
        step = max(1, rooms[best] // 16)
        trial.take(kinds[best].one, ("",) * step)
        chosen[best] += step


def _worth(recorder: Recorder, kind: Kind, value: int) -> int:
    limits = recorder.limits
    scarcest = max(
        FINE // (limits.cameras - len(recorder.cameras)),
        kind.bits_per_second * FINE // (limits.most_bits_per_second - recorder.bits_per_second),
        kind.floor_bytes * FINE // (limits.usable_bytes - recorder.floor_bytes),
    )
    return value * FINE // max(scarcest, 1)
