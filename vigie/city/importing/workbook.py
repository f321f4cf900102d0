"""Read Excel workbooks as streams of bounded size: values of formulas, merged cells filled, dates named as such."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries

from vigie.city.importing.tables import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    MAX_EMPTY_ROWS,
    MAX_ROWS,
    MAX_UNPACKED_BYTES,
    Oddity,
    Table,
    TableRow,
    UnreadableError,
    plain,
)

MAX_PARTS: Final = 5_000
MAX_MERGES: Final = 100_000
_MERGE_CELL: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}mergeCell"


@dataclass(frozen=True, slots=True)
class _Merge:
    """Cells shown as one; rows and columns count from 1, ends included."""

    top: int
    bottom: int
    left: int
    right: int


def read_workbook(name: str, raw: bytes) -> tuple[Table, ...]:
    """Every sheet that holds anything, in the workbook's order. Raises ``UnreadableError``."""
    _refuse_bombs(name, raw)
    try:
        return tuple(_sheets(name, raw))
    except UnreadableError:
        raise
    except DefusedXmlException as error:
        raise UnreadableError(name, "declares XML entities", "save it anew with Excel or LibreOffice") from error
    # openpyxl lets through whatever a broken part makes Python raise: its reader has no error of its own.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise UnreadableError(name, f"is no sound workbook ({reason})", "open it and save it anew as .xlsx") from error


def _refuse_bombs(name: str, raw: bytes) -> None:
    """The size that the archive declares is also the most that ``zipfile`` unpacks of it."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(raw)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise UnreadableError(name, "is no .xlsx workbook", "save it as .xlsx or as 'CSV UTF-8'") from error
    unpacked = sum(part.file_size for part in parts)
    if unpacked > MAX_UNPACKED_BYTES or len(parts) > MAX_PARTS:
        size = f"{unpacked // 2**20} MiB in {len(parts)} parts"
        raise UnreadableError(name, f"unpacks to {size}", "copy the list alone into a new workbook")


def _sheets(name: str, raw: bytes) -> Iterator[Table]:
    shown = load_workbook(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
    written = load_workbook(io.BytesIO(raw), read_only=True, data_only=False, keep_links=False)
    try:
        for sheet, formulas in zip(shown.worksheets, written.worksheets, strict=True):
            table = _sheet(name, sheet, formulas)
            if table.rows:
                yield table
    finally:
        shown.close()
        written.close()


def _sheet(name: str, sheet: Any, formulas: Any) -> Table:
    assumed: list[str] = []
    # What the sheet declares as its size may be wrong, or reach to the last of its million rows.
    for view in (sheet, formulas):
        view.reset_dimensions()
    rows: list[TableRow] = []
    empty = 0
    pairs = zip(_numbered(sheet), _numbered(formulas), strict=True)
    for (number, cells), (_, sources) in pairs:
        row = _row(number, cells, sources)
        if not row.filled and not row.odd:
            empty += 1
            if empty > MAX_EMPTY_ROWS:
                assumed.append(f"nothing was read below row {number}: {MAX_EMPTY_ROWS} rows above it are empty")
                break
            continue
        empty = 0
        rows.append(row)
        if len(rows) > MAX_ROWS:
            raise UnreadableError(f"{name}, sheet {sheet.title!r}", f"more than {MAX_ROWS} rows", "split the list")
    if sheet.sheet_state != "visible":
        assumed.append(f"sheet {sheet.title!r} is hidden")
    return Table(name, tuple(_merged(rows, _merges(sheet))), tuple(assumed), sheet.title)


def _numbered(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    return enumerate(sheet.iter_rows(), 1)


def _row(number: int, cells: tuple[Any, ...], sources: tuple[Any, ...]) -> TableRow:
    texts: list[str] = []
    odd: dict[int, Oddity] = {}
    for column, (cell, source) in enumerate(zip(cells[:MAX_COLUMNS], sources, strict=False)):
        text, oddity = _text(cell.value, cell.data_type, source.data_type)
        if len(text) > MAX_CELL_CHARACTERS:
            text = text[:MAX_CELL_CHARACTERS]
        texts.append(text)
        if oddity:
            odd[column] = oddity
    while texts and not texts[-1] and len(texts) - 1 not in odd:
        texts.pop()
    return TableRow(number, tuple(texts), odd)


def _text(value: Any, kind: str, source: str) -> tuple[str, Oddity | None]:
    """A cell as a person reads it, and what is odd about it."""
    if kind == "e":
        return plain(str(value)), "error"
    if value is None:
        return "", "formula" if source == "f" else None  # never calculated: written by a program, not by Excel
    if isinstance(value, bool):
        return ("true" if value else "false"), None
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat(), "date"
    if isinstance(value, date | time | timedelta):
        return str(value), "date"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value)), None
    return plain(str(value)), None


def _merges(sheet: Any) -> list[_Merge]:
    """The merged cells of a sheet; openpyxl does not read them from a stream, so the part is read once more."""
    found: list[_Merge] = []
    with sheet._get_source() as part:
        for _, element in iterparse(part):
            if element.tag == _MERGE_CELL and len(found) < MAX_MERGES:
                left, top, right, bottom = range_boundaries(element.get("ref", ""))
                if left and top and right and bottom:
                    found.append(_Merge(top, bottom, left, min(right, MAX_COLUMNS)))
            element.clear()
    return found


def _merged(rows: list[TableRow], merges: Iterable[_Merge]) -> Iterator[TableRow]:
    """Every cell of a merged area says what the area shows; empty rows stay away even below a merged cell."""
    filled = {row.number: list(row.cells) for row in rows}
    for merge in merges:
        top = filled.get(merge.top)
        if top is None or len(top) < merge.left or not top[merge.left - 1]:
            continue
        text = top[merge.left - 1]
        for number in filled if merge.bottom - merge.top > len(filled) else range(merge.top, merge.bottom + 1):
            cells = filled.get(number)
            if cells is None or not merge.top <= number <= merge.bottom:
                continue
            cells += [""] * (merge.right - len(cells))
            cells[merge.left - 1 : merge.right] = [text] * (merge.right - merge.left + 1)
    for row in rows:
        yield TableRow(row.number, tuple(filled[row.number]), row.odd)
