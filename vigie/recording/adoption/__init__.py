"""Footage that recorders in service left, taken over by name: what each file is, and where it belongs in our layout.

``pattern``, ``clock`` and ``assign`` are pure; ``move`` renames and keeps a journal; ``handover`` lets the old recorder
go once ours is seen to record.
"""

from vigie.recording.adoption.assign import Adoption, Found, Move, Unknown, assign
from vigie.recording.adoption.pattern import Pattern, PatternError

__all__ = ["Adoption", "Found", "Move", "Pattern", "PatternError", "Unknown", "assign"]
