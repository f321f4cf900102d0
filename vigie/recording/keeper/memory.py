"""What a keeper must remember across restarts, in one small file that is replaced whole.

Before anything is erased the intent is written here: after a crash it tells what was erased and not yet counted.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from vigie.recording.journal.parts import fsync_directory
from vigie.recording.keeper.clock import Anchor
from vigie.recording.keeper.rules import Erasure, Item, Reason

_LOG: Final = logging.getLogger(__name__)
FORMAT: Final = 1


@dataclass(slots=True)
class Tally:
    """What was erased of one camera and day for one reason, not yet in the journal. ``begun`` is when the first went."""

    camera: str
    day: str
    reason: Reason
    start: float
    end: float
    segments: int
    size: int
    begun: float

    def add(self, item: Item) -> None:
        self.start, self.end = min(self.start, item.start), max(self.end, item.end)
        self.segments += 1
        self.size += item.size

    def body(self, store: str) -> dict[str, Any]:
        """The body of its journal entry."""
        return {
            "store": store,
            "camera": self.camera,
            "day": self.day,
            "from": self.start,
            "to": self.end,
            "segments": self.segments,
            "bytes": self.size,
            "reason": self.reason,
        }


@dataclass(slots=True)
class Counters:
    """Since the keeper's first start: items and bytes erased by age, by pressure, below the floor; failed erasures."""

    erased: int = 0
    erased_bytes: int = 0
    early: int = 0
    early_bytes: int = 0
    early_seconds: float = 0.0
    below_floor: int = 0
    below_floor_bytes: int = 0
    failed: int = 0
    quarantined: int = 0


@dataclass(slots=True)
class Memory:
    """The whole of it. ``elapsed`` and ``boot`` tell how much monotonic time passed since the last pass."""

    anchor: Anchor | None = None
    allowances: dict[str, float] = field(default_factory=dict)
    elapsed: float | None = None
    boot: str = ""
    tallies: list[Tally] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)
    intent: list[Erasure] = field(default_factory=list)
    holds: dict[str, str] = field(default_factory=dict)
    pressure: str = ""
    pressed: float = 0.0  # when anything last went early
    swept: float = 0.0  # days before this instant were searched for broken files
    journal_sequence: int = 0  # entries after it may hold tallies that this file still has


def load(path: Path) -> Memory:
    """What ``path`` holds; an empty memory where there is none or it cannot be understood (said in the log)."""
    try:
        return _memory(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Memory()
    except (ValueError, TypeError, KeyError) as error:
        _LOG.error("%s cannot be read (%s): counters start anew, locks and journal are not touched", path, error)
        return Memory()


def save(memory: Memory, path: Path) -> None:
    """Replaces ``path`` whole and durably. Raises ``OSError``."""
    text = json.dumps({"format": FORMAT, **asdict(memory)}, separators=(",", ":"))
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    fsync_directory(path.parent)


def _memory(value: dict[str, Any]) -> Memory:
    if value.pop("format") != FORMAT:
        raise ValueError("another format")
    value["anchor"] = Anchor(**value["anchor"]) if value["anchor"] else None
    value["tallies"] = [Tally(**tally) for tally in value["tallies"]]
    value["counters"] = Counters(**value["counters"])
    value["intent"] = [_erasure(erasure) for erasure in value["intent"]]
    return Memory(**value)


def _erasure(value: dict[str, Any]) -> Erasure:
    item = {**value["item"], "key": tuple(value["item"]["key"])}
    return Erasure(Item(**item), value["reason"], value["below_floor"])
