"""The keeper's state as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporters.retention.books import RECORDINGS, KeeperState
from exporters.web import Families
from vigie.metrics import families as m
from vigie.metrics.reasons import EarlyReason, HoldReason
from vigie.metrics.thresholds import KEEPER_STALE


def is_fresh(keeper: KeeperState, now: float) -> bool:
    """Whether the keeper has looked at the recordings lately, so that its word stands."""
    report = keeper.stores.get(RECORDINGS)
    return report is not None and abs(now - report["at"]) <= KEEPER_STALE.value and not _failed(report)


def add(found: Families, keeper: KeeperState | None) -> None:
    """All of it; for a keeper that does not answer that it does not, and nothing else."""
    found.add(m.KEEPER_UP, keeper is not None)
    if keeper is None:
        return
    found.add(m.KEEPER_JOURNAL, keeper.journal)
    found.add(m.EVIDENCE_LOCKS, keeper.locks)
    for store, report in keeper.stores.items():
        _add_store(found, store, report)
    recordings = keeper.stores.get(RECORDINGS)
    if recordings is None or _failed(recordings):
        return
    found.add(m.KEEPER_CLOCK, not recordings["clock"])
    found.add(m.EVIDENCE_BYTES, recordings["weight"]["size"])
    found.add(m.EVIDENCE_BEYOND, recordings["weight"]["beyond"])


def _add_store(found: Families, store: str, report: Mapping[str, Any]) -> None:
    counters = report["counters"]
    found.add(m.KEEPER_PASS, report["at"], store=store)
    found.add(m.KEEPER_PASS_DURATION, report["duration"], store=store)
    found.add(m.KEEPER_ERASED, counters["erased"], store=store)
    found.add(m.KEEPER_ERASED_BYTES, counters["erased_bytes"], store=store)
    below = counters["below_floor"]
    found.add(m.KEEPER_EARLY, counters["early"] - below, store=store, reason=EarlyReason.ROOM)
    found.add(m.KEEPER_EARLY, below, store=store, reason=EarlyReason.BELOW_FLOOR)
    found.add(m.KEEPER_FAILED, counters["failed"], store=store)
    found.add(m.KEEPER_QUARANTINED, counters["quarantined"], store=store)
    for reason in HoldReason:
        found.add(m.KEEPER_HOLDS, report["held"][reason], store=store, reason=reason)
    if not _failed(report):
        overdue = report["overdue"].values()
        found.add(m.KEEPER_OVERDUE, sum(late["count"] for late in overdue), store=store)
        found.add(m.KEEPER_OVERDUE_BYTES, sum(late["size"] for late in overdue), store=store)
        found.add(m.KEEPER_OVERDUE_SECONDS, max((late["seconds"] for late in overdue), default=0), store=store)
        found.add(m.KEEPER_SHORT, report["short_of"], store=store)


def _failed(report: Mapping[str, Any]) -> bool:
    """Whether the pass ended before it had looked: what it did not find is not known to be absent."""
    return bool(report["held"][HoldReason.KEEPER])
