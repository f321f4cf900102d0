"""From rows of text to cameras as listed: each cell is read as what its column says, and what cannot be is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Final

from vigie.city.importing.fields import BY_NAME, words
from vigie.city.importing.mapping import FieldName, Mapping
from vigie.city.importing.recognition import Column, Headed
from vigie.city.importing.report import Finding, Outcome
from vigie.city.importing.tables import TableRow, UnreadableError
from vigie.city.importing.values import Read, reader, redacted

# A wrong cell of these makes a wrong camera, so the whole row waits until it is mended; of others only the cell is left.
ESSENTIAL: Final = frozenset(
    {
        "id",
        "name",
        "site",
        "address",
        "encoder",
        "channel",
        "profile",
        "model",
        "encoder_model",
        "resolution",
        "codec",
        "fps",
        "bitrate",
    }
)

NOTHING: Final = frozenset({"n a", "na", "neant", "nc", "none", "null", "sans objet", "so"})  # cells that say so


@dataclass(frozen=True, slots=True)
class Listed:
    """One camera or encoder as the list has it; ``None`` where the list says nothing."""

    row: int
    id: str | None = None
    name: str | None = None
    site: str | None = None
    lot: str | None = None
    district: str | None = None
    address: IPv4Address | None = None
    mac: str | None = None
    serial: str | None = None
    firmware: str | None = None
    vendor: str | None = None
    model: str | None = None
    encoder: str | None = None
    encoder_model: str | None = None
    channel: int | None = None
    channels: int | None = None
    profile: str | None = None
    resolution: tuple[int, int] | None = None
    codec: str | None = None
    fps: int | None = None
    bitrate: int | None = None
    description: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    recorder: str | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """``refused`` and ``skipped`` are row numbers; ``findings`` say why."""

    listed: tuple[Listed, ...]
    findings: tuple[Finding, ...]
    refused: frozenset[int]
    skipped: frozenset[int]


def understand(headed: Headed, mapping: Mapping, places: dict[FieldName, Column]) -> Understood:
    """Every row of a list as a camera, or why it is none. ``places``: field -> its column."""
    reading = _Reading(headed, mapping, places)
    for row in headed.rows:
        reading.row(row)
    return Understood(
        tuple(reading.listed), tuple(reading.findings), frozenset(reading.refused), frozenset(reading.skipped)
    )


class _Reading:
    def __init__(self, headed: Headed, mapping: Mapping, places: dict[FieldName, Column]) -> None:
        self.headed, self.mapping, self.places = headed, mapping, places
        self.readers: dict[FieldName, Callable[[str], Read]] = {
            field: reader(field, column.heading) for field, column in places.items()
        }
        self.defaults = default_values(mapping)
        self.above: dict[FieldName, str] = {}
        self.listed: list[Listed] = []
        self.findings: list[Finding] = []
        self.refused: set[int] = set()
        self.skipped: set[int] = set()

    def row(self, row: TableRow) -> None:
        if why := self._no_camera(row):
            self.skipped.add(row.number)
            shown = [row.cell(column.place) for column in self.headed.columns if not column.secret]
            said = redacted(" | ".join(filter(None, shown)))
            self.findings.append(Finding(row.number, "", "", "skipped", said, why, ""))
            return
        values: dict[str, Any] = {}
        for field in self.places:
            read = self._cell(row, field)
            if read is not None:
                values[field] = read
        if row.number in self.refused:
            return
        self.listed.append(Listed(row.number, **(self.defaults | values)))

    def _no_camera(self, row: TableRow) -> str:
        """Why a row is a title, a total or the headings once more; empty for one that can be a camera."""
        known = {cell for column in self.places.values() if (cell := row.cell(column.place))}
        distinct = {cell for cell in row.cells if cell}
        if not distinct and row.odd:
            return ""
        if not known and not any(column.place in row.odd for column in self.places.values()):
            return "no cell of a known column is filled"
        if len(distinct) == 1 and len(self.places) > 2 and not row.odd:
            return "only one thing is written there: a title, not a camera"
        same = sum(1 for column in self.places.values() if _same_heading(row.cell(column.place), column.heading))
        if same >= 2 and same >= len(known) - 1:
            return "the headings once more"
        if next(iter(cell for cell in row.cells if cell), "").lower().startswith(("total", "sous-total", "المجموع")):
            return "a total"
        return ""

    def _cell(self, row: TableRow, field: FieldName) -> object | None:
        column = self.places[field]
        text = row.cell(column.place)
        if field in self.mapping.table.fill_down:
            text = text or self.above.get(field, "")
            self.above[field] = text
        if problem := _oddity(row, column, field):
            self._say(row, field, text, *problem)
            return None
        if not words(text) or words(text) in NOTHING:
            return None
        try:
            read = self.readers[field](self.mapping.translated(field, text))
        except ValueError as error:
            message, _, fix = str(error).partition("; ")
            self._say(row, field, text, message, fix)
            return None
        if read.note:
            self._add(row, field, "note", text, read.note, "")
        return read.value

    def _say(self, row: TableRow, field: FieldName, text: str, message: str, fix: str) -> None:
        if field in ESSENTIAL:
            self.refused.add(row.number)
            self._add(row, field, "refused", text, message, fix)
        else:
            self._add(row, field, "note", text, f"{message}; the {field} was left out", fix)

    def _add(self, row: TableRow, field: FieldName, outcome: Outcome, text: str, message: str, fix: str) -> None:
        column = self.places[field]
        self.findings.append(Finding(row.number, column.letter, column.heading, outcome, redacted(text), message, fix))


def default_values(mapping: Mapping) -> dict[str, Any]:
    """The defaults of ``mapping`` that fill cells, read as cells are. That of ``profile`` waits until the settings of
    the stream have spoken. Raises ``UnreadableError`` naming the field."""
    values: dict[str, Any] = {}
    for field, text in mapping.defaults.items():
        if field in BY_NAME and field != "profile":
            try:
                values[field] = reader(field, "")(text).value
            except ValueError as error:
                message, _, fix = str(error).partition("; ")
                raise UnreadableError("the mapping", f"defaults.{field}: {message}", fix) from error
    return values


def _oddity(row: TableRow, column: Column, field: FieldName) -> tuple[str, str] | None:
    odd = row.odd.get(column.place)
    if odd == "error":
        return f"the formula there fails ({row.cell(column.place)})", "mend it, or type the value"
    if odd == "formula":
        return "a formula that was never calculated", "open the workbook in Excel or LibreOffice and save it"
    if odd == "date" and field not in {"description", "firmware"}:
        return (
            f"a date ({row.cell(column.place)})",
            "Excel took the text for a date: format the cell as text, type it anew",
        )
    return None


def _same_heading(cell: str, heading: str) -> bool:
    return bool(cell) and cell.casefold() == heading.casefold()


def located(headed: Headed, mapping: Mapping) -> dict[FieldName, Column]:
    """The column of every field that ``mapping`` names. Raises ``KeyError`` with a heading that the list has not."""
    places: dict[FieldName, Column] = {}
    for field, heading in mapping.columns.items():
        column = headed.column(heading)
        if column is None:
            raise KeyError(heading)
        places[field] = column
    return places
