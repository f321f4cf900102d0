"""The file that a list comes in: which kind it is, and which of its sheets is the list."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from vigie.city.importing.delimited import read_delimited
from vigie.city.importing.discovery import read_discovery
from vigie.city.importing.mapping import TableSettings
from vigie.city.importing.recognition import Headed, find_heading_row, headed, recognised
from vigie.city.importing.tables import MAX_FILE_BYTES, Table, UnreadableError
from vigie.city.importing.workbook import read_workbook

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"  # workbooks of Excel before 2007, and ones that are locked with a password
_ODS: Final = b"mimetypeapplication/vnd.oasis.opendocument"


def read_bytes(path: Path) -> bytes:
    """The content of ``path``. Raises ``UnreadableError``."""
    try:
        if not path.is_file():
            raise UnreadableError(
                str(path), "is no file", "give a spreadsheet (.xlsx, .csv) or a discovery result (.json)"
            )
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UnreadableError(path.name, f"is larger than {MAX_FILE_BYTES // 2**20} MiB", "split the list")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableError(
            str(path), f"cannot be read: {error.strerror}", "check its name and its rights"
        ) from error


def is_discovery(name: str, raw: bytes) -> bool:
    """Whether ``raw`` is JSON: what a search of the network wrote."""
    return raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{" or name.lower().endswith(".json")


def read_list(name: str, raw: bytes, settings: TableSettings) -> Headed:
    """The list in ``raw``, by its content and not by its name. Raises ``UnreadableError``."""
    if not raw.strip():
        raise UnreadableError(name, "is empty", "give the list itself")
    if is_discovery(name, raw):
        return read_discovery(name, raw)
    if raw.startswith(_OLE):
        raise UnreadableError(
            name, "is an old (.xls) or locked workbook", "open it and save it as .xlsx, without a password"
        )
    if raw.startswith(_ZIP):
        if _ODS in raw[:200]:
            raise UnreadableError(name, "is an OpenDocument file", "save it as .xlsx or as 'CSV UTF-8'")
        return headed(_chosen(name, read_workbook(name, raw), settings), settings.heading_row)
    return headed(read_delimited(name, raw, settings.encoding or "", settings.delimiter or ""), settings.heading_row)


def _chosen(name: str, sheets: tuple[Table, ...], settings: TableSettings) -> Table:
    """The sheet that is asked for, else the one in which most headings are recognised; the first of equals."""
    if not sheets:
        raise UnreadableError(name, "holds no rows", "give the list itself")
    titles = ", ".join(repr(sheet.sheet) for sheet in sheets)
    if settings.sheet is not None:
        found = next((sheet for sheet in sheets if sheet.sheet == settings.sheet), None)
        if found is None:
            raise UnreadableError(name, f"has no sheet {settings.sheet!r} that holds rows", f"use one of {titles}")
        return found
    best = max(sheets, key=_headings)
    if len(sheets) == 1:
        return best
    others = ", ".join(f"{sheet.sheet!r} ({len(sheet.rows)} rows)" for sheet in sheets if sheet is not best)
    return Table(
        best.name, best.rows, (*best.assumed, f"the list is sheet {best.sheet!r}; not read: {others}"), best.sheet
    )


def _headings(sheet: Table) -> int:
    number = find_heading_row(sheet)
    return next((recognised(row) for row in sheet.rows if row.number == number), 0)
