"""Files as they come: any delimiter and encoding, headings somewhere, cells that are not what they look like."""

from __future__ import annotations

import datetime
import io
import time
import zipfile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.city.importing.lists import french_workbook, saved, workbook_of
from vigie.city.importing import workbook
from vigie.city.importing.delimited import DELIMITERS, read_delimited
from vigie.city.importing.mapping import TableSettings
from vigie.city.importing.recognition import headed, propose
from vigie.city.importing.sources import read_list
from vigie.city.importing.tables import Table, UnreadableError, letter
from vigie.city.importing.workbook import read_workbook

LIST = "Nom caméra;Adresse IP;Débit (Mbit/s)\r\nPlace Batha;10.77.1.21;2,5\r\nCafé;10.77.1.22;4\r\n"


def sheet_of(raw: bytes, sheet: int = 0) -> Table:
    return read_workbook("liste.xlsx", raw)[sheet]


@pytest.mark.parametrize(
    ("encoding", "assumed"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", ""),
        ("cp1252", "cp1252"),
        ("latin_1", "cp1252"),
    ],
)
def test_accents_survive_every_usual_encoding(encoding: str, assumed: str) -> None:
    table = read_delimited("liste.csv", LIST.encode(encoding))
    assert table.rows[0].cells == ("Nom caméra", "Adresse IP", "Débit (Mbit/s)")
    assert table.rows[2].cells[0] == "Café"
    assert (f"the text is {assumed}" in table.assumed) == bool(assumed)


def test_arabic_of_windows_is_read_as_such() -> None:
    text = "اسم الكاميرا;عنوان ip;الموقع\nكاميرا ساحة البطحاء;10.77.1.21;ساحة البطحاء\nكاميرا باب الفتوح;10.77.1.22;باب الفتوح\n"  # noqa: RUF001
    table = read_delimited("liste.csv", text.encode("cp1256"))
    assert table.rows[1].cells[0] == "كاميرا ساحة البطحاء"
    assert propose(headed(table).columns) == {"name": "اسم الكاميرا", "site": "الموقع", "address": "عنوان ip"}


@pytest.mark.parametrize("delimiter", list(DELIMITERS))
def test_any_delimiter_is_found(delimiter: str) -> None:
    """Decimal commas and commas in text do not make a list of commas."""
    rows = [["Nom", "Adresse IP", "Débit"], ['"Batha, nord"', "10.77.1.21", '"2,5"' if delimiter == "," else "2,5"]] * 3
    table = read_delimited("liste.csv", "\n".join(delimiter.join(row) for row in rows).encode())
    assert table.rows[1].cells == ("Batha, nord", "10.77.1.21", "2,5")


def test_the_delimiter_that_excel_names_is_taken() -> None:
    table = read_delimited("liste.csv", b"sep=|\nNom|IP\na;b;c|1.2.3.4\n")
    assert table.rows[1] == type(table.rows[1])(3, ("a;b;c", "1.2.3.4"))


def test_rows_keep_the_numbers_of_the_file() -> None:
    """Also below quoted cells of several lines and empty ones."""
    table = read_delimited("liste.csv", b'Nom,IP\n"a\nb",1.2.3.4\n\n,,\nc,1.2.3.5\n')
    assert [row.number for row in table.rows] == [1, 2, 6]
    assert table.rows[1].cells[0] == "a b"


@pytest.mark.parametrize(
    ("raw", "where", "says"),
    [
        (b"Nom,IP\n" + b"a" * 10_000_000 + b",1\n", "liste.csv:2", "10000002 characters"),
        (b'Nom,IP\na,1\n"b,2\nc,3\n', "liste.csv:3", "not valid CSV"),
        (b'Nom,IP\na,"' + b"x\n" * 40_000 + b'"\n', "liste.csv:2", "runs over pages"),
        (b"Nom,IP\n\0\0\0a,1\n" + b"x" * 100, "liste.csv", "NUL"),
    ],
)
def test_what_is_no_text_of_rows_is_refused_where_it_stands(raw: bytes, where: str, says: str) -> None:
    with pytest.raises(UnreadableError, match=says) as refused:
        read_delimited("liste.csv", raw)
    assert refused.value.where == where


def test_cells_of_a_workbook_are_what_a_person_sees() -> None:
    raw = workbook_of([["Nom", "IP", "Voie"], ["a", " 10.77.1.21\u00a0", 3.0], ["b", 10.5, True], [None, None, 2.25]])
    rows = sheet_of(raw).rows
    assert [row.cells for row in rows[1:]] == [("a", "10.77.1.21", "3"), ("b", "10.5", "true"), ("", "", "2.25")]


