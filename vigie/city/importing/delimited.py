"""Read lists saved as text: any delimiter, any usual encoding; what had to be guessed is said."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Final

from charset_normalizer import from_bytes

from vigie.city.importing.tables import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    MAX_ROWS,
    Table,
    TableRow,
    UnreadableError,
    plain,
)

DELIMITERS: Final = {";": "semicolons", ",": "commas", "\t": "tabs", "|": "bars"}
MAX_LINE_CHARACTERS: Final = 1_000_000
SAMPLE_LINES: Final = 200
# Longest first: the mark of UTF-32 begins with that of UTF-16.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What Excel writes as "CSV" on machines set to French, English or Arabic, and what older systems export.
_LEGACY: Final = ["cp1252", "cp1256", "latin_1", "iso8859_6"]


def read_delimited(name: str, raw: bytes, encoding: str = "", delimiter: str = "") -> Table:
    """The rows of a text file. ``encoding`` and ``delimiter`` end the guessing. Raises ``UnreadableError``."""
    text, assumed = decode(name, raw, encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    _bounded(name, text)
    first, rest = text.split("\n", 1) if "\n" in text else (text, "")
    skipped = 0
    if first.lower().startswith("sep=") and len(first) == 5:  # Excel's own way to name the delimiter
        delimiter, text, skipped = delimiter or first[4], rest, 1
    if not delimiter:
        delimiter = sniff(text)
        assumed.append(f"cells are separated by {DELIMITERS[delimiter]}")
    return Table(name, tuple(_rows(name, text, delimiter, skipped)), tuple(assumed))


def decode(name: str, raw: bytes, encoding: str = "") -> tuple[str, list[str]]:
    """The text of ``raw``, and what was assumed to read it. Raises ``UnreadableError``."""
    marked = next((found for mark, found in _MARKS if raw.startswith(mark)), "")
    chosen = encoding or marked or _unmarked(raw)
    try:
        text = raw.decode(chosen)
    except (UnicodeError, LookupError) as error:
        raise UnreadableError(name, f"cannot be read as {chosen}: {error}", "save it as 'CSV UTF-8'") from error
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise UnreadableError(name, "holds NUL characters: it is no text", "save the list as .xlsx or as 'CSV UTF-8'")
    return text, [] if encoding or marked or chosen == "utf-8" else [f"the text is {chosen}"]


def _unmarked(raw: bytes) -> str:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if b"\0" not in raw:
            return "utf-8"
    # Text of two bytes a letter without a mark: every other byte of its digits, delimiters and line ends is zero.
    even, odd = raw[0::2].count(0), raw[1::2].count(0)
    if max(even, odd) > len(raw) // 8:
        return "utf-16-be" if even > odd else "utf-16-le"
    best = from_bytes(raw[:100_000], cp_isolation=_LEGACY).best()
    return best.encoding if best else "cp1252"


def sniff(text: str) -> str:
    """The delimiter that cuts most lines into the same number of cells, and into most of them."""
    lines = [line for line in text.split("\n", SAMPLE_LINES)[:SAMPLE_LINES] if line.strip()]

    def regular(delimiter: str) -> tuple[float, int]:
        widths = Counter(len(cells) for cells in csv.reader(lines, delimiter=delimiter) if len(cells) > 1)
        if not widths:
            return 0.0, 0
        width, count = max(widths.items(), key=lambda item: (item[1] * item[0], item[0]))
        return count * (width - 1) ** 0.5, width

    return max(DELIMITERS, key=regular)


def _bounded(name: str, text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise UnreadableError(f"{name}:{number}", f"line of {len(line)} characters", "one camera a line")


def _rows(name: str, text: str, delimiter: str, skipped: int) -> Iterator[TableRow]:
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except (TypeError, ValueError) as error:
        raise UnreadableError(name, f"{delimiter!r} separates no cells", "one character, such as ';'") from error
    begins, filled = skipped + 1, 0
    try:
        for cells in reader:
            row = TableRow(begins, tuple(plain(cell) for cell in cells[:MAX_COLUMNS]))
            begins = reader.line_num + skipped + 1  # a quoted cell may span lines
            if not row.filled:
                continue
            filled += 1
            if filled > MAX_ROWS:
                raise UnreadableError(name, f"more than {MAX_ROWS} rows", "split the list")
            if max(map(len, row.cells)) > MAX_CELL_CHARACTERS:
                raise UnreadableError(f"{name}:{row.number}", "a cell that runs over pages", "close the quote in it")
            yield row
    except csv.Error as error:
        raise UnreadableError(
            f"{name}:{begins}", f"not valid CSV: {error}", "check the quotes from there on"
        ) from error
