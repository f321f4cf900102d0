"""Read ``city.yaml`` and the CSV files into plain values that remember their lines."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from vigie.city.errors import CityError, Problem

Location = tuple[str | int, ...]
MAX_FILE_BYTES: Final = 64 * 2**20
MAX_LINE_CHARACTERS: Final = 65_536
MAX_DEPTH: Final = 20


@dataclass(slots=True)
class Document:
    """A YAML file: plain values, and the line of each of them by its location."""

    file: str
    values: dict[str, Any]
    lines: dict[Location, int] = field(default_factory=dict)

    def line(self, location: Location) -> int:
        """The line of ``location`` or of its nearest parent that the file holds."""
        while location and location not in self.lines:
            location = location[:-1]
        return self.lines.get(location, 1)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a CSV file; empty cells are ``None``."""

    line: int
    cells: dict[str, str | None]


def read_text(path: Path) -> str:
    """The text of ``path``: UTF-8, with or without the byte order mark that Excel writes. Raises ``CityError``."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise CityError([_whole(path, f"larger than {MAX_FILE_BYTES // 2**20} MiB", "split the city")])
        raw = path.read_bytes()
    except OSError as error:
        raise CityError(
            [
                _whole(
                    path,
                    f"cannot be read: {error.strerror}",
                    "create it; `vigie plan --help` shows the files of a city",
                )
            ]
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise CityError(
            [Problem(path.name, line, "", "is not UTF-8 text", "save it as 'CSV UTF-8' or 'UTF-8'")]
        ) from error
    for number, content in enumerate(text.split("\n"), 1):
        if len(content) > MAX_LINE_CHARACTERS:
            raise CityError([Problem(path.name, number, "", f"line of {len(content)} characters", "one item a line")])
        if "\0" in content:
            raise CityError([Problem(path.name, number, "", "holds a NUL character", "save it as plain UTF-8 text")])
    return text


def read_yaml(path: Path) -> Document:
    """The mapping that ``path`` holds. Raises ``CityError`` for what is no plain YAML mapping."""
    text = read_text(path)
    try:
        _refuse_extras(path, text)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise CityError(
            [
                Problem(
                    path.name,
                    line,
                    "",
                    f"not valid YAML: {error.problem}",
                    "check indentation, colons and quotes there",
                )
            ]
        ) from error
    except yaml.YAMLError as error:
        raise CityError(
            [_whole(path, "not valid YAML", "remove control characters; save it as plain UTF-8 text")]
        ) from error
    if not isinstance(root, yaml.MappingNode):
        raise CityError([_whole(path, "is not a mapping", "start from inventories/demo/city.yaml")])
    document = Document(path.name, {})
    document.values = _value(document, root, ())
    return document


def read_csv(path: Path, columns: tuple[str, ...]) -> list[Row]:
    """The rows of ``path``, whose first line must name exactly ``columns`` in any order. Raises ``CityError``."""
    text = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    problems: list[Problem] = []
    after = 0
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header, columns)
        after = reader.line_num
        for cells in reader:
            line, after = after + 1, reader.line_num  # where the row begins: a quoted cell may span lines
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                problems.append(
                    Problem(
                        path.name,
                        line,
                        "",
                        f"{len(cells)} cells, the header has {len(header)}",
                        "quote cells that hold a comma; add the missing commas",
                    )
                )
                continue
            rows.append(Row(line, {name: cell.strip() or None for name, cell in zip(header, cells, strict=True)}))
    except csv.Error as error:
        problems.append(
            Problem(path.name, after + 1, "", f"not valid CSV: {error}", "check the quotes from that line on")
        )
    if problems:
        raise CityError(problems)
    return rows


def _check_header(path: Path, header: list[str], columns: tuple[str, ...]) -> None:
    if len(header) == 1 and ";" in header[0]:
        raise CityError(
            [
                Problem(
                    path.name,
                    1,
                    "",
                    "cells are separated by semicolons",
                    "save it with commas (Excel: 'CSV UTF-8 (comma delimited)')",
                )
            ]
        )
    wanted = f"the columns are {','.join(columns)}"
    problems = [Problem(path.name, 1, name, "unknown column", wanted) for name in header if name not in columns]
    problems += [Problem(path.name, 1, name, "missing column", wanted) for name in columns if name not in header]
    problems += [
        Problem(path.name, 1, name, "column named twice", wanted) for name in set(header) if header.count(name) > 1
    ]
    if problems:
        raise CityError(problems)


def _refuse_extras(path: Path, text: str) -> None:
    """Only what a city needs of YAML. Walks the flat event stream, before anything recursive sees the text."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            # Ten nested aliases expand to gigabytes ("billion laughs"); a city needs none.
            raise CityError(
                [Problem(path.name, line, f"*{event.anchor}", "YAML aliases are not allowed", "write the value out")]
            )
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
            raise CityError([Problem(path.name, line, "", f"YAML tag {event.tag!r} is not allowed", "remove the tag")])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise CityError([Problem(path.name, line, "", "nested too deeply", "a city is four levels deep at most")])


def _value(document: Document, part: yaml.Node, location: Location) -> Any:
    document.lines.setdefault(location, _line(part))
    if isinstance(part, yaml.SequenceNode):
        return [_value(document, item, (*location, index)) for index, item in enumerate(part.value)]
    if isinstance(part, yaml.MappingNode):
        return _mapping(document, part, location)
    return _scalar(document, part)


def _line(part: yaml.Node) -> int:
    return part.start_mark.line + 1 if part.start_mark else 0


def _mapping(document: Document, part: yaml.MappingNode, location: Location) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in part.value:
        line = _line(key)
        if not isinstance(key, yaml.ScalarNode):
            raise CityError([Problem(document.file, line, "", "a key must be a word", "write 'key: value'")])
        name = str(key.value)
        if name in values:
            raise CityError(
                [Problem(document.file, line, dotted((*location, name)), "key written twice", "keep one of the two")]
            )
        document.lines[(*location, name)] = line
        values[name] = _value(document, value, (*location, name))
    return values


def _scalar(document: Document, part: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(part)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise CityError(
            [Problem(document.file, _line(part), "", f"{part.value!r} has no plain value", "quote it")]
        ) from error
    finally:
        loader.dispose()


def dotted(location: Location) -> str:
    """``('sites', 1, 'uplink')`` as a person writes it: ``sites[1].uplink``."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _whole(path: Path, message: str, fix: str) -> Problem:
    return Problem(path.name, 0, "", message, fix)
