"""Which recorder records which camera: a site stays together where it fits, the least loaded recorder first."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Demand:
    """What one camera asks of its recorder."""

    camera: str
    site: str
    bits_per_second: int
    floor_bytes: int


@dataclass(slots=True)
class Recorder:
    """What one recorder can still take; every recorder of a group has the same limits."""

    name: str
    cameras_limit: int
    ingest_limit_bits_per_second: int
    usable_bytes: int
    demands: list[Demand] = field(default_factory=list)
    ingest_bits_per_second: int = 0
    needed_bytes: int = 0

    def fits(self, cameras: int, bits_per_second: int, floor_bytes: int) -> bool:
        """Whether that much more stays inside every bound."""
        return (
            len(self.demands) + cameras <= self.cameras_limit
            and self.ingest_bits_per_second + bits_per_second <= self.ingest_limit_bits_per_second
            and self.needed_bytes + floor_bytes <= self.usable_bytes
        )

    def take(self, demand: Demand) -> None:
        self.demands.append(demand)
        self.ingest_bits_per_second += demand.bits_per_second
        self.needed_bytes += demand.floor_bytes


def place(demands: list[Demand], recorders: list[Recorder]) -> list[Demand]:
    """Fill ``recorders`` in place; returns the demands that no recorder can take.

    Sites go in order of their load, each whole to the least loaded recorder that can take it; a site that fits nowhere
    whole is spread camera by camera. Ties are broken by name, so equal input gives equal output.
    """
    sites: dict[str, list[Demand]] = defaultdict(list)
    for demand in demands:
        sites[demand.site].append(demand)
    left_over: list[Demand] = []
    for site in sorted(sites, key=lambda name: (-_bits(sites[name]), name)):
        members = sorted(sites[site], key=lambda demand: (-demand.bits_per_second, demand.camera))
        home = _least_loaded(recorders, len(members), _bits(members), sum(demand.floor_bytes for demand in members))
        for demand in members:
            recorder = home or _least_loaded(recorders, 1, demand.bits_per_second, demand.floor_bytes)
            if recorder is None:
                left_over.append(demand)
            else:
                recorder.take(demand)
    return left_over


def _bits(demands: list[Demand]) -> int:
    return sum(demand.bits_per_second for demand in demands)


def _least_loaded(recorders: list[Recorder], cameras: int, bits_per_second: int, floor_bytes: int) -> Recorder | None:
    able = [recorder for recorder in recorders if recorder.fits(cameras, bits_per_second, floor_bytes)]
    return min(able, key=lambda recorder: (recorder.needed_bytes, recorder.name), default=None)
