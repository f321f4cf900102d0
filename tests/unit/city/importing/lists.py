"""Lists of cameras as cities really keep them, made for tests; and a city that knows nothing of them yet."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import openpyxl
import yaml

from tests.unit.cities import demo_values
from vigie.city.importing.engine import Outcome, import_list, propose_mapping
from vigie.city.importing.mapping import Mapping, TableSettings
from vigie.city.importing.present import Present, read_present
from vigie.city.importing.sources import is_discovery, read_list

SITES: Final = {
    "Place Batha": "10.77.1",
    "Gare Fès-Ville": "10.77.2",
    "Bab Ftouh": "10.77.3",
    "Avenue Hassan II": "10.77.4",
}
PER_SITE: Final = 10
HEADINGS: Final = (
    "N°", "Site", "Lot", "Nom caméra", "Adresse IP", "Adresse MAC", "Marque", "Modèle", "Résolution", "Codec", "Images/s",
    "Débit (Mbit/s)", "Emplacement", "Enregistreur", "Mot de passe",
)  # fmt: skip
PASSWORD: Final = "Fes-2024!secret"


def workbook_of(rows: Iterable[Sequence[Any]], title: str = "Caméras") -> bytes:
    """A workbook of one sheet."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def french_rows() -> list[list[Any]]:
    """Forty cameras at four sites, written with the spaces, numbers as text and odd capitals of many hands."""
    rows: list[list[Any]] = []
    for site, network in SITES.items():
        for number in range(1, PER_SITE + 1):
            rows.append(
                [
                    len(rows) + 1,
                    site if number == 1 else None,  # merged over the rows of the site
                    1,
                    f"Caméra {site} n° {number}",
                    f" {network}.{20 + number} " if number % 3 else f"http://{network}.{20 + number}/",
                    f"00-40-8C-{int(network[-1]):02X}-00-{number:02X}",
                    "AXIS" if number % 2 else "Axis ",
                    "P3245-LVE",
                    "4 MP" if number % 2 else "2560 x 1440",
                    "H.265" if number % 4 else "hevc",
                    15,
                    "2,5" if number % 2 else 2.5,
                    f"Façade {'nord' if number % 2 else 'sud'}",
                    f"NVR-{network[-1]}",
                    PASSWORD,
                ]
            )
    return rows


def french_workbook(rows: list[list[Any]] | None = None) -> bytes:
    """A title, an empty row, headings in row 4, sites merged over their cameras, a total below, and a second sheet."""
    rows = french_rows() if rows is None else rows
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.title = "Page de garde"
    cover.append(["Commune de Fès"])
    sheet = book.create_sheet("Relevé caméras")
    sheet.append(["Relevé des caméras existantes"])
    sheet.merge_cells("A1:O1")
    sheet.append(["Mis à jour le", "12/03/2026"])
    sheet.append([])
    sheet.append(list(HEADINGS))
    for row in rows:
        sheet.append(row)
    first = 5
    starts = [first + index for index, row in enumerate(rows) if row[1]]
    for start, end in zip(starts, [*starts[1:], first + len(rows)], strict=True):
        if end - start > 1:
            sheet.merge_cells(start_row=start, end_row=end - 1, start_column=2, end_column=2)
    sheet.append(["Total", None, None, f"{len(rows)} caméras"])
    return saved(book)


def bare_city(folder: Path) -> Path:
    """A city folder with policies and one site, but no rows: what an integrator starts from."""
    values = demo_values()
    values["sites"] = [values["sites"][0] | {"id": "depot", "network": "10.77.200.0/24"}]
    values["storage_units"][0]["disk"] = "400 GB"
    write_city_file(folder, values)
    return folder


def write_city_file(folder: Path, values: dict[str, Any]) -> None:
    """``city.yaml`` without the aliases that PyYAML writes for values it meets twice: no city may have them."""
    text = json.dumps(values, ensure_ascii=False, indent=1)
    (folder / "city.yaml").write_text(f"# written by hand\n{text}\n", encoding="utf-8")


def complete_city(folder: Path) -> Path:
    """The bare city with everything that the French list names."""
    bare_city(folder)
    values = yaml.safe_load((folder / "city.yaml").read_text("utf-8"))
    site = values["sites"][0]
    names = {"place-batha": 1, "gare-fes-ville": 2, "bab-ftouh": 3, "avenue-hassan-ii": 4}
    values["sites"] += [site | {"id": name, "network": f"10.77.{number}.0/24"} for name, number in names.items()]
    values["models"] += [
        {"id": "axis-p3245-lve", "vendor": "Axis", "channels": 1, "main_path": "/main", "sub_path": "/sub"},
        {
            "id": "encoder-4",
            "vendor": "Axis",
            "channels": 4,
            "main_path": "/{channel}/main",
            "sub_path": "/{channel}/sub",
        },
    ]
    stream = {"codec": "h265", "resolution": "2560x1440", "fps": 15, "gop": 30, "bitrate": "2.5 Mbit/s"}
    values["profiles"].append({"id": "p4mp", "main": stream, "sub": values["profiles"][0]["sub"]})
    write_city_file(folder, values)
    return folder


def run(
    present: Present | Path, raw: bytes, mapping: Mapping | None = None, name: str = "liste.xlsx", pruning: bool = False
) -> Outcome:
    """An import without files, with ``mapping`` or the proposed one."""
    city = read_present(present) if isinstance(present, Path) else present
    headed = read_list(name, raw, mapping.table if mapping else TableSettings())
    chosen = mapping or propose_mapping(city, headed, Path(name).stem)
    return import_list(city, headed, chosen, descriptive=is_discovery(name, raw), pruning=pruning)
