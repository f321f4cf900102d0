"""The footage that locks keep, and the room it takes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vigie.recording.keeper.locks import Lock, LockedTime
from vigie.recording.keeper.rules import Item
from vigie.recording.keeper.store import DAY, DatedStore
from vigie.recording.keeper.tree import Space

_LOG: Final = logging.getLogger(__name__)
RECOUNT_SECONDS: Final = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Weight:
    """Files, bytes, and of these the bytes that only the lock keeps from being erased."""

    files: int = 0
    size: int = 0
    beyond: int = 0

    def __add__(self, other: Weight) -> Weight:
        return Weight(self.files + other.files, self.size + other.size, self.beyond + other.beyond)


def footage_of(store: DatedStore, lock: Lock) -> Iterator[Item]:
    """The items that a lock keeps whole, oldest first. Looks at the days of its interval only. Raises ``OSError``."""
    locked = LockedTime([lock])
    for day, midnight in store.days(lock.camera):
        # An item of the day before may reach into the interval.
        if midnight >= lock.end or midnight + 2 * DAY <= lock.start:
            continue
        yield from (item for item in store.items(day, midnight) if store.protected(item, locked))


class EvidenceScale:
    """Weighs locked footage; what lies in the past is weighed again every six hours only."""

    def __init__(self, store: DatedStore) -> None:
        self._store = store
        self._known: dict[str, tuple[float, Weight]] = {}

    def weigh(self, locks: Sequence[Lock], now: float, ceiling: Callable[[str], float]) -> Weight:
        """All ``locks`` together (what two of them keep counts twice)."""
        total = Weight()
        for lock in locks:
            at, weight = self._known.get(lock.id, (float("-inf"), Weight()))
            if abs(now - at) > RECOUNT_SECONDS or lock.end > at:
                try:
                    items = list(footage_of(self._store, lock))
                except OSError as error:
                    _LOG.warning("lock %s cannot be weighed: %s", lock.id, error)
                    total += weight
                    continue
                oldest = now - ceiling(lock.camera)
                beyond = sum(item.size for item in items if item.start <= oldest)
                weight = Weight(len(items), sum(item.size for item in items), beyond)
                self._known[lock.id] = (now, weight)
            total += weight
        names = {lock.id for lock in locks}
        self._known = {name: known for name, known in self._known.items() if name in names}
        return total


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that must stay free: ``headroom`` for recording to go on, ``evidence`` for locked footage beside it."""

    headroom: int = 0
    evidence: int = 0

    def comfort(self, space: Space, beyond: int) -> int:
        """Bytes missing when the part of the evidence reserve that locks do not use yet is kept free, too."""
        return max(0, self.headroom + max(0, self.evidence - beyond) - space.free)

    def urgent(self, space: Space) -> int:
        """Bytes missing for recording to go on."""
        return max(0, self.headroom - space.free)
