"""Which recorder records which camera: near sites together, the fullest recorder that still takes them, no bound broken.

Cameras come lot by lot, firm ones first, so that exercising a lot moves nothing. Everything is ordered, so that equal
cities give equal plans.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, islice
from typing import Final

from vigie.plan.capacity import Limits
from vigie.plan.fleet import Batch, Fleet, Recorder
from vigie.plan.patterns import fill_by_patterns, fill_exactly

Lots = Sequence[Sequence[Batch]]  # for each lot its batches, in the order of locality
# Of the bit rate against the number of cameras, in per cent; and by how much a mirrored camera is worth more, because it
# has to be on two recorders.
WEIGHTS: Final = ((None, 1), (100, 1), (None, 2), (50, 1), (100, 2), (0, 1), (0, 2))
MOST_SEARCHED: Final = 40  # recorders of a city whose least number is searched for
STEPS_TO_BUY: Final = 30_000  # of that search where it decides how many recorders are bought: it runs once
STEPS_TO_FIT: Final = 3_000  # where it answers whether given ones are enough: it runs for each way out of a refusal
TOLERATED_PERCENT: Final = 5  # servers above the lower bound that nearness may cost


@dataclass(frozen=True, slots=True)
class Placement:
    """A filled fleet, and the cameras (a part of each batch) that no recorder of it can take."""

    fleet: Fleet
    left_over: tuple[Batch, ...]

    @property
    def count_left_over(self) -> int:
        return sum(len(batch.cameras) for batch in self.left_over)


def place(fleet: Fleet, lots: Lots) -> Placement:
    """Fill copies of the empty ``fleet`` in several ways and take the best: every camera placed, then nearness, unless
    nearness costs more than ``TOLERATED_PERCENT`` of the servers."""
    if fleet.grows:
        near = _tight(fleet.copy(), lots)
        least = lower_bound(lots, fleet.limits)
        if near.left_over or 100 * len(near.fleet.recorders) <= (100 + TOLERATED_PERCENT) * least:
            return near
        best = near
        for dense in _by_patterns(fleet, lots):
            if not dense.left_over and len(dense.fleet.recorders) < len(best.fleet.recorders):
                best = dense
            if len(best.fleet.recorders) == least:
                return best
        for recorders in range(max(least, len(best.fleet.recorders) - 2), len(best.fleet.recorders)):
            exact = _exactly(fleet, lots, recorders, STEPS_TO_BUY)
            if exact:
                return exact
        return best
    tried = []
    for attempt in _attempts(fleet, lots):
        if not attempt.left_over:
            return attempt
        tried.append(attempt)
    return min(tried, key=lambda attempt: attempt.count_left_over)


def _attempts(fleet: Fleet, lots: Lots) -> Iterator[Placement]:
    yield _spread(fleet.copy(), lots)
    if lower_bound(lots, fleet.limits) <= len(fleet.recorders):
        yield _tight(fleet.copy(), lots)
        yield from islice(_by_patterns(fleet, lots), 3)
        exact = _exactly(fleet, lots, len(fleet.recorders), STEPS_TO_FIT)
        if exact:
            yield exact


def place_beside(fleet: Fleet, lots: Lots) -> Placement:
    """Give the cameras of ``lots`` to ``fleet`` in place, beside what it records already; moves nothing."""
    return _tight(fleet, lots)


def fits(fleet: Fleet, lots: Lots) -> bool:
    """Whether ``place`` would leave no camera over; quick where plain sums already decide it."""
    empty = Recorder(0, "", fleet.limits)
    if not all(empty.room(batch) for lot in lots for batch in lot):
        return False
    if fleet.grows:
        return True
    if lower_bound(lots, fleet.limits) > len(fleet.recorders):
        return False
    return not _tight(fleet.copy(), lots).left_over or not place(fleet, lots).left_over


def lower_bound(lots: Lots, limits: Limits) -> int:
    """Recorders that no placement can do with less of: each bound on its own, and two hosts for what is mirrored."""
    cameras = bits = size = 0
    hosts = 0
    for lot in lots:
        for batch in lot:
            copies = batch.copies * len(batch.cameras)
            cameras += copies
            bits += copies * batch.bits_per_second
            size += copies * batch.floor_bytes
            hosts = max(hosts, batch.copies)
    bounds = ((cameras, limits.cameras), (bits, limits.most_bits_per_second), (size, limits.usable_bytes))
    return max(hosts, *(-(-needed // there) if there else needed for needed, there in bounds))


def _by_site(batches: Sequence[Batch]) -> Iterator[list[Batch]]:
    for _, members in groupby(batches, key=lambda batch: batch.rank):
        yield sorted(members, key=lambda batch: (-batch.bits_per_second, batch.copies, batch.cameras))


# --- as near and as full as possible


def _tight(fleet: Fleet, lots: Lots) -> Placement:
    left = []
    for lot in lots:
        for site in _by_site(lot):
            left += _put_site(fleet, site)
    return Placement(fleet, tuple(left))


def _put_site(fleet: Fleet, site: list[Batch]) -> list[Batch]:
    groups = fleet.near(site[0].rank)
    whole = _whole_site(fleet.groups[groups[0]], site, _fullest) if groups else None
    if whole:
        for batch in site:
            whole.take(batch, batch.cameras)
        fleet.settle(site[0].rank, whole.group)
        return []
    return [left for batch in site if (left := _put_batch(fleet, batch))]


def _whole_site(
    recorders: Sequence[Recorder], site: list[Batch], choose: Callable[[Recorder], tuple[int, int]]
) -> Recorder | None:
    """The recorder to take all of ``site`` alone; never for mirrored cameras, which need two."""
    if any(batch.copies > 1 or batch.apart_from for batch in site):
        return None
    cameras = sum(len(batch.cameras) for batch in site)
    bits = sum(len(batch.cameras) * batch.bits_per_second for batch in site)
    size = sum(len(batch.cameras) * batch.floor_bytes for batch in site)
    return min((one for one in recorders if one.fits(cameras, bits, size)), key=choose, default=None)


def _fullest(recorder: Recorder) -> tuple[int, int]:
    return -recorder.floor_bytes, recorder.number


def _emptiest(recorder: Recorder) -> tuple[int, int]:
    return recorder.floor_bytes, recorder.number


def _put_batch(fleet: Fleet, batch: Batch) -> Batch | None:
    """Place ``batch`` in as few parts as may be; returns what is left of it."""
    at = 0
    while at < len(batch.cameras):
        chosen = _choose(fleet, batch, len(batch.cameras) - at)
        if chosen is None:
            return replace(batch, cameras=batch.cameras[at:])
        count = min(len(batch.cameras) - at, *(recorder.room(batch) for recorder in chosen))
        for recorder in chosen:
            recorder.take(batch, batch.cameras[at : at + count])
        fleet.settle(batch.rank, chosen[0].group)
        at += count
    return None


def _choose(fleet: Fleet, batch: Batch, count: int) -> list[Recorder] | None:
    """``copies`` recorders with room, for ``count`` cameras if may be: in the group of the nearest site, in a recorder
    added there, in other groups, in a new group."""
    groups = fleet.near(batch.rank)
    chosen: list[Recorder] = []
    for group in groups[:1]:
        chosen += _best(fleet.groups[group], batch, count, batch.copies)
    while len(chosen) < batch.copies and fleet.grows and groups and not fleet.is_full(groups[0]):
        if not _grown(fleet, groups[0], batch, chosen):
            return None
    for group in groups[1:]:
        if len(chosen) < batch.copies:
            chosen += _best(fleet.groups[group], batch, count, batch.copies - len(chosen))
    while len(chosen) < batch.copies and fleet.grows:
        open_group = next((group for group in groups if not fleet.is_full(group)), None)
        if not _grown(fleet, open_group, batch, chosen):
            return None
        groups = fleet.near(batch.rank)
    return chosen if len(chosen) == batch.copies else None


def _grown(fleet: Fleet, group: str | None, batch: Batch, chosen: list[Recorder]) -> bool:
    """Add a recorder, unless even an empty one could not take a camera of ``batch``."""
    if not Recorder(0, "", fleet.limits).room(batch):
        return False
    chosen.append(fleet.add(group))
    return True


def _best(recorders: Sequence[Recorder], batch: Batch, count: int, wanted: int) -> list[Recorder]:
    """Up to ``wanted`` recorders with room: the fullest that take all ``count``, else those that take most."""
    rooms = [(room, recorder) for recorder in recorders if (room := recorder.room(batch))]
    ordered = sorted(rooms, key=lambda pair: (-min(pair[0], count), -pair[1].floor_bytes, pair[1].number))
    return [recorder for _, recorder in ordered[:wanted]]


# --- evenly, over a fleet of given size


def _spread(fleet: Fleet, lots: Lots) -> Placement:
    """Every lot gets its share of the recorders, every group its share of the sites, every recorder the same load."""
    loads = [_load(lot, fleet.limits) for lot in lots]
    total = sum(loads)
    recorders = sorted(fleet.recorders, key=lambda recorder: recorder.number)
    left: list[Batch] = []
    begin, used = 0, Fraction(0)
    for lot, load in zip(lots, loads, strict=True):
        used += load
        end = -int(-len(recorders) * used // total) if total else len(recorders)
        pool = recorders[min(begin, len(recorders) - 1) : max(end, begin + 1)]
        left += _spread_lot(fleet, lot, load, pool)
        begin = end
    remaining = [rest for batch in left if (rest := _put_batch(fleet, batch))]
    return Placement(fleet, tuple(remaining))


def _load(batches: Sequence[Batch], limits: Limits) -> Fraction:
    """Recorders' worth of ``batches`` by the tightest bound; zero bounds count as the smallest there is."""
    copies = [(batch.copies * len(batch.cameras), batch) for batch in batches]
    return max(
        Fraction(sum(count for count, _ in copies), max(limits.cameras, 1)),
        Fraction(sum(count * batch.bits_per_second for count, batch in copies), max(limits.most_bits_per_second, 1)),
        Fraction(sum(count * batch.floor_bytes for count, batch in copies), max(limits.usable_bytes, 1)),
    )


