"""The mapping of a list: which column says what. Proposed once, checked by a person, kept in the city folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, field_validator

from vigie.city.documents import dotted, read_yaml
from vigie.city.errors import CityError, Problem
from vigie.city.importing.fields import BY_NAME, NAMES, slug, words
from vigie.city.importing.recognition import Headed
from vigie.city.importing.values import redacted
from vigie.city.model import Strict

FieldName = Literal[
    "id", "name", "site", "lot", "district", "address", "mac", "serial", "firmware", "vendor", "model", "encoder",
    "encoder_model", "channel", "channels", "profile", "resolution", "codec", "fps", "bitrate", "description",
    "latitude", "longitude", "recorder",
]  # fmt: skip
DefaultField = FieldName | Literal["uplink"]
RULE_PARTS: Final = ("name", "site", "address", "encoder", "channel", "serial")
REPEATED_NAMES: Final = 0.1  # above this share, a list counts its cameras anew at each site
Cell = Annotated[str, Field(max_length=500)]


class TableSettings(Strict):
    """How the list is read; what is left out is found out."""

    sheet: str | None = None
    heading_row: Annotated[int, Field(ge=0, le=10_000)] | None = None
    encoding: str | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    fill_down: tuple[FieldName, ...] = ()


class IdRules(Strict):
    """How an id is made where the list has none: text with parts in braces; the whole becomes an RFC 1123 label."""

    camera: str = "cam-{name}"
    encoder: str = "enc-{name}"

    @field_validator("camera", "encoder")
    @classmethod
    def _known_parts(cls, rule: str) -> str:
        parts = re.findall(r"\{([^{}]*)\}", rule)
        if (
            not parts
            or any(part not in RULE_PARTS for part in parts)
            or re.search(r"[{}]", re.sub(r"\{\w+\}", "", rule))
        ):
            raise ValueError(
                f"{rule!r} is no id rule; write text with {', '.join('{' + part + '}' for part in RULE_PARTS)}"
            )
        return rule


class Mapping(Strict):
    """``columns``: field -> heading; ``values``: field -> text in the list -> what it means in the city;
    ``defaults``: what holds where the list says nothing."""

    source: Annotated[str, Field(min_length=1, max_length=200)]
    table: TableSettings = TableSettings()
    columns: dict[FieldName, str] = Field(default_factory=dict)
    values: dict[FieldName, dict[Cell, Cell]] = Field(default_factory=dict)
    defaults: dict[DefaultField, Cell] = Field(default_factory=dict)
    ids: IdRules = IdRules()

    @field_validator("columns")
    @classmethod
    def _each_column_once(cls, columns: dict[str, str]) -> dict[str, str]:
        taken: dict[str, str] = {}
        for field, heading in columns.items():
            if heading in taken:
                raise ValueError(f"column {heading!r} is both {taken[heading]} and {field}; give it to one")
            taken[heading] = field
        return columns

    def translated(self, field: FieldName, text: str) -> str:
        """What ``text`` means in ``field``; capitals, accents and punctuation do not count."""
        wanted = words(text)
        for written, meaning in self.values.get(field, {}).items():
            if written == text or words(written) == wanted:
                return meaning
        return text


def load_mapping(path: Path) -> Mapping:
    """The mapping in ``path``. Raises ``CityError`` naming line, key and fix."""
    document = read_yaml(path)
    try:
        return Mapping.model_validate(_as_text(document.values))
    except ValidationError as error:
        raise CityError(
            [
                Problem(
                    path.name,
                    document.line(tuple(detail["loc"])),
                    dotted(tuple(step for step in detail["loc"] if step != "[key]")),
                    str(detail["msg"]).removeprefix("Value error, "),
                    f"see docs/how-to/import-a-city.md; fields are {', '.join(NAMES)}",
                )
                for detail in error.errors(include_url=False)
            ]
        ) from error


def _as_text(values: dict[str, Any]) -> dict[str, Any]:
    """Cells are text: ``2: p2mp`` below ``values`` and ``channel: 1`` below ``defaults`` mean what they show."""

    def text(value: Any) -> Any:
        return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

    found = dict(values)
    if isinstance(found.get("defaults"), dict):
        found["defaults"] = {key: text(value) for key, value in found["defaults"].items()}
    if isinstance(found.get("values"), dict):
        found["values"] = {
            key: {text(cell): text(meaning) for cell, meaning in cells.items()} if isinstance(cells, dict) else cells
            for key, cells in found["values"].items()
        }
    return {key: value for key, value in found.items() if value is not None}


def proposed(source: str, headed: Headed, columns: dict[str, str], values: dict[str, dict[str, str]]) -> Mapping:
    """A first mapping of a list. Where names repeat, ids hold the site, too."""
    name = headed.column(columns["name"]) if "name" in columns else None
    names = [slug(row.cell(name.place)) for row in headed.rows if row.cell(name.place)] if name else []
    repeated = "site" in columns and len(set(names)) < (1 - REPEATED_NAMES) * len(names)
    return Mapping.model_validate(
        {
            "source": slug(source) or "list",
            "table": {"sheet": headed.table.sheet or None},
            "columns": columns,
            "values": values,
            "ids": {"camera": "cam-{site}-{name}"} if repeated else {},
        }
    )


def dump_mapping(mapping: Mapping, headed: Headed) -> str:
    """``mapping`` as YAML with the comments that a person needs to check it."""
    table = mapping.table
    lines = [
        "# How `vigie import` reads this list. Check it, correct it, keep it: the next list of the same form is read alike.",
        "# docs/how-to/import-a-city.md explains every key.",
        "",
        "# Rows of the city that came from this source are compared with the next list: what is missing there is reported.",
        f"source: {_quoted(mapping.source)}",
        "",
        "table:" if table.sheet else "table: {}",
        *([f"  sheet: {_quoted(table.sheet)}"] if table.sheet else []),
        f"  # heading_row: {headed.heading_row} # found there; 0: the list has no headings, columns go by their letters",
        "  # fill_down: [site] # a blank cell means the one above it, where a list writes a site only once",
        "",
        "# field: heading of its column",
        "columns:",
    ]
    for field, heading in mapping.columns.items():
        column = headed.column(heading)
        shown = ", ".join(redacted(sample)[:24] for sample in column.samples[:3]) if column else ""
        lines.append(f"  {field}: {_quoted(heading)} # {column.letter if column else '?'}: {_comment(shown)}")
    lines += [f"  # {field}: # {BY_NAME[field].meaning}" for field in NAMES if field not in mapping.columns]
    lines += _unused(mapping, headed)
    lines += ["", "# What a text of the list is called in city.yaml.", "values:" if mapping.values else "values: {}"]
    for field, cells in mapping.values.items():
        lines.append(f"  {field}:")
        lines += [f"    {_quoted(text)}: {_quoted(meaning)}" for text, meaning in cells.items()]
    lines += [
        '  # model: {"AXIS P3245-LVE": dome-4mp}',
        "",
        "# What holds where the list says nothing; `uplink` is for sites that the city does not have yet.",
        "defaults: {}",
        "",
        f"# Ids of new rows; parts are {', '.join('{' + part + '}' for part in RULE_PARTS)}. An id once given is kept.",
        "ids:",
        f"  camera: {_quoted(mapping.ids.camera)}",
        f"  encoder: {_quoted(mapping.ids.encoder)}",
    ]
    return "\n".join(lines) + "\n"


def _unused(mapping: Mapping, headed: Headed) -> Iterable[str]:
    used = set(mapping.columns.values())
    for column in headed.columns:
        if column.heading not in used:
            shown = (
                "passwords are never read" if column.secret else ", ".join(redacted(s)[:24] for s in column.samples[:3])
            )
            yield f"  # not used: {column.letter} {_comment(column.heading)}: {_comment(shown)}"


def _quoted(text: str) -> str:
    """A YAML double-quoted scalar: JSON strings are such scalars."""
    return json.dumps(text, ensure_ascii=False)


def _comment(text: str) -> str:
    return text.replace("\n", " ")[:100]
