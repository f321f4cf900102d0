"""What a disk cannot tell: locks, deletions, causes of gaps, planned days, takeovers. Never rebuilt, never rewritten."""

from __future__ import annotations

from vigie.recording.journal.entry import GENESIS, KINDS, Entry, Kind, Position, canonical
from vigie.recording.journal.journal import PART_BYTES, Cursor, Journal, JournalError, Verification

__all__ = [
    "GENESIS",
    "KINDS",
    "PART_BYTES",
    "Cursor",
    "Entry",
    "Journal",
    "JournalError",
    "Kind",
    "Position",
    "Verification",
    "canonical",
]
