"""The ledger of intervals: what is recorded, per camera. The disk is the truth; the ledger is fed while segments grow,
compared with the disk in the background, and rebuilt from the disk at any time.

What a disk cannot tell (locks, deletions, causes) is in the journal, `vigie.recording.journal`.
"""

from __future__ import annotations

from vigie.recording.ledger.interval import Interval
from vigie.recording.ledger.store import CameraSummary, IntervalStore

__all__ = ["CameraSummary", "Interval", "IntervalStore"]
