"""A city whose footage does not fit: what is missing, and ways to close it that were each tried on the placement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from vigie.city.quantity import DURATION_UNITS, WHOLE, human_bit_rate, human_bytes, human_duration, parse
from vigie.plan import capacity
from vigie.plan.fleet import Batch
from vigie.plan.lots import host_price
from vigie.plan.recording import Attempt
from vigie.plan.refusal import Shortfall

MOST_DISKS = 240  # of one storage unit, as the model of the city bounds it
BOUNDS: Final = ("max_cameras", "max_ingest", "max_read")


def shortfall(attempt: Attempt, left_over: Sequence[Batch]) -> Shortfall:
    """What the cameras in ``left_over`` lack, with the totals of every bound and the ways that close it alone."""
    batches = [batch for lot in attempt.lots() for batch in lot]
    cameras, bits, size = _sums(batches)  # a mirrored camera is two recordings
    recordings, missing_bits, missing_size = _sums(left_over)
    missing = sum(len(batch.cameras) for batch in left_over)
    return Shortfall(
        "tiers.recorder",
        f"{missing} of {len(attempt.city.cameras)} cameras have no recorder at a retention floor of "
        f"{human_duration(attempt.floor_seconds)}",
        f"{human_bytes(size)}, {cameras} recordings, {human_bit_rate(bits)}",
        _available(attempt),
        (*_ways(attempt), f"{missing} cameras fewer: 0 disks, 0 days"),
        f"{human_bytes(missing_size)}, {recordings} recordings, {human_bit_rate(missing_bits)}",
    )


def _sums(batches: Sequence[Batch]) -> tuple[int, int, int]:
    """Recordings (a mirrored camera is two), bits a second and bytes."""
    counts = [(batch.copies * len(batch.cameras), batch) for batch in batches]
    return (
        sum(count for count, _ in counts),
        sum(count * batch.bits_per_second for count, batch in counts),
        sum(count * batch.floor_bytes for count, batch in counts),
    )


def _available(attempt: Attempt) -> str:
    limits, count = attempt.limits, attempt.tier.count
    usable, cameras, bits = limits.usable_bytes, limits.cameras, limits.most_bits_per_second
    each = f"{human_bytes(usable)}, {cameras} recordings, {human_bit_rate(bits)}"
    if count is None:
        return f"any number of recorders of {each}"
    whole = f"{human_bytes(usable * count)}, {count * cameras} recordings, {human_bit_rate(bits * count)}"
    return f"{whole} ({count} recorders of {each})" if count > 1 else each


def _ways(attempt: Attempt) -> list[str]:
    """Each way was tried on its own: with it, and nothing else changed, the city fits."""
    ways = [
        *_more_recorders(attempt),
        *_more_disks(attempt),
        *_less_footage(attempt),
        *_stronger_servers(attempt),
        *_smaller_promises(attempt),
    ]
    if len(ways) > 1:
        return ways
    # A mirrored camera needs two hosts, whatever they can do.
    alone = attempt.tier.count == 1 and any(batch.copies > 1 for lot in attempt.batches for batch in lot)
    first, prefix = (_with_tier(attempt, count=2), "a second recorder, and ") if alone else (attempt, "")
    return [*ways, *(f"{prefix}{way}" for way in _larger_hosts(first))]


def _larger_hosts(attempt: Attempt) -> Iterator[str]:
    """Where no single bound closes it: all of them together."""
    unit = attempt.unit

    def disks(percent: int) -> int:
        return min(-(-unit.disks * percent // (100 * unit.raid_sets)) * unit.raid_sets, MOST_DISKS)

    def stronger(percent: int) -> Attempt:
        return _with_server(attempt, **{name: -(-getattr(attempt.server, name) * percent // 100) for name in BOUNDS})

    def larger(percent: int) -> Attempt:
        return _with_unit(stronger(percent), disks=disks(percent))

    found = _least(100, 100 * MOST_DISKS, larger)
    if found:
        added = (disks(found) - unit.disks) * _hosts(larger(found))
        yield (
            f"hosts of {found} % of today's {', '.join(BOUNDS)}, with {disks(found)} disks: "
            f"{added} disks of {human_bytes(unit.disk)}, 0 days"
        )
        for way in _lower_floor(stronger(found)):
            yield f"hosts of {found} % of today's {', '.join(BOUNDS)}, and {way}"


def _hosts(attempt: Attempt) -> int:
    """Recorders and spares."""
    recorders = len(attempt.place().fleet.recorders)
    return recorders + -(-recorders // attempt.tier.group_size) * attempt.tier.spare


def _more_recorders(attempt: Attempt) -> Iterator[str]:
    count = attempt.tier.count
    if count is None:
        return
    cameras = _sums([batch for lot in attempt.lots() for batch in lot])[0]
    more = _least(count, count + cameras, lambda n: _with_tier(attempt, count=n))
    if more:
        groups = -(-more // attempt.tier.group_size) - -(-count // attempt.tier.group_size)
        spares = groups * attempt.tier.spare
        added = more - count
        beside = f" and {spares} spare(s)" if spares else ""
        yield f"{added} more recorder(s){beside}: {_disks(attempt, added + spares)}, 0 days"


def _disks(attempt: Attempt, recorders: int) -> str:
    unit = attempt.unit
    price = host_price(attempt.city, attempt.server, with_disks=True)
    currency = attempt.city.file.city.currency
    cost = f" ({recorders * price} {currency})" if price is not None and currency else ""
    return f"{recorders * unit.disks} disks of {human_bytes(unit.disk)}{cost}"


def _more_disks(attempt: Attempt) -> Iterator[str]:
    unit = attempt.unit
    if unit.raid == "raid1":  # another disk is another mirror there, not more room
        return
    most = MOST_DISKS // unit.raid_sets
    each = unit.disks // unit.raid_sets
    found = _least(each, most, lambda n: _with_unit(attempt, disks=n * unit.raid_sets))
    if found:
        disks = found * unit.raid_sets
        added = (disks - unit.disks) * _hosts(_with_unit(attempt, disks=disks))
        yield (
            f"storage of {disks} disks instead of {unit.disks} in each recorder: "
            f"{added} disks of {human_bytes(unit.disk)}, 0 days"
        )


def _less_footage(attempt: Attempt) -> Iterator[str]:
    yield from _lower_floor(attempt)
    percent = _most(0, 100, lambda percent: replace(attempt, bitrate_percent=percent))
    if percent:
        yield f"less bit rate: {percent} % of today's, by codec, resolution or frame rate: 0 disks, 0 days"


def _stronger_servers(attempt: Attempt) -> Iterator[str]:
    cameras, bits, _ = _sums([batch for lot in attempt.lots() for batch in lot])
    # With growth, a bound is worth less than it says: twice the load of the whole city is more than any host needs.
    factor = 2 * capacity.growth_factor(attempt.city.file.capacity)
    kilobits = int(bits * factor) // 1000 + 1
    yield from _stronger(attempt, "max_ingest", 1000, kilobits, "hosts that write faster: max_ingest of {} kbit/s")
    yield from _stronger(attempt, "max_read", 1000, kilobits, "hosts that read faster: max_read of {} kbit/s")
    most = int(cameras * factor) + 1
    yield from _stronger(attempt, "max_cameras", 1, most, "hosts that record more cameras: max_cameras of {}")


def _lower_floor(attempt: Attempt) -> Iterator[str]:
    floor = _most(0, attempt.floor_seconds, lambda seconds: replace(attempt, floor_seconds=seconds))
    written = written_duration(floor) if floor else ""
    seconds = parse(written, DURATION_UNITS, "") if written else 0
    if seconds and replace(attempt, floor_seconds=seconds).fits():
        lost = human_duration(attempt.floor_seconds - seconds)
        yield f"a lower retention floor: {written}: 0 disks, {lost} less"


def _smaller_promises(attempt: Attempt) -> Iterator[str]:
    twice = sum(len(batch.cameras) for lot in attempt.batches for batch in lot if batch.copies > 1)
    once = tuple(tuple(replace(batch, copies=1) for batch in lot) for lot in attempt.batches)
    if twice and replace(attempt, batches=once).fits():
        yield f"one recorder instead of two for the {twice} mirrored cameras: 0 disks, 0 days"
    growth = attempt.city.file.capacity.growth
    if growth and _with_capacity(attempt, growth=None).fits():
        yield f"no room for growth until {growth.until}: 0 disks, 0 days"
    reserve = attempt.city.file.capacity.evidence_reserve * 100 // WHOLE
    percent = _most(-1, reserve + 1, lambda n: _with_capacity(attempt, evidence_reserve=n * WHOLE // 100))
    if percent is not None and percent < reserve:
        yield f"a smaller evidence reserve: {percent} %: 0 disks, 0 days"


def _stronger(attempt: Attempt, name: str, step: int, most: int, way: str) -> Iterator[str]:
    """One bound of the server class raised in steps, as little as is enough."""
    bound: int = getattr(attempt.server, name)
    found = _least(bound // step, max(bound // step, most), lambda n: _with_server(attempt, **{name: n * step}))
    if found:
        yield f"{way.format(found)}: 0 disks, 0 days"


def _with_capacity(attempt: Attempt, **values: Any) -> Attempt:
    settings = attempt.city.file.capacity.model_copy(update=values)
    file = attempt.city.file.model_copy(update={"capacity": settings})
    return replace(attempt, city=attempt.city.model_copy(update={"file": file}))


def _with_tier(attempt: Attempt, **values: Any) -> Attempt:
    return replace(attempt, tier=attempt.tier.model_copy(update=values))


def _with_unit(attempt: Attempt, **values: Any) -> Attempt:
    return replace(attempt, unit=attempt.unit.model_copy(update=values))


def _with_server(attempt: Attempt, **values: Any) -> Attempt:
    return replace(attempt, server=attempt.server.model_copy(update=values))


def _least(low: int, high: int, changed: Callable[[int], Attempt]) -> int | None:
    """The smallest value above ``low`` (which does not fit), up to ``high``, that fits; ``None`` when none does."""
    step = 1
    while low + step < high and not changed(low + step).fits():
        low, step = low + step, 2 * step
    high = min(low + step, high)
    if high <= low or not changed(high).fits():
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if changed(middle).fits() else (middle, high)
    return high


def _most(low: int, high: int, changed: Callable[[int], Attempt]) -> int | None:
    """The largest value below ``high`` (which does not fit), above ``low``, that fits; ``None`` when none does."""
    if high <= low + 1 or not changed(low + 1).fits():
        return None
    low += 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if changed(middle).fits() else (low, middle)
    return low


def written_duration(seconds: int) -> str:
    """``seconds`` as ``city.yaml`` takes it, rounded down: never more than was proven to fit."""
    for name, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 10 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
