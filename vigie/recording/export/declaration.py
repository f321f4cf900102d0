"""What an export says of the time it was asked for: what it shows, and what it does not and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vigie.recording.ledger.interval import Interval, Intervals, intersect, longer, seconds, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.merge import Holding, merge

_WORDS: Final[Mapping[str, str]] = {
    "ceiling": "erased: past the ceiling of its retention",
    "pressure": "erased: the disk was full",
    "left_plan": "erased: the camera left the plan",
}
_STORE: Final = "recordings"  # deletions elsewhere are of copies


@dataclass(frozen=True, slots=True)
class Gap:
    """Time of which no recorder holds footage; ``cause`` in words where a journal knows one."""

    interval: Interval
    cause: str | None


@dataclass(frozen=True, slots=True)
class Cause:
    """What a recorder's journal says of a stretch of time."""

    interval: Interval
    words: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """The asked window in disjoint sets. ``unfinished`` is recorded, in segments that were still being written or that could
    not be read; ``silent`` are the recorders that did not answer."""

    window: Interval
    covered: Intervals
    gaps: tuple[Gap, ...]
    unreachable: Intervals
    unknown: Intervals
    unfinished: Intervals
    silent: tuple[str, ...]


def declare(
    window: Interval, shown: Iterable[Interval], holdings: Sequence[Holding], causes: Iterable[Cause] = ()
) -> Declaration:
    """``shown`` is what the exported segments hold; absences within `GAP_SECONDS` are none."""
    covered = intersect(union(shown, GAP_SECONDS), (window,))
    merged = merge(window, holdings)
    left = subtract((window,), covered)
    unreachable = intersect(left, merged.unreachable)
    unknown = intersect(left, merged.unknown)
    # The ledger's ends are right to two seconds: less than that beside a segment is its rounding, not footage.
    unfinished = longer(intersect(left, merged.recorded), GAP_SECONDS)
    missing = longer(subtract(left, (*unreachable, *unknown, *unfinished)), GAP_SECONDS)
    known = tuple(causes)
    gaps = tuple(Gap(gap, _cause(gap, known)) for gap in missing)
    return Declaration(window, covered, gaps, unreachable, unknown, unfinished, merged.silent)


def _cause(gap: Interval, causes: Sequence[Cause]) -> str | None:
    """The cause that explains most of a gap."""
    weighed = [(seconds(intersect((gap,), (cause.interval,))), cause.words) for cause in causes]
    weight, words = max(weighed, default=(0.0, ""))
    return words if weight > 0 else None


def causes_in(entries: Iterable[Mapping[str, Any]], camera: str) -> list[Cause]:
    """What entries of a journal (docs/how-to/keep-and-erase.md) say about missing footage of ``camera``.

    Entries that say nothing of the kind, or not in the shape that is known here, are passed over.
    """
    found = []
    for entry in entries:
        body = entry.get("body") or {}
        if body.get("camera") != camera or entry.get("kind") not in {"deletion", "gap_cause"}:
            continue
        if body.get("store", _STORE) != _STORE:
            continue
        said = str(body.get("cause") or body.get("reason") or "")
        try:
            interval = Interval(float(body["from"]), float(body["to"]))
        except (KeyError, TypeError, ValueError):
            continue
        if said:
            found.append(Cause(interval, _WORDS.get(said, said) if entry["kind"] == "deletion" else said))
    return found
