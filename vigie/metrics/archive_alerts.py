"""Alerts on the promises of the archive, and on the keeper and the ledger that keep them."""

from __future__ import annotations

from typing import Final

from vigie.metrics import families as m
from vigie.metrics import thresholds as t
from vigie.metrics.model import Alert, Severity
from vigie.metrics.reasons import EarlyReason, HoldReason

_OF_CAMERA: Final = "{{ $labels.camera }} at {{ $labels.site }}"

RETENTION_ALERTS: Final = (
    Alert(
        "VigieFloorBroken",
        f"{m.RETENTION_FLOOR} == 0",
        "30s",
        Severity.CRITICAL,
        f"Footage of camera {_OF_CAMERA} is gone before its time",
        "It was recorded, is younger than the floor, and is on the disk no more. A gap in recording is not this.",
        "retention-floor-broken",
    ),
    Alert(
        "VigieCeilingBroken",
        f"count by (instance) ({m.RETENTION_CEILING} == 0) > 0",
        "5m",
        Severity.CRITICAL,
        "Footage of {{ $value }} cameras on {{ $labels.instance }} is kept longer than the law allows",
        "It is past the ceiling, no lock keeps it, and the keeper did not erase it.",
        "retention-ceiling-broken",
    ),
    Alert(
        "VigieErasureOverdue",
        f"{m.KEEPER_OVERDUE_SECONDS} > {t.CEILING_GRACE}",
        "5m",
        Severity.CRITICAL,
        "Erasure in store {{ $labels.store }} on {{ $labels.instance }} is late by {{ $value | humanizeDuration }}",
        "What should have been erased is still there: the keeper is held, or does not come through with its work.",
        "erasure-overdue",
    ),
    Alert(
        "VigieCoverageLow",
        f"{m.RETENTION_COVERAGE.where(window='hour')} < {t.COVERAGE_LOW}",
        "1m",
        Severity.WARNING,
        f"Of the last hour of camera {_OF_CAMERA} {{{{ $value | humanizePercentage }}}} is recorded",
        "Footage was lost within the last hour, by the ledger's word; that it records again now does not bring it back.",
        "coverage-low",
    ),
)
KEEPER_ALERTS: Final = (
    Alert(
        "VigieKeeperDown",
        f"{m.KEEPER_UP} == 0",
        "1m",
        Severity.CRITICAL,
        "The keeper on {{ $labels.instance }} does not answer",
        "Nothing is erased in time and no evidence can be locked while it is away; nothing is erased early either.",
        "keeper-down",
    ),
    Alert(
        "VigieKeeperStale",
        f"time() - {m.KEEPER_PASS} > {t.KEEPER_STALE}",
        "30s",
        Severity.CRITICAL,
        "The keeper of store {{ $labels.store }} on {{ $labels.instance }} answers but makes no pass",
        "A pass hangs, often on a dead disk: nothing is erased there.",
        "keeper-stale",
    ),
    Alert(
        "VigieKeeperHolding",
        f'{m.KEEPER_HOLDS}{{reason!="{HoldReason.CLOCK}"}} > 0',
        "5m",
        Severity.WARNING,
        "The keeper of store {{ $labels.store }} on {{ $labels.instance }} holds erasure: {{ $labels.reason }}",
        "It erases nothing of the cameras held until the cause is gone.",
        "keeper-holding",
    ),
    Alert(
        "VigieKeeperClockUntrusted",
        f"{m.KEEPER_CLOCK} == 0",
        "5m",
        Severity.WARNING,
        "The keeper on {{ $labels.instance }} does not believe the clock",
        "A clock that jumped must not erase an archive: nothing is erased by age until time sources agree.",
        "keeper-clock",
    ),
    Alert(
        "VigieErasedEarly",
        f"increase({m.KEEPER_EARLY.where(reason=EarlyReason.BELOW_FLOOR)}[1h]) > 0",
        "5s",
        Severity.CRITICAL,
        "Store {{ $labels.store }} on {{ $labels.instance }} gave up footage below its floor",
        "The disk was full, and the city's written policy said what goes first.",
        "erased-early",
    ),
    Alert(
        "VigieErasedForRoom",
        f"increase({m.KEEPER_EARLY.where(reason=EarlyReason.ROOM)}[1h]) > 0",
        "5s",
        Severity.WARNING,
        "Store {{ $labels.store }} on {{ $labels.instance }} keeps less than its ceiling for want of room",
        "All of the floor is kept, but the disk holds less than the plan expected.",
        "erased-early",
    ),
    Alert(
        "VigieKeeperOutOfRoom",
        f"{m.KEEPER_SHORT} > 0",
        "30s",
        Severity.CRITICAL,
        "Recording on {{ $labels.instance }} needs {{ $value | humanize1024 }}B that nothing in {{ $labels.store }} may give",
        "All that is left is younger than the floor or locked: recording stops when the disk is full.",
        "keeper-out-of-room",
    ),
    Alert(
        "VigieEvidenceRoomNearlyUsed",
        f"{m.EVIDENCE_BEYOND} / ({m.EVIDENCE_ROOM} > 0) > {t.EVIDENCE_NEARLY_USED}",
        "5m",
        Severity.WARNING,
        "Locked evidence on {{ $labels.instance }} uses {{ $value | humanizePercentage }} of the room reserved for it",
        "What goes beyond it takes the room of footage within its retention.",
        "evidence-room",
    ),
    Alert(
        "VigieLedgerDown",
        f"{m.LEDGER_UP} == 0",
        "1m",
        Severity.CRITICAL,
        "The ledger on {{ $labels.instance }} does not answer",
        "Nobody knows whether footage is complete. Recording itself goes on.",
        "ledger-down",
    ),
    Alert(
        "VigieLedgerLate",
        f"time() - {m.LEDGER_FED} > {t.LEDGER_LATE}",
        "30s",
        Severity.WARNING,
        "The ledger on {{ $labels.instance }} is late by {{ $value | humanizeDuration }}",
        "Its store cannot be written, or a look at the recordings hangs; coverage is withheld meanwhile.",
        "ledger-late",
    ),
)
