"""Which camera was planned when, and by which floor and ceiling: the journal's answer to a question years later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vigie.recording.journal import Entry, Journal
from vigie.recording.keeper.rules import Keeping


def note_planned(journal: Journal, keeping: Mapping[str, Keeping], now: float) -> int:
    """Writes an entry for each camera that joined, left, or is kept by other rules since the last time; returns how many.

    Body: ``camera``, ``from``, ``to`` (null while planned), ``floor_seconds``, ``ceiling_seconds``. Raises ``OSError``,
    ``JournalError``.
    """
    last: dict[str, dict[str, object]] = {}
    for entry in journal.entries({"planned_day"}):
        last[entry.body["camera"]] = dict(entry.body)
    bodies = []
    for camera in sorted(last.keys() | keeping.keys()):
        before, rule = last.get(camera), keeping.get(camera)
        open_before = before is not None and before["to"] is None
        if rule is None or not rule.planned:
            if before and open_before:
                bodies.append({**before, "to": now})
            continue
        rules = {"floor_seconds": rule.floor, "ceiling_seconds": rule.ceiling}
        if before and open_before and all(before[name] == value for name, value in rules.items()):
            continue
        if before and open_before:
            bodies.append({**before, "to": now})
        bodies.append({"camera": camera, "from": now, "to": None, **rules})
    for body in bodies:
        journal.append("planned_day", body, now)
    return len(bodies)


@dataclass(slots=True)
class _Stretch:
    since: float
    floor: float
    ended: float | None = None

    def enter(self, body: Mapping[str, Any]) -> None:
        """The same camera by new rules: what the old floor let go by then is not owed by the new one."""
        self.since = max(self.since, body["from"] - self.floor)
        self.floor, self.ended = body["floor_seconds"], None


def owed_since(entries: Iterable[Entry]) -> dict[str, float]:
    """From which instant on (Unix seconds) the archive owes footage of each camera that is planned now, however long its
    floor is: it was first planned then, came back then, or kept no more by the rules of that time.

    Reads entries of the kind ``planned_day``, oldest first.
    """
    found: dict[str, _Stretch] = {}
    for entry in entries:
        if entry.kind != "planned_day":
            continue
        body = entry.body
        stretch = found.get(body["camera"])
        if body["to"] is not None:
            if stretch is not None:
                stretch.ended = body["to"]
        elif stretch is None or stretch.ended != body["from"]:
            found[body["camera"]] = _Stretch(body["from"], body["floor_seconds"])
        else:
            stretch.enter(body)
    return {camera: stretch.since for camera, stretch in found.items() if stretch.ended is None}
