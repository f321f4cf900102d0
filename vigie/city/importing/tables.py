"""A list of cameras as it was read, before anything is understood: text in rows and columns, and what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

MAX_FILE_BYTES: Final = 64 * 2**20
MAX_UNPACKED_BYTES: Final = 256 * 2**20  # of a workbook, which is a zip archive: a bomb is refused before it is opened
MAX_ROWS: Final = 200_000  # filled ones; twice the largest contract
MAX_COLUMNS: Final = 256
MAX_CELL_CHARACTERS: Final = 32_767  # the limit of Excel
MAX_EMPTY_ROWS: Final = 10_000  # formatted but empty rows run to the sheet's last; nobody's list goes on below so many

# Why a cell is not the plain text that it looks like.
Oddity = Literal["date", "formula", "error"]


class UnreadableError(Exception):
    """A list that cannot be read at all: ``where`` (file, line or sheet), what is wrong, and what would mend it."""

    def __init__(self, where: str, message: str, fix: str) -> None:
        self.where, self.message, self.fix = where, message, fix
        super().__init__(f"{where}: {message}\n  fix: {fix}")


@dataclass(frozen=True, slots=True)
class TableRow:
    """``number`` counts as the spreadsheet shows it, from 1; a cell that is empty or only spaces is ``""``."""

    number: int
    cells: tuple[str, ...]
    odd: dict[int, Oddity] = field(default_factory=dict)

    def cell(self, column: int) -> str:
        """The text in ``column`` (from 0); empty beyond the row's end."""
        return self.cells[column] if 0 <= column < len(self.cells) else ""

    @property
    def filled(self) -> int:
        return sum(1 for cell in self.cells if cell)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one sheet that hold anything. ``assumed`` says in words what reading it had to assume."""

    name: str
    rows: tuple[TableRow, ...]
    assumed: tuple[str, ...] = ()
    sheet: str = ""

    @property
    def width(self) -> int:
        return max((len(row.cells) for row in self.rows), default=0)


def letter(column: int) -> str:
    """The name of ``column`` (from 0) as spreadsheets show it: ``A``, ``Z``, ``AA``."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def plain(text: str) -> str:
    """``text`` on one line, without control characters and outer or doubled spaces (also no-break ones)."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text.replace("\u00a0", " ")).split())


def harmless(text: str) -> str:
    """``text`` so that no spreadsheet program takes it for a formula when it opens the file that it is written to.

    Source: OWASP, "CSV Injection".
    """
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
