"""From the messy list of a French-speaking city to a city that plans, and the same again a month later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tests.unit.city.importing.lists import (
    PASSWORD,
    PER_SITE,
    SITES,
    bare_city,
    complete_city,
    french_rows,
    french_workbook,
    run,
    write_city_file,
)
from vigie.city import load_city
from vigie.city.importing.present import read_service
from vigie.cli.app import app
from vigie.plan import plan

RUNNER = CliRunner()
ALL = PER_SITE * len(SITES)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "liste.xlsx"
    path.write_bytes(french_workbook())
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "city").mkdir()
    return tmp_path / "city"


def vigie_import(*arguments: object) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["import", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_list_becomes_a_city_that_plans(folder: Path, listed: Path) -> None:
    """The whole way of an integrator: look, complete city.yaml with what was proposed, apply, plan."""
    bare_city(folder)
    code, said = vigie_import(folder, listed)
    assert code == 1
    assert f"{ALL} refused" in said
    assert not (folder / "cameras.csv").exists()
    proposals = yaml.safe_load((folder / "import-additions.yaml").read_text("utf-8"))
    assert len(proposals["sites"]) == len(SITES)
    values = yaml.safe_load((folder / "city.yaml").read_text("utf-8"))
    values["city"]["target"] = "metal"  # the lab plays no device of these makes
    for site in proposals["sites"]:
        values["sites"].append(site | {"latitude": 34.03, "longitude": -5.0, "uplink": "1 Gbit/s"})
    values["models"] += proposals["models"]
    values["profiles"] += proposals["profiles"]
    write_city_file(folder, values)

    code, said = vigie_import(folder, listed, "--apply")
    assert (code, f"{ALL} cameras added" in said) == (0, True), said
    city = load_city(folder)
    assert len(city.cameras) == ALL
    assert {camera.address.exploded for camera in city.cameras} == {
        f"{network}.{20 + number}" for network in SITES.values() for number in range(1, PER_SITE + 1)
    }
    assert "cam-place-batha-n-3" in {camera.id for camera in city.cameras}
    assert len(plan(city).cameras) == ALL
    assert not (folder / "import-additions.yaml").exists(), "nothing is lacking any more"


def test_merged_sites_belong_to_every_row_below(folder: Path) -> None:
    outcome = run(complete_city(folder), french_workbook())
    assert outcome.report.refused == 0
    rows = outcome.files["cameras.csv"].splitlines()[1:]
    assert [sum(f",{site}," in row for row in rows) for site in ("place-batha", "avenue-hassan-ii")] == [PER_SITE] * 2


def test_a_second_run_changes_nothing(folder: Path, listed: Path) -> None:
    complete_city(folder)
    assert vigie_import(folder, listed, "--apply")[0] == 0
    before = content(folder)
    code, said = vigie_import(folder, listed, "--apply")
    assert code == 0
    assert "nothing changed" in said
    assert content(folder) == before


def test_without_apply_no_row_is_written(folder: Path, listed: Path) -> None:
    complete_city(folder)
    before = set(content(folder))
    assert vigie_import(folder, listed)[0] == 0
    assert set(content(folder)) - before == {"import.yaml"}


def test_ids_stay_when_rows_are_sorted_renamed_or_readdressed(folder: Path, listed: Path) -> None:
    """An id that changes is another camera, whose footage nobody finds."""
    complete_city(folder)
    vigie_import(folder, listed, "--apply")
    by_address = {camera.address: camera.id for camera in load_city(folder).cameras}
    rows = french_rows()
    site = ""
    for row in rows:
        site = row[1] = row[1] or site
    rows[3][3] = "Un tout autre nom"  # known by its MAC address
    rows[7][4], rows[7][5] = "10.77.1.99", None  # known by its name
    rows[12][3], rows[12][5] = "Encore un autre", None  # known by its address
    listed.write_bytes(french_workbook(list(reversed(rows))))
    code, said = vigie_import(folder, listed, "--apply", "--json")
    assert code == 0, said
    after = {camera.address: camera.id for camera in load_city(folder).cameras}
    moved = [address for address in after if address not in by_address]
    assert [after[address] for address in moved] == ["cam-place-batha-n-8"]
    assert all(after[address] == by_address[address] for address in after if address not in moved)
    changed = [change for change in json.loads(said)["changes"] if "10.77.1.99" in change["what"]]
    assert [change["id"] for change in changed] == ["cam-place-batha-n-8"]


def test_rows_that_vanish_are_said_and_stay_until_pruned(folder: Path, listed: Path) -> None:
    complete_city(folder)
    vigie_import(folder, listed, "--apply")
    listed.write_bytes(french_workbook(french_rows()[:-2]))
    code, said = vigie_import(folder, listed, "--apply", "--json")
    report = json.loads(said)
    assert code == 0
    assert [change["kind"] for change in report["changes"]] == ["vanished", "vanished"]
    assert len(load_city(folder).cameras) == ALL
    code, said = vigie_import(folder, listed, "--apply", "--prune", "--json")
    assert [change["id"] for change in json.loads(said)["changes"]] == [
        "cam-avenue-hassan-ii-n-10",
        "cam-avenue-hassan-ii-n-9",
    ]
    assert len(load_city(folder).cameras) == ALL - 2
    assert (folder / "cameras.csv.bak").read_text("utf-8").count("\n") == ALL + 1
    assert len(read_service(folder)) == ALL - 2


def test_nothing_is_pruned_while_a_row_is_not_understood(folder: Path, listed: Path) -> None:
    """A camera whose address was mistyped is not a camera that was taken down."""
    complete_city(folder)
    vigie_import(folder, listed, "--apply")
    rows = french_rows()
    rows[5][4] = "10.77.1"
    listed.write_bytes(french_workbook(rows))
    code, said = vigie_import(folder, listed, "--apply", "--prune", "--json")
    report = json.loads(said)
    assert code == 1
    assert report["refused"] == 1
    assert [(change["kind"], change["id"]) for change in report["changes"]] == [("vanished", "cam-place-batha-n-6")]
    assert len(load_city(folder).cameras) == ALL


def test_a_refused_row_names_row_column_reason_and_fix(folder: Path) -> None:
    rows = french_rows()
    rows[0][4], rows[1][4], rows[2][10], rows[4][4] = "10.77.1.300", "fe80::1", "quinze", "10.77.9.1"
    outcome = run(complete_city(folder), french_workbook(rows))
    found = {f.row: (f.column, f.heading, f.message, f.fix) for f in outcome.report.findings if f.outcome == "refused"}
    assert found[5][:2] == ("E", "Adresse IP")
    assert "10.77.1.300" in found[5][2]
    assert "IPv6" in found[6][2]
    assert found[7][:2] == ("K", "Images/s")
    assert "place-batha" in found[9][2]
    assert all(fix for *_, fix in found.values())
    assert outcome.report.refused == 4
    assert outcome.report.understood == ALL - 4


def test_passwords_of_a_list_go_nowhere(folder: Path, listed: Path) -> None:
    """Many lists hold them; no file of ours shall."""
    complete_city(folder)
    rows = french_rows()
    rows[0][4] = f"rtsp://admin:{PASSWORD}@10.77.1.21/live"
    rows[1][4] = f"rtsp://admin:{PASSWORD}@nowhere/live"
    rows[2][3] = f"voir rtsp://admin:{PASSWORD}@10.77.1.23/"
    rows.append([None] * 14 + [PASSWORD])
    listed.write_bytes(french_workbook(rows))
    code, said = vigie_import(folder, listed, "--apply", "--report", folder / "report.csv")
    assert code == 1
    assert PASSWORD not in said
    assert "10.77.1.21" in (folder / "cameras.csv").read_text("utf-8")
    for name, held in content(folder).items():
        assert PASSWORD.encode() not in held, name


def test_the_recorder_of_today_is_kept_for_its_adoption(folder: Path, listed: Path) -> None:
    complete_city(folder)
    vigie_import(folder, listed, "--apply")
    rows = {row.id: row for row in read_service(folder)}
    assert rows["cam-place-batha-n-1"].recorder == "NVR-1"
    assert rows["cam-gare-fes-ville-n-1"].mac == "00:40:8c:02:00:01"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("import.yaml", "source: x\ncolums: {}\n", "import.yaml:2"),
        ("import.yaml", "source: x\ncolumns: {nom: Nom}\n", "columns.nom"),
        ("import.yaml", "source: x\ncolumns: {name: Nom}\n", "has no column 'Nom'"),
        ("import.yaml", "source: x\ncolumns: {name: Site, site: Site}\n", "give it to one"),
        ("import.yaml", "source: x\ncolumns: {name: Mot de passe}\n", "holds passwords"),
        ("import.yaml", "source: x\ncolumns: {name: Nom caméra}\nids: {camera: '{nom}'}\n", "no id rule"),
        ("import.yaml", "source: x\ncolumns: {name: Nom caméra}\ndefaults: {fps: many}\n", "defaults.fps"),
        ("import.yaml", "source: x\ntable: {sheet: Feuil9}\n", "has no sheet 'Feuil9'"),
        ("existing.csv", "id,source\n", "existing.csv:1"),
        ("cameras.csv", "id,site\n", "cameras.csv:1"),
    ],
)
def test_a_wrong_mapping_or_city_is_2_and_changes_nothing(
    folder: Path, listed: Path, name: str, text: str, says: str
) -> None:
    complete_city(folder)
    (folder / name).write_text(text, encoding="utf-8")
    before = content(folder)
    code, said = vigie_import(folder, listed, "--apply")
    assert code == 2
    assert says in said.replace("\n", " ")
    assert content(folder) == before


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("empty.xlsx", b""),
        ("old.xls", b"\xd0\xcf\x11\xe0" + bytes(600)),
        ("half.xlsx", b"PK\x03\x04" + bytes(40)),
        ("words.csv", b"dear sirs,\nplease find enclosed\n"),
        ("other.json", b'{"cameras": []}'),
        ("binary.csv", bytes(range(256)) * 8),
    ],
)
def test_a_file_that_is_no_list_is_2_and_changes_nothing(folder: Path, tmp_path: Path, name: str, raw: bytes) -> None:
    complete_city(folder)
    before = content(folder)
    (tmp_path / name).write_bytes(raw)
    code, said = vigie_import(folder, tmp_path / name, "--apply")
    assert code == 2, said
    assert "fix:" in said
    assert content(folder) == before