def test_odd_cells_are_named() -> None:
    """A date where a channel was typed, a formula never calculated, one that fails."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Nom", "IP", "Voie"])
    sheet.append(["a", "=B1", datetime.date(2026, 2, 1)])
    sheet["A3"].value, sheet["A3"].data_type = "#REF!", "e"
    rows = sheet_of(saved(book)).rows
    assert rows[1].odd == {1: "formula", 2: "date"}
    assert rows[1].cells[2] == "2026-02-01"
    assert rows[2].odd == {0: "error"}


def test_merged_cells_say_the_same_in_each_row() -> None:
    table = next(table for table in read_workbook("liste.xlsx", french_workbook()) if table.sheet == "Relevé caméras")
    assert {row.number: row.cell(1) for row in table.rows if row.number in (5, 14, 15)} == {
        5: "Place Batha",
        14: "Place Batha",
        15: "Gare Fès-Ville",
    }


def test_headings_of_two_rows_are_joined() -> None:
    """Two columns of one name are told apart by what stands above them."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Liste"])
    sheet.append(["Site", "Nom caméra", "Caméra", None, "Enregistreur", None])
    sheet.append([None, None, "Adresse IP", "Modèle", "Adresse IP", "Modèle"])
    sheet.append(["Batha", "a", "10.77.1.21", "P1", "10.77.9.9", "NVR"])
    for area in ("A2:A3", "B2:B3", "C2:D2", "E2:F2"):
        sheet.merge_cells(area)
    columns = headed(sheet_of(saved(book))).columns
    assert [column.heading for column in columns] == [
        "Site",
        "Nom caméra",
        "Caméra / Adresse IP",
        "Caméra / Modèle",
        "Enregistreur / Adresse IP",
        "Enregistreur / Modèle",
    ]
    found = propose(columns)
    assert (found["address"], found["model"]) == ("Caméra / Adresse IP", "Caméra / Modèle")


def test_columns_are_found_by_their_cells_where_headings_are_odd() -> None:
    raw = workbook_of(
        [
            ["Point de vue", "Réf. équipement", "Config"],
            *[[f"vue {n}", f"10.77.1.{n}", "1920x1080"] for n in range(20, 25)],
        ]
    )
    found = propose(headed(sheet_of(raw), 1).columns)
    assert (found["address"], found["resolution"]) == ("Réf. équipement", "Config")


def test_serial_numbers_that_are_mac_addresses_are_serial_numbers() -> None:
    raw = workbook_of(
        [["Nom", "IP", "N° de série"], *[[f"c{n}", f"10.77.1.{n}", f"ACCC8E1234{n}"] for n in range(20, 25)]]
    )
    assert propose(headed(sheet_of(raw)).columns)["serial"] == "N° de série"


def test_postal_addresses_are_no_network_addresses() -> None:
    raw = workbook_of(
        [["Caméra", "Adresse", "IP"], *[[f"c{n}", f"{n} rue Talaa", f"10.77.1.{n}"] for n in range(20, 25)]]
    )
    found = propose(headed(sheet_of(raw)).columns)
    assert found == {"name": "Caméra", "address": "IP", "description": "Adresse"}


def test_a_list_without_headings_goes_by_letters() -> None:
    raw = workbook_of([["a", "10.77.1.21"], ["b", "10.77.1.22"]])
    with pytest.raises(UnreadableError, match="heading_row"):
        read_list("liste.xlsx", raw, TableSettings())
    found = read_list("liste.xlsx", raw, TableSettings(heading_row=0))
    assert [column.heading for column in found.columns] == ["A", "B"]
    assert len(found.rows) == 2


def test_letters_are_those_of_spreadsheets() -> None:
    assert [letter(n) for n in (0, 25, 26, 51, 52, 701, 702)] == ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


def archive(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in parts.items():
            bundle.writestr(name, content)
    return stream.getvalue()


def parts_of(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def test_a_zip_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 2**20)
    parts = parts_of(workbook_of([["Nom", "IP"], ["a", "10.77.1.21"]]))
    assert sheet_of(archive(parts)).rows
    bomb = archive(parts | {"xl/media/image1.png": bytes(2**20)})
    assert len(bomb) < 2**14
    with pytest.raises(UnreadableError, match="unpacks to 1 MiB"):
        read_workbook("bombe.xlsx", bomb)


def test_an_entity_bomb_is_refused() -> None:
    parts = parts_of(workbook_of([["Nom", "IP"], ["a", "10.77.1.21"]]))
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
    parts["xl/worksheets/sheet1.xml"] = bomb + parts["xl/worksheets/sheet1.xml"]
    with pytest.raises(UnreadableError):
        read_workbook("bombe.xlsx", archive(parts))


def test_millions_of_empty_rows_end() -> None:
    """A row that claims to be the billionth is no reason to count there."""
    parts = parts_of(workbook_of([["Nom", "IP"], ["a", "10.77.1.21"], ["b", "10.77.1.22"]]))
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b'r="3"' in sheet
    parts["xl/worksheets/sheet1.xml"] = (
        sheet.replace(b'r="3"', b'r="999999999"')
        .replace(b'r="A3"', b'r="A999999999"')
        .replace(b'r="B3"', b'r="B999999999"')
    )
    began = time.monotonic()
    table = sheet_of(archive(parts))
    assert [row.number for row in table.rows] == [1, 2]
    assert "nothing was read below row" in table.assumed[0]
    assert time.monotonic() - began < 5


@given(st.binary(max_size=400))
@settings(max_examples=80, deadline=None)
def test_random_bytes_are_a_list_or_are_refused(raw: bytes) -> None:
    for content in (raw, b"PK\x03\x04" + raw, b"{" + raw):
        try:
            found = read_list("liste", content, TableSettings())
        except UnreadableError as refused:
            assert refused.fix  # noqa: PT017 - both are right: ``raises`` cannot say this
        else:
            assert found.columns


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_broken_workbook_is_a_list_or_is_refused(data: st.DataObject) -> None:
    parts = dict(_PARTS)
    name = data.draw(st.sampled_from(sorted(parts)))
    content = bytearray(parts[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[at : at + data.draw(st.integers(0, 12))] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b'"', b"<", b"9" * 12])
        )
    parts[name] = bytes(content)
    try:
        read_list("liste.xlsx", archive(parts), TableSettings())
    except UnreadableError as refused:
        assert refused.fix  # noqa: PT017 - both are right: ``raises`` cannot say this


_PARTS = parts_of(french_workbook())