def _spread_lot(fleet: Fleet, lot: Sequence[Batch], load: Fraction, pool: Sequence[Recorder]) -> list[Batch]:
    by_group: dict[str, list[Recorder]] = {}
    for recorder in pool:
        by_group.setdefault(recorder.group, []).append(recorder)
    shares: dict[str, list[list[Batch]]] = {group: [] for group in by_group}
    owners = [recorder.group for recorder in pool]
    passed = Fraction(0)
    for site in _by_site(lot):
        part = _load(site, fleet.limits)
        middle = passed + part / 2
        # The position along the order of locality, as a position along the pool.
        at = min(int(len(owners) * middle / load), len(owners) - 1) if load else 0
        shares[owners[at]].append(site)
        passed = min(passed + part, load)
    left: list[Batch] = []
    for group, sites in shares.items():
        ordered = sorted(sites, key=lambda site: (-_load(site, fleet.limits), site[0].rank))
        for site in ordered:
            left += _even(fleet, by_group[group], site)
    return left


def _even(fleet: Fleet, recorders: Sequence[Recorder], site: list[Batch]) -> list[Batch]:
    """``site`` whole to the emptiest recorder, or camera by camera."""
    fleet.settle(site[0].rank, recorders[0].group)
    whole = _whole_site(recorders, site, _emptiest)
    if whole:
        for batch in site:
            whole.take(batch, batch.cameras)
        return []
    return [left for batch in site if (left := _even_batch(recorders, batch))]


