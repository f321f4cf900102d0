"""What a pass found and did: the ground of metrics and alerts."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from vigie.metrics.reasons import HoldReason
from vigie.recording.keeper.evidence import Weight
from vigie.recording.keeper.holds import hold_reason
from vigie.recording.keeper.memory import Counters
from vigie.recording.keeper.rules import Overdue
from vigie.recording.keeper.tree import Space


@dataclass(slots=True)
class Report:
    """The last pass over one store. ``at`` is Unix seconds, ``duration`` seconds; ``clock`` and ``agreed`` are empty when
    the clock is trusted, and when its sources agree; ``holds`` names cameras, or ``*`` for the whole store;
    ``short_of`` is bytes that recording needs and nothing may give."""

    store: str
    at: float
    duration: float = 0.0
    clock: str = ""
    agreed: str = ""
    holds: dict[str, str] = field(default_factory=dict)
    overdue: dict[str, Overdue] = field(default_factory=dict)
    pressure: str = ""
    short_of: int = 0
    weight: Weight = field(default_factory=Weight)
    quarantined: int = 0
    strangers: int = 0
    space: Space = field(default_factory=lambda: Space(0, 0, read_only=False))
    counters: Counters = field(default_factory=Counters)

    @property
    def overdue_count(self) -> int:
        return sum(overdue.count for overdue in self.overdue.values())

    def as_json(self) -> dict[str, Any]:
        """Plain values; ``held`` counts ``holds`` by class."""
        held = Counter(hold_reason(words) for words in self.holds.values())
        return {**asdict(self), "held": {str(reason): held[reason] for reason in HoldReason}}
