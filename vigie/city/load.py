"""Load a city folder: every mistake it holds is found and named in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from vigie.city.check import check, check_machines
from vigie.city.documents import Document, Location, Row, dotted, read_csv, read_yaml
from vigie.city.errors import CityError, Problem
from vigie.city.model import CameraEntry, CameraRow, City, CityFile, EncoderRow, MachineRow, channel_camera_id

CITY_FILE: Final = "city.yaml"
ENCODERS_FILE: Final = "encoders.csv"
CAMERAS_FILE: Final = "cameras.csv"
MACHINES_FILE: Final = "machines.csv"  # only where machines are racked already

RowModel = TypeVar("RowModel", EncoderRow, CameraRow, MachineRow)
Lines = dict[str, int]


def load_city(folder: Path) -> City:
    """The city that ``folder`` describes. Raises ``CityError`` with every problem found; touches nothing."""
    if not folder.is_dir():
        raise CityError(
            [
                Problem(
                    str(folder),
                    0,
                    "",
                    "no such city folder",
                    "give the folder that holds city.yaml, such as inventories/demo",
                )
            ]
        )
    problems: list[Problem] = []
    document = _document(folder / CITY_FILE, problems)
    file = _city_file(document, problems) if document else None
    encoders, encoder_lines = parse_rows(folder / ENCODERS_FILE, EncoderRow, problems)
    cameras, camera_lines = parse_rows(folder / CAMERAS_FILE, CameraRow, problems)
    machines, machine_lines = _machines(folder / MACHINES_FILE, problems)
    if document is None or file is None or problems:
        raise CityError(problems)
    problems += check(document, file, encoders, encoder_lines, cameras, camera_lines)
    problems += check_machines(file, machines, machine_lines)
    if problems:
        raise CityError(problems)
    return City(
        file=file,
        encoders=tuple(encoders),
        cameras=expand(file, encoders, cameras),
        machines=tuple(sorted(machines, key=lambda row: row.host)),
        machine_lines=machine_lines,
    )


def expand(file: CityFile, encoders: list[EncoderRow], cameras: list[CameraRow]) -> tuple[CameraEntry, ...]:
    """Every camera of the city: each channel of each encoder, named by ``cameras.csv`` where it has a line there,
    and each camera with an address of its own. Expects rows that ``check`` found sound."""
    models = {model.id: model for model in file.models}
    named = {(row.encoder, row.channel): row for row in cameras if row.encoder}
    entries = []
    for encoder in encoders:
        for channel in range(1, models[encoder.model].channels + 1):
            row = named.get((encoder.id, channel))
            entries.append(
                CameraEntry(
                    id=row.id if row else channel_camera_id(encoder.id, channel),
                    site=encoder.site,
                    encoder=encoder.id,
                    channel=channel,
                    model=encoder.model,
                    address=encoder.address,
                    profile=(row.profile if row else None) or encoder.profile,
                    description=(row.description if row else None) or "",
                )
            )
    entries += [
        CameraEntry(
            id=row.id,
            site=row.site,
            encoder=None,
            channel=1,
            model=row.model,
            address=row.address,
            profile=row.profile,
            description=row.description or "",
        )
        for row in cameras
        if row.model and row.address and row.profile
    ]
    return tuple(entries)


def parse_city_file(path: Path) -> tuple[Document, CityFile]:
    """``city.yaml`` alone, before its references are checked. Raises ``CityError`` with every problem of its form."""
    problems: list[Problem] = []
    document = read_yaml(path)
    file = _city_file(document, problems)
    if file is None:
        raise CityError(problems)
    return document, file


def _document(path: Path, problems: list[Problem]) -> Document | None:
    try:
        return read_yaml(path)
    except CityError as error:
        problems += error.problems
        return None


def _city_file(document: Document, problems: list[Problem]) -> CityFile | None:
    try:
        return CityFile.model_validate(document.values)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            location = _without_tags(detail["loc"])
            problems.append(
                Problem(
                    document.file, document.line(location), dotted(location), _message(detail), _fix(CityFile, detail)
                )
            )
        return None


def parse_rows(path: Path, model: type[RowModel], problems: list[Problem]) -> tuple[list[RowModel], Lines]:
    """The valid rows of a CSV file and the line of each id; problems go to ``problems``."""
    rows: list[RowModel] = []
    lines: Lines = {}
    try:
        read = read_csv(path, tuple(model.model_fields))
    except CityError as error:
        problems += error.problems
        return [], {}
    for row in read:
        try:
            parsed = model.model_validate(row.cells)
        except ValidationError as error:
            problems += [_row_problem(path, row, model, detail) for detail in error.errors(include_url=False)]
            continue
        if parsed.id in lines:
            problems.append(
                Problem(
                    path.name,
                    row.line,
                    next(iter(model.model_fields)),
                    f"{parsed.id!r} stands already in line {lines[parsed.id]}",
                    "give each its own id",
                )
            )
            continue
        lines[parsed.id] = row.line
        rows.append(parsed)
    return rows, lines


def _machines(path: Path, problems: list[Problem]) -> tuple[list[MachineRow], Lines]:
    return parse_rows(path, MachineRow, problems) if path.exists() else ([], {})


def _row_problem(path: Path, row: Row, model: type[BaseModel], detail: Any) -> Problem:
    location = _without_tags(detail["loc"])
    return Problem(path.name, row.line, dotted(location), _message(detail), _fix(model, detail))


def _without_tags(location: tuple[int | str, ...]) -> Location:
    return tuple(step for step in location if step not in {"function-before", "constrained-str"})


def _message(detail: Any) -> str:
    text = str(detail["msg"]).removeprefix("Value error, ")
    kind = detail["type"]
    if kind == "extra_forbidden":
        return "unknown key"
    if kind == "missing":
        return "missing"
    if kind == "value_error":
        return text
    if kind in {"model_type", "tuple_type"}:
        return f"must be {'keys and values' if kind == 'model_type' else 'a list'}, not {_short(detail['input'])}"
    return f"{text[0].lower()}{text[1:]}, not {_short(detail['input'])}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _fix(model: type[BaseModel], detail: Any) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return "check its spelling against docs/how-to/describe-a-city.md, or remove it"
    if kind == "missing":
        return "add it; docs/how-to/describe-a-city.md says what it means"
    if kind in {"literal_error", "enum"}:
        return f"use one of {detail['ctx']['expected']}"
    return f"see {detail['loc'][-1] if detail['loc'] else model.__name__} in docs/how-to/describe-a-city.md"
