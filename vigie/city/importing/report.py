"""What an import understood, what it did not, and what would mend that: for people, for machines, as a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from vigie.city.importing.tables import harmless

# refused: the row is not in the city; note: it is, and this is worth knowing; skipped: it is no camera.
Outcome = Literal["refused", "note", "skipped"]
REPORT_COLUMNS: Final = ("row", "column", "heading", "outcome", "value", "message", "fix")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing about one cell or row (``column`` empty). ``row`` counts as the spreadsheet shows it; 0 is the list."""

    row: int
    column: str
    heading: str
    outcome: Outcome
    value: str
    message: str
    fix: str

    def __str__(self) -> str:
        where = f"row {self.row}" if self.row else "the list"
        place = f"{where}, column {self.column} ({self.heading})" if self.column else where
        return f"{place}: {self.message}" + (f"\n  fix: {self.fix}" if self.fix else "")


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """What the import does to one row of the city; ``what`` names changed fields as ``field: before -> after``."""

    kind: Literal["added", "changed", "vanished", "deleted"]
    file: str
    id: str
    row: int
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything an import has to say. Every row of the list is in exactly one of ``understood``, ``refused`` and
    ``skipped``."""

    list_name: str
    sheet: str
    heading_row: int
    assumed: tuple[str, ...]
    columns: tuple[tuple[str, str, str, tuple[str, ...]], ...]  # field, column letter, heading, samples
    unused: tuple[tuple[str, str], ...]  # column letter, heading
    rows: int
    understood: int
    refused: int
    skipped: int
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]

    @property
    def complete(self) -> bool:
        """Whether every row that describes a camera is understood and none vanished unnoticed."""
        return not self.refused

    def counts(self) -> dict[str, int]:
        """Changes by kind and file, as ``cameras added``."""
        names = {"cameras.csv": "cameras", "encoders.csv": "encoders"}
        return dict(Counter(f"{names.get(change.file, change.file)} {change.kind}" for change in self.changes))

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"counts": self.counts(), "complete": self.complete}


def report_csv(findings: Iterable[Finding]) -> str:
    """Findings as CSV with a byte order mark, so that Excel reads accents; no cell is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(REPORT_COLUMNS)
    for finding in findings:
        writer.writerow([harmless(str(getattr(finding, name))) for name in REPORT_COLUMNS])
    return "\ufeff" + text.getvalue()
