"""The city as its folder has it now, and what it remembers of devices in service beside what the plan needs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from vigie.city.check import check
from vigie.city.documents import Document, read_csv
from vigie.city.errors import CityError, Problem
from vigie.city.importing.values import serial_key
from vigie.city.load import CAMERAS_FILE, CITY_FILE, ENCODERS_FILE, parse_city_file, parse_rows
from vigie.city.model import CameraRow, CityFile, EncoderRow, Id, Strict, Text

SERVICE_FILE: Final = "existing.csv"
RowModel = TypeVar("RowModel", EncoderRow, CameraRow)


class ServiceRow(Strict):
    """One line of ``existing.csv``: a camera or encoder of the city that stood before Vigie came.

    ``source``: the list that it came from; ``name``: what that list calls it; ``recorder``: what records it today.
    """

    id: Id
    source: Text
    name: str | None
    serial: str | None
    mac: str | None
    firmware: str | None
    recorder: str | None


@dataclass(frozen=True, slots=True)
class Present:
    """A city folder before an import; rows by id, in the order of their files."""

    document: Document
    file: CityFile
    encoders: dict[str, EncoderRow]
    cameras: dict[str, CameraRow]
    service: dict[str, ServiceRow]

    def knows(self, address: IPv4Address | None, mac: str | None, serial: str | None) -> bool:
        """Whether a device of the city has one of these."""
        addresses = {row.address for row in self.encoders.values()} | {row.address for row in self.cameras.values()}
        return (
            (address is not None and address in addresses)
            or (mac is not None and any(row.mac == mac for row in self.service.values()))
            or (
                serial is not None
                and any(serial_key(row.serial) == serial_key(serial) for row in self.service.values())
            )
        )


def read_present(folder: Path) -> Present:
    """The city in ``folder``; files of rows that do not exist yet are empty. Raises ``CityError`` with every mistake:
    nothing is imported into a city that is wrong already."""
    if not folder.is_dir():
        raise CityError([Problem(str(folder), 0, "", "no such city folder", "make it, with a city.yaml in it")])
    document, file = parse_city_file(folder / CITY_FILE)
    problems: list[Problem] = []
    encoders, encoder_lines = _rows(folder / ENCODERS_FILE, EncoderRow, problems)
    cameras, camera_lines = _rows(folder / CAMERAS_FILE, CameraRow, problems)
    service = read_service(folder)
    if not problems:
        problems += check(document, file, encoders, encoder_lines, cameras, camera_lines)
    if problems:
        raise CityError(problems)
    return Present(
        document,
        file,
        {row.id: row for row in encoders},
        {row.id: row for row in cameras},
        {row.id: row for row in service},
    )


def read_service(folder: Path) -> list[ServiceRow]:
    """The lines of ``existing.csv``, none where there is no such file. Raises ``CityError``."""
    path = folder / SERVICE_FILE
    rows: dict[str, ServiceRow] = {}
    for row in read_csv(path, tuple(ServiceRow.model_fields)) if path.exists() else []:
        try:
            parsed = ServiceRow.model_validate(row.cells)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            field, message = str(detail["loc"][0]), str(detail["msg"])
            raise CityError([Problem(path.name, row.line, field, message, "correct it, or remove the line")]) from error
        if parsed.id in rows:
            raise CityError([Problem(path.name, row.line, "id", f"{parsed.id!r} stands twice", "keep one line")])
        rows[parsed.id] = parsed
    return list(rows.values())


def _rows(path: Path, model: type[RowModel], problems: list[Problem]) -> tuple[list[RowModel], dict[str, int]]:
    return parse_rows(path, model, problems) if path.exists() else ([], {})


def render_rows(model: type[BaseModel], rows: Iterable[BaseModel]) -> str:
    """``rows`` as the CSV that ``load_city`` reads: columns in the order of ``model``, an empty cell for ``None``."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    columns = list(model.model_fields)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(getattr(row, column)) for column in columns])
    return text.getvalue()


def _cell(value: object) -> str:
    return "" if value is None else str(value)
