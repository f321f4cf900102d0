"""A city whose footage does not fit: what is missing, and ways to close it that were each tried on the placement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from vigie.city.quantity import BYTE_UNITS, WHOLE, human_bit_rate, human_bytes, human_duration
from vigie.plan import capacity
from vigie.plan.fleet import Batch
from vigie.plan.recording import Attempt
from vigie.plan.refusal import Shortfall

MOST_DISKS: Final = 240  # of one storage unit, as the model of the city bounds it
MOST_RECORDERS: Final = 10_000  # likewise
MOST_DISK_BYTES: Final = 60 * 10**12  # no maker sells larger ones for video
BOUNDS: Final = ("max_cameras", "max_ingest", "max_read")
MOST_PERCENT: Final = 100_000  # of today's bounds: more than any host of any city needs
ENOUGH: Final = 2  # ways beside leaving cameras out, before several changes are put together
FLOOR_UNITS: Final = (("days", 86_400), ("h", 3600), ("min", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Way:
    """A change in the words of an integrator, and the city after it, which fits."""

    words: str
    after: Attempt


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
        (*(_said(attempt, way) for way in _ways(attempt)), f"{missing} cameras fewer: 0 disks, 0 days"),
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


# --- what a way costs


def _said(before: Attempt, way: Way) -> str:
    """The way with the recorders it adds, and its cost in disks (priced where the city gives prices) and in days."""
    after = way.after
    had, hosts = _hosts(before, after)
    recorders = _recorders(after) - (before.tier.count or _recorders(after))
    spares = hosts - had - recorders
    more = f"{recorders} more recorder(s)" + (f" and {spares} spare(s)" if spares else "") if recorders else ""
    words = " and ".join(part for part in (way.words, more) if part)
    return f"{words}: {_disks(before, after, had, hosts)}, {_days(before, after)}"


def _recorders(attempt: Attempt) -> int:
    return attempt.tier.count or len(attempt.place().fleet.recorders)


def _hosts(before: Attempt, after: Attempt) -> tuple[int, int]:
    """Recorders and spares, before and after; where the plan counts them itself, nobody has bought any before."""

    def with_spares(recorders: int) -> int:
        return recorders + -(-recorders // after.tier.group_size) * after.tier.spare

    recorders = _recorders(after)
    return with_spares(before.tier.count or recorders), with_spares(recorders)


def _disks(before: Attempt, after: Attempt, had: int, hosts: int) -> str:
    """Disks to buy: those that are there stay, unless they are replaced by larger ones."""
    unit = after.unit
    kept = had * before.unit.disks if unit.disk == before.unit.disk else 0
    disks = hosts * unit.disks - kept
    if not disks:
        return "0 disks"
    price, currency = _price(before, after, hosts - had, disks), after.city.file.city.currency
    cost = f" ({price} {currency})" if price is not None and currency else ""
    return f"{disks} disks of {human_bytes(unit.disk)}{cost}"


def _price(before: Attempt, after: Attempt, hosts: int, disks: int) -> int | None:
    """The price of that many hosts and disks more; ``None`` where the city does not give it."""
    server, unit = before.server, before.unit
    if (server, unit.disk) != (after.server, after.unit.disk) or (hosts and server.price is None):
        return None
    if unit.disk_price is None:  # the disks of a server are in its price
        return hosts * (server.price or 0) if unit == after.unit else None
    return hosts * (server.price or 0) + disks * unit.disk_price


def _days(before: Attempt, after: Attempt) -> str:
    lost = before.floor_seconds - after.floor_seconds
    return f"{human_duration(lost)} less" if lost else "0 days"


# --- the ways


def _ways(attempt: Attempt) -> list[Way]:
    """Each way was tried on its own: with it, and nothing else changed, the city fits."""
    more = list(_more_recorders(attempt))
    ways = [
        *more,
        *_more_storage(attempt),
        *_less_footage(attempt),
        *_stronger_servers(attempt),
        *_smaller_promises(attempt),
    ]
    for words, changed in _first_changes(attempt, alone=bool(more)):
        if len(ways) < ENOUGH and changed is not attempt:
            ways += _after(words, (*_more_storage(changed), *_less_footage(changed)), attempt.tier.count)
        if len(ways) < ENOUGH:
            ways += _after(words, _larger_hosts(changed), attempt.tier.count)
    return ways


def _first_changes(attempt: Attempt, *, alone: bool) -> Iterator[tuple[str, Attempt]]:
    """What to change first where too few changes close it alone; ``alone`` is whether more recorders do."""
    if attempt.tier.count and not alone:
        yield "", _with_tier(attempt, count=None)
    yield "", attempt
    yield from _recorded_once(attempt)


def _after(words: str, ways: Iterable[Way], count: int | None) -> Iterator[Way]:
    """``ways`` with ``words`` before each; one that takes any number of recorders gets the least that fits."""
    for way in ways:
        named = replace(way, words=f"{words} and {way.words}") if words else way
        if way.after.tier.count == count:
            yield named
            continue
        as_many = _with_tier(way.after, count=count)
        if not as_many.fits():
            yield from (replace(named, after=more.after) for more in _more_recorders(as_many))


def _more_recorders(attempt: Attempt) -> Iterator[Way]:
    count = attempt.tier.count
    if count is None:
        return
    cameras = _sums([batch for lot in attempt.lots() for batch in lot])[0]
    more = _least(count, min(count + cameras, MOST_RECORDERS), lambda n: _with_tier(attempt, count=n))
    if more:
        yield Way("", _with_tier(attempt, count=more))


def _more_storage(attempt: Attempt) -> Iterator[Way]:
    unit = attempt.unit
    if unit.raid != "raid1":  # another disk is another mirror there, not more room

        def with_disks(in_set: int) -> Attempt:
            return _with_unit(attempt, disks=in_set * unit.raid_sets)

        found = _least(unit.disks // unit.raid_sets, MOST_DISKS // unit.raid_sets, with_disks)
        if found:
            yield Way(
                f"storage of {found * unit.raid_sets} disks instead of {unit.disks} in each recorder", with_disks(found)
            )
    name = "TB" if unit.disk >= BYTE_UNITS["TB"] else "GB"
    step = BYTE_UNITS[name]
    found = _least(unit.disk // step, MOST_DISK_BYTES // step, lambda n: _with_unit(attempt, disk=n * step))
    if found:
        yield Way(
            f"disks of {found} {name} instead of {human_bytes(unit.disk)}", _with_unit(attempt, disk=found * step)
        )


def _less_footage(attempt: Attempt) -> Iterator[Way]:
    yield from _lower_floor(attempt)
    percent = _most(0, 100, lambda percent: replace(attempt, bitrate_percent=percent))
    if percent:
        yield Way(
            f"less bit rate: {percent} % of today's, by codec, resolution or frame rate",
            replace(attempt, bitrate_percent=percent),
        )


def _lower_floor(attempt: Attempt) -> Iterator[Way]:
    """The longest floor that fits, as ``city.yaml`` takes it: at least ten of the unit, so that little is lost."""

    def lowered(size: int, number: int) -> Attempt:
        return replace(attempt, floor_seconds=number * size)

    for name, size in FLOOR_UNITS:
        least = 10 if size > 1 else 1
        found = _most(least - 1, -(-attempt.floor_seconds // size), partial(lowered, size))
        if found:
            yield Way(f"a lower retention floor: {found} {name}", lowered(size, found))
            return


def _stronger_servers(attempt: Attempt) -> Iterator[Way]:
    cameras, bits, _ = _sums([batch for lot in attempt.lots() for batch in lot])
    # With growth, a bound is worth less than it says: twice the load of the whole city is more than any host needs.
    factor = 2 * capacity.growth_factor(attempt.city.file.capacity)
    kilobits = int(bits * factor) // 1000 + 1
    yield from _stronger(attempt, "max_ingest", 1000, kilobits, "hosts that write faster: max_ingest of {} kbit/s")
    yield from _stronger(attempt, "max_read", 1000, kilobits, "hosts that read faster: max_read of {} kbit/s")
    most = int(cameras * factor) + 1
    yield from _stronger(attempt, "max_cameras", 1, most, "hosts that record more cameras: max_cameras of {}")


def _stronger(attempt: Attempt, name: str, step: int, most: int, words: str) -> Iterator[Way]:
    """One bound of the server class raised in steps, as little as is enough."""
    bound: int = getattr(attempt.server, name)
    found = _least(bound // step, max(bound // step, most), lambda n: _with_server(attempt, **{name: n * step}))
    if found:
        yield Way(words.format(found), _with_server(attempt, **{name: found * step}))


def _smaller_promises(attempt: Attempt) -> Iterator[Way]:
    yield from (Way(words, once) for words, once in _recorded_once(attempt) if once.fits())
    growth = attempt.city.file.capacity.growth
    today = _with_capacity(attempt, growth=None)
    if growth and today.fits():
        yield Way(f"no room for growth until {growth.until}", today)

    def reserving(percent: int) -> Attempt:
        return _with_capacity(attempt, evidence_reserve=percent * WHOLE // 100)

    reserve = -(-attempt.city.file.capacity.evidence_reserve * 100 // WHOLE)
    found = _most(-1, reserve, reserving)
    if found is not None:
        yield Way(f"a smaller evidence reserve: {found} %", reserving(found))


def _recorded_once(attempt: Attempt) -> Iterator[tuple[str, Attempt]]:
    twice = sum(len(batch.cameras) for lot in attempt.batches for batch in lot if batch.copies > 1)
    if twice:
        once = tuple(tuple(replace(batch, copies=1) for batch in lot) for lot in attempt.batches)
        yield f"one recorder instead of two for the {twice} mirrored cameras", replace(attempt, batches=once)


def _larger_hosts(attempt: Attempt) -> Iterator[Way]:
    """Where no single bound closes it: those of the server together, and the storage if that is not enough."""

    def stronger(percent: int) -> Attempt:
        return _with_server(attempt, **{name: -(-getattr(attempt.server, name) * percent // 100) for name in BOUNDS})

    unlimited = MOST_DISKS * MOST_DISK_BYTES * len(attempt.city.cameras)
    percent = _least(99, MOST_PERCENT, lambda percent: _with_unit(stronger(percent), disk=unlimited))
    if percent is None or percent == 100:
        return
    hosts, words = stronger(percent), f"hosts of {percent} % of today's {', '.join(BOUNDS)}"
    if hosts.fits():
        yield Way(words, hosts)
        return
    for way in (*_more_storage(hosts), *_lower_floor(hosts)):
        yield Way(f"{words} and {way.words}", way.after)


# --- one knob turned


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
