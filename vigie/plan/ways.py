"""A city whose footage does not fit: what is missing, and ways to close it that were each tried on the placement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from vigie.city.model import City, RecorderTier, StorageUnit
from vigie.city.quantity import human_bit_rate, human_bytes, human_duration
from vigie.plan import capacity
from vigie.plan.placement import Demand, Recorder, place
from vigie.plan.refusal import Shortfall

MOST_DISKS = 240  # of one storage unit, as the model of the city bounds it


def recorder_name(number: int) -> str:
    """The host name of the ``number``-th recorder."""
    return f"recorder-{number}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A city's footage on its recorders, with the knobs that a refused city can turn."""

    city: City
    count: int
    disks: int
    max_cameras: int
    max_ingest: int
    floor_seconds: int
    bitrate_percent: int = 100

    @classmethod
    def of(cls, city: City) -> Attempt:
        """The city as it is written."""
        tier = city.file.tiers.recorder
        unit = storage_unit(city)
        return cls(city, tier.count, unit.disks, tier.max_cameras, tier.max_ingest, city.file.retention.floor)

    @property
    def unit(self) -> StorageUnit:
        return storage_unit(self.city).model_copy(update={"disks": self.disks})

    def demands(self) -> list[Demand]:
        """What each camera asks. A segment is erased whole and only once its youngest second is old enough, so the
        floor costs one segment more."""
        kept_seconds = self.floor_seconds + self.city.file.recording.segment
        rates = {
            profile.id: -(-profile.main.bitrate * self.bitrate_percent // 100) for profile in self.city.file.profiles
        }
        return [
            Demand(
                camera.id,
                camera.site,
                rates[camera.profile],
                capacity.bytes_recorded(rates[camera.profile], kept_seconds),
            )
            for camera in self.city.cameras
        ]

    def recorders(self) -> list[Recorder]:
        """The recorders, still empty."""
        usable = capacity.usable_bytes(self.unit)
        return [
            Recorder(recorder_name(number), self.max_cameras, self.max_ingest, usable)
            for number in range(1, self.count + 1)
        ]

    def place(self) -> tuple[list[Recorder], list[Demand]]:
        """The recorders with their cameras, and the cameras that none can take."""
        recorders = self.recorders()
        return recorders, place(self.demands(), recorders)

    def fits(self) -> bool:
        """Whether every camera finds a recorder."""
        demands, recorders = self.demands(), self.recorders()
        enough = sum(demand.floor_bytes for demand in demands) <= sum(recorder.usable_bytes for recorder in recorders)
        return enough and not place(demands, recorders, all_or_nothing=True)


def storage_unit(city: City) -> StorageUnit:
    """The storage unit of each recorder."""
    return next(unit for unit in city.file.storage_units if unit.id == city.file.tiers.recorder.storage)


def shortfall(city: City, left_over: list[Demand]) -> Shortfall:
    """What the cameras in ``left_over`` lack, with the totals of every bound and the ways that close it alone."""
    tier = city.file.tiers.recorder
    attempt = Attempt.of(city)
    demands = attempt.demands()
    bits = sum(demand.bits_per_second for demand in demands)
    return Shortfall(
        "tiers.recorder",
        f"{len(left_over)} of {len(demands)} cameras have no recorder at a retention floor of "
        f"{human_duration(city.file.retention.floor)}",
        f"{human_bytes(sum(demand.floor_bytes for demand in demands))}, {len(demands)} cameras, {human_bit_rate(bits)}",
        _available(tier, capacity.usable_bytes(attempt.unit)),
        (*_ways(attempt), f"{len(left_over)} cameras fewer"),
    )


def _available(tier: RecorderTier, usable: int) -> str:
    each = f"{human_bytes(usable)}, {tier.max_cameras} cameras, {human_bit_rate(tier.max_ingest)}"
    whole = (
        f"{human_bytes(usable * tier.count)}, {tier.count * tier.max_cameras} cameras, "
        f"{human_bit_rate(tier.max_ingest * tier.count)}"
    )
    return f"{whole} ({tier.count} recorders of {each})" if tier.count > 1 else each


def _ways(attempt: Attempt) -> Iterator[str]:
    """Each way was tried on its own: with it, and nothing else changed, the city fits."""
    unit, cameras = attempt.unit, len(attempt.city.cameras)
    more = _least(attempt.count, attempt.count + cameras, lambda n: replace(attempt, count=n))
    if more:
        added = more - attempt.count
        yield f"{added} more recorder(s): {added * unit.disks} disks of {human_bytes(unit.disk)}"
    # Another disk under raid1 is another mirror, not more room.
    disks = _least(unit.disks, MOST_DISKS, lambda n: replace(attempt, disks=n)) if unit.raid != "raid1" else None
    if disks:
        yield f"storage of {disks} disks instead of {unit.disks} in each recorder"
    floor = _most(0, attempt.floor_seconds, lambda seconds: replace(attempt, floor_seconds=seconds))
    if floor:
        yield f"a lower retention floor: {written_duration(floor)}"
    percent = _most(0, 100, lambda percent: replace(attempt, bitrate_percent=percent))
    if percent:
        yield f"less bit rate: {percent} % of today's, by codec, resolution or frame rate"
    bits = sum(demand.bits_per_second for demand in attempt.demands())
    ingest = _least(attempt.max_ingest, max(attempt.max_ingest, bits), lambda n: replace(attempt, max_ingest=n))
    if ingest:
        yield f"hosts that write faster: max_ingest of {-(-ingest // 1000)} kbit/s"
    most = _least(attempt.max_cameras, max(attempt.max_cameras, cameras), lambda n: replace(attempt, max_cameras=n))
    if most:
        yield f"hosts that record more cameras: max_cameras of {most}"


def _least(low: int, high: int, changed: Callable[[int], Attempt]) -> int | None:
    """The smallest value above ``low`` (which does not fit), up to ``high``, that fits; ``None`` when none does."""
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
