"""Find the headings of a list and what its columns mean: by their words, and by what their cells look like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from vigie.city.importing.fields import NAMES, is_secret, likeness, words
from vigie.city.importing.tables import Table, TableRow, UnreadableError, letter
from vigie.city.importing.values import address, codec, mac, reader, resolution

MAX_HEADING_ROW: Final = 60  # titles, logos and addressees stand above a list, not pages of them
SURE: Final = 0.85
LIKELY: Final = 0.55
SAMPLES: Final = 50
# Fields whose cells tell by themselves what they are, whatever the heading says.
_TELLING: Final[dict[str, Callable[[str], object]]] = {
    "address": address,
    "mac": mac,
    "resolution": resolution,
    "codec": codec,
}
_CHECKED: Final = (*_TELLING, "channel", "channels", "latitude", "longitude", "fps", "bitrate")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: its place from 0, its heading as it is named in a mapping, and some of its cells."""

    place: int
    heading: str
    samples: tuple[str, ...]

    @property
    def letter(self) -> str:
        return letter(self.place)

    @property
    def secret(self) -> bool:
        return is_secret(self.heading)


@dataclass(frozen=True, slots=True)
class Headed:
    """A list whose headings are known; ``heading_row`` is 0 where columns are named by their letters."""

    table: Table
    heading_row: int
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]

    def column(self, heading: str) -> Column | None:
        """The column under ``heading``; capitals, accents and spaces of it may differ."""
        alike = (column for column in self.columns if words(column.heading) == words(heading))
        return next((column for column in self.columns if column.heading == heading), next(alike, None))


def headed(table: Table, heading_row: int | None = None) -> Headed:
    """``table`` with its headings: in ``heading_row``, or where most of them are recognised. Raises ``UnreadableError``."""
    where = f"{table.name}, sheet {table.sheet!r}" if table.sheet else table.name
    if not table.rows:
        raise UnreadableError(where, "holds no rows", "give the list itself")
    number = find_heading_row(table) if heading_row is None else heading_row
    if number is None:
        seen = "; ".join(" | ".join(cell for cell in row.cells if cell)[:60] for row in table.rows[:3])
        raise UnreadableError(
            where,
            f"no row of headings was recognised; it begins: {seen}",
            "set table.heading_row in the mapping (0: the list has no headings and columns go by their letters)",
        )
    if number and not any(row.number == number for row in table.rows):
        raise UnreadableError(where, f"row {number} is empty", "set table.heading_row to the row of the headings")
    rows = tuple(row for row in table.rows if row.number > number)
    names = _headings(table, number)
    columns = tuple(
        Column(place, name, samples(rows, place)) for place, name in enumerate(names) if name or samples(rows, place)
    )
    return Headed(table, number, columns, rows)


def find_heading_row(table: Table) -> int | None:
    """The number of the row, among the first, in which most headings are recognised; ``None`` for fewer than two."""
    best, most = None, 1
    for row in table.rows:
        if row.number > MAX_HEADING_ROW:
            break
        count = recognised(row)
        if count > most:
            best, most = row.number, count
    return best


def recognised(row: TableRow) -> int:
    """How many different fields the cells of ``row`` name."""
    cells = {cell for cell in row.cells if cell and len(cell) <= 60}
    return sum(1 for field in NAMES if any(likeness(cell, field) >= SURE for cell in cells))


def _headings(table: Table, number: int) -> list[str]:
    """The name of every column: its heading; the one above where its own cell is empty; both where one is not enough."""
    if not number:
        return [letter(place) for place in range(table.width)]
    row = next(row for row in table.rows if row.number == number)
    above = next((other for other in table.rows if other.number == number - 1), None)
    alone = [row.cell(place) or (above.cell(place) if above else "") for place in range(table.width)]
    names: list[str] = []
    for place, name in enumerate(alone):
        group = above.cell(place) if above else ""
        full = f"{group} / {name}" if group and group != name and alone.count(name) > 1 else name
        names.append(f"{full} ({letter(place)})" if full and full in names else full)
    return names


def samples(rows: Iterable[TableRow], place: int) -> tuple[str, ...]:
    """The first different cells of the column ``place``, up to ``SAMPLES``."""
    found: dict[str, None] = {}
    for row in rows:
        if cell := row.cell(place):
            found.setdefault(cell)
            if len(found) == SAMPLES:
                break
    return tuple(found)


def propose(columns: Sequence[Column]) -> dict[str, str]:
    """Field -> heading, each used once, the surest pairs first; columns of passwords are left alone."""
    if columns and {column.heading for column in columns} <= set(NAMES):
        return {column.heading: column.heading for column in columns}  # the list speaks our words: a search's does
    told = {column.place: _told(column) for column in columns}
    pairs = sorted(
        (
            (_score(column, field, told[column.place]), -NAMES.index(field), -column.place)
            for column in columns
            if not column.secret
            for field in NAMES
        ),
        reverse=True,
    )
    by_place = {column.place: column for column in columns}
    chosen: dict[str, Column] = {}
    for score, order, place in pairs:
        field, column = NAMES[-order], by_place[-place]
        if score >= LIKELY and field not in chosen and column not in chosen.values():
            chosen[field] = column
    if "name" not in chosen and "description" in chosen:
        chosen["name"] = chosen.pop("description")  # the words for a camera are then its only name
    return {field: chosen[field].heading for field in NAMES if field in chosen}


def _score(column: Column, field: str, told: str | None) -> float:
    """Words count first. Cells that tell what they are (``told``) speak for that field and against every other; so do
    cells of another kind than the field's."""
    score = likeness(column.heading, field)
    if told is not None and (field, told) != ("serial", "mac"):  # some makers number their devices by MAC address
        return score + (0.6 if field == told else -0.6)
    if field in _CHECKED and len(column.samples) > 2 and _fitting(column, field) < 0.2:
        return score - 0.6
    return score


def _told(column: Column) -> str | None:
    """The field that most cells of ``column`` belong to by their form alone."""
    return next((field for field in _TELLING if column.samples and _fitting(column, field) >= 0.6), None)


def _fitting(column: Column, field: str) -> float:
    read = reader(field, column.heading)
    return sum(1 for sample in column.samples if _reads(read, sample)) / len(column.samples)


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
