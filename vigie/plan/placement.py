"""Which recorder records which camera: a site stays together where it fits, the least loaded recorder first."""

from __future__ import annotations

import heapq
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


def place(demands: list[Demand], recorders: list[Recorder], *, all_or_nothing: bool = False) -> list[Demand]:
    """Fill ``recorders`` in place; returns the demands that no recorder can take.

    Sites go in order of their load, each whole to the least loaded recorder that can take it; a site that fits nowhere
    whole is spread camera by camera. Ties are broken by name, so equal input gives equal output. With
    ``all_or_nothing`` it stops at the first demand that fits nowhere.
    """
    sites: dict[str, list[Demand]] = defaultdict(list)
    for demand in demands:
        sites[demand.site].append(demand)
    queue = _Queue(recorders)
    left_over: list[Demand] = []
    for site in sorted(sites, key=lambda name: (-_bits(sites[name]), name)):
        members = sorted(sites[site], key=lambda demand: (-demand.bits_per_second, demand.camera))
        if queue.give(members):
            continue
        for demand in members:
            if not queue.give([demand]):
                left_over.append(demand)
                if all_or_nothing:
                    return left_over
    return left_over


class _Queue:
    """Recorders by load, least first. The load of one changes only while it is out of the heap."""

    def __init__(self, recorders: list[Recorder]) -> None:
        self._heap = [(recorder.needed_bytes, recorder.name, recorder) for recorder in recorders]
        heapq.heapify(self._heap)
        self._refused: set[tuple[int, int]] = set()

    def give(self, demands: list[Demand]) -> bool:
        """Give ``demands`` together to the least loaded recorder that can take them; False when none can."""
        bits, size = _bits(demands), sum(demand.floor_bytes for demand in demands)
        # Recorders only fill up: what no recorder could take before, none can take now.
        if len(demands) == 1 and any(bits >= other[0] and size >= other[1] for other in self._refused):
            return False
        passed_over = []
        taker = None
        while self._heap and taker is None:
            entry = heapq.heappop(self._heap)
            if entry[2].fits(len(demands), bits, size):
                taker = entry[2]
            else:
                passed_over.append(entry)
        for entry in passed_over:
            heapq.heappush(self._heap, entry)
        if taker is None:
            if len(demands) == 1:
                self._refused.add((bits, size))
            return False
        for demand in demands:
            taker.take(demand)
        heapq.heappush(self._heap, (taker.needed_bytes, taker.name, taker))
        return True


def _bits(demands: list[Demand]) -> int:
    return sum(demand.bits_per_second for demand in demands)
