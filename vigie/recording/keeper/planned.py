"""Which camera was planned when, and by which floor and ceiling: the journal's answer to a question years later."""

from __future__ import annotations

from collections.abc import Mapping

from vigie.recording.journal import Journal
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