def _even_batch(recorders: Sequence[Recorder], batch: Batch) -> Batch | None:
    heap = [(*_emptiest(recorder), recorder) for recorder in recorders if recorder.room(batch)]
    heapq.heapify(heap)
    for at, camera in enumerate(batch.cameras):
        if len(heap) < batch.copies:
            return replace(batch, cameras=batch.cameras[at:])
        for _, _, recorder in [heapq.heappop(heap) for _ in range(batch.copies)]:
            recorder.take(batch, (camera,))
            if recorder.room(batch):
                heapq.heappush(heap, (*_emptiest(recorder), recorder))
    return None


# --- as few recorders as may be


def _by_patterns(fleet: Fleet, lots: Lots) -> Iterator[Placement]:
    for weight, mirrored in WEIGHTS:
        twin = fleet.copy()
        left = [batch for lot in lots for batch in fill_by_patterns(twin, lot, weight, mirrored)]
        yield Placement(twin, tuple(left))


def _exactly(fleet: Fleet, lots: Lots, recorders: int, most_steps: int) -> Placement | None:
    """A placement on at most ``recorders``, searched for where the city is small and one lot."""
    filled = [lot for lot in lots if lot]
    if len(filled) != 1 or recorders > MOST_SEARCHED:
        return None
    twin = fleet.copy()
    return Placement(twin, ()) if fill_exactly(twin, filled[0], recorders, most_steps) else None
