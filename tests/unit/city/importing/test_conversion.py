"""From rows to devices: encoders and their channels, ids, devices known again, and what the network told."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.city.importing.lists import bare_city, complete_city, french_workbook, run, workbook_of
from vigie.city import load_city
from vigie.city.importing.engine import Outcome
from vigie.city.importing.fields import FIELDS
from vigie.city.importing.folder import write_city
from vigie.city.importing.mapping import Mapping
from vigie.city.importing.present import read_present
from vigie.city.importing.report import report_csv
from vigie.city.importing.tables import UnreadableError

CAMERA = ("axis-p3245-lve", "p4mp")
ENCODER = ("encoder-4", "p4mp")
HEADINGS = ("Nom caméra", "Adresse IP", "Site", "Modèle", "Profil", "Encodeur", "Voie", "N° série", "Description")
MAPPING = Mapping.model_validate(
    {
        "source": "liste",
        "columns": dict(
            zip(
                ("name", "address", "site", "model", "profile", "encoder", "channel", "serial", "description"),
                HEADINGS,
                strict=True,
            )
        ),
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return complete_city(tmp_path)


def convert(folder: Path, *rows: tuple[Any, ...], mapping: Mapping = MAPPING, pruning: bool = False) -> Outcome:
    return run(folder, workbook_of([HEADINGS, *rows]), mapping, pruning=pruning)


def rows_of(outcome: Outcome, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(outcome.files[name])))


def refused(outcome: Outcome) -> dict[int, str]:
    return {f.row: f"{f.heading} {f.message}" for f in outcome.report.findings if f.outcome == "refused"}


def camera(name: str, address: str, site: str = "place-batha", **more: Any) -> tuple[Any, ...]:
    values = {"model": CAMERA[0], "profile": CAMERA[1]} | more
    return (
        name, address, site, values["model"], values["profile"], values.get("encoder"), values.get("channel"), values.get("serial"),
        values.get("description"),
    )  # fmt: skip


def test_channels_of_a_named_encoder(folder: Path) -> None:
    """One row for the encoder, its channels without an address of their own."""
    outcome = convert(
        folder,
        camera("Entrée", "", encoder="Encodeur 1", channel="Voie 1", model=""),
        camera("Encodeur 1", "10.77.1.50", model=ENCODER[0]),
        camera("Sortie", "", encoder="ENCODEUR 1", channel=3, model="", profile="street-h264"),
    )
    assert refused(outcome) == {}
    assert rows_of(outcome, "encoders.csv") == [
        {"id": "enc-1", "model": "encoder-4", "site": "place-batha", "address": "10.77.1.50", "profile": "p4mp"}
    ]
    assert [
        (row["id"], row["encoder"], row["channel"], row["profile"], row["address"])
        for row in rows_of(outcome, "cameras.csv")
    ] == [
        ("cam-entree", "enc-1", "1", "p4mp", ""),
        ("cam-sortie", "enc-1", "3", "street-h264", ""),
    ]
    assert any("2, 4 are not in the list" in f.message for f in outcome.report.findings)
    write_city(folder, outcome.files)
    assert len(load_city(folder).cameras) == 4


def test_rows_of_one_address_with_channels_are_an_encoder(folder: Path) -> None:
    rows = [camera(f"c{n}", "10.77.1.50", channel=n, model=ENCODER[0]) for n in (1, 2, 3, 4)]
    outcome = convert(folder, *rows)
    assert refused(outcome) == {}
    assert [row["address"] for row in rows_of(outcome, "encoders.csv")] == ["10.77.1.50"]
    assert [row["channel"] for row in rows_of(outcome, "cameras.csv")] == ["1", "2", "3", "4"]
    write_city(folder, outcome.files)
    again = convert(folder, *reversed(rows))
    assert again.report.changes == ()
    assert again.files == outcome.files


def test_a_row_of_an_encoder_alone_is_all_its_channels(folder: Path) -> None:
    outcome = convert(folder, camera("Armoire 7", "10.77.1.50", model=ENCODER[0]))
    write_city(folder, outcome.files)
    assert [one.id for one in load_city(folder).cameras] == [f"enc-armoire-7-ch{n}" for n in (1, 2, 3, 4)]


def test_one_address_twice_is_refused_in_the_later_row(folder: Path) -> None:
    outcome = convert(folder, camera("a", "10.77.1.21"), camera("b", "10.77.1.21"), camera("c", "10.77.1.22"))
    assert "10.77.1.21 stands in row 2 already" in refused(outcome)[3]
    assert [row["id"] for row in rows_of(outcome, "cameras.csv")] == ["cam-a", "cam-c"]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (camera("x", ""), "nothing says its address"),
        (camera("x", "10.77.1.30", model=""), "nothing says its model"),
        (camera("x", "10.77.1.30", profile=""), "nothing says its profile"),
        (camera("x", "10.99.1.30", site=""), "nothing says its site"),
        (camera("x", "10.77.2.30"), "is no host address of place-batha"),
        (camera("x", "10.77.1.255"), "is no host address of place-batha"),
        (camera("x", "10.77.1.30", model="P9999"), "no model 'p9999'"),
        (camera("x", "10.77.1.30", profile="8k"), "no profile '8k'"),
        (camera("x", "10.77.1.30", site="Batha"), "no site 'batha'"),
        (camera("x", "10.77.1.30", channel=9, model=ENCODER[0]), "9 is no channel"),
        (camera("x", "", encoder="E", model=ENCODER[0]), "without its number"),
        (camera("x", "", encoder="E", channel=1, model=ENCODER[0]), "nothing says its address"),
        (camera("x", "10.77.1.21", encoder="E", channel=1, model=ENCODER[0]), "in the way of 'cam-good'"),
    ],
)
def test_a_row_that_no_city_can_bear_is_refused_and_the_others_are_not(
    folder: Path, row: tuple[Any, ...], says: str
) -> None:
    write_city(folder, convert(folder, camera("good", "10.77.1.21")).files)
    outcome = convert(folder, camera("good", "10.77.1.21"), row, camera("fine", "10.77.1.22"))
    assert says in refused(outcome)[3]
    assert set(refused(outcome)) == {3}
    assert [one["id"] for one in rows_of(outcome, "cameras.csv")] == ["cam-good", "cam-fine"]
    write_city(folder, outcome.files)


def test_a_site_left_blank_is_that_of_the_address(folder: Path) -> None:
    outcome = convert(folder, camera("a", "10.77.2.21", site=""))
    assert [row["site"] for row in rows_of(outcome, "cameras.csv")] == ["gare-fes-ville"]


def test_values_and_defaults_of_the_mapping_count(folder: Path) -> None:
    mapping = MAPPING.model_copy(
        update={
            "values": {"site": {"PL. BATHA": "place-batha"}, "model": {"P3245": CAMERA[0]}},
            "defaults": {"profile": "p4mp"},
        }
    )
    outcome = convert(folder, camera("a", "10.77.1.21", site="pl batha", model="p3245", profile=""), mapping=mapping)
    assert refused(outcome) == {}


def test_names_alike_get_ids_of_their_own_that_stay(folder: Path) -> None:
    rows = [camera("Entrée", "10.77.1.21"), camera("Entrée", "10.77.1.22"), camera("entree!", "10.77.1.23")]
    outcome = convert(folder, *rows)
    assert [row["id"] for row in rows_of(outcome, "cameras.csv")] == ["cam-entree", "cam-entree-2", "cam-entree-3"]
    assert sum("belongs to another device" in f.message for f in outcome.report.findings) == 2
    write_city(folder, outcome.files)
    assert convert(folder, *reversed(rows)).report.changes == ()


def test_cameras_counted_anew_at_each_site_get_its_name(folder: Path) -> None:
    rows = [
        camera(f"Caméra {n}", f"10.77.{network}.{20 + n}", site=site)
        for network, site in ((1, "place-batha"), (2, "gare-fes-ville"))
        for n in (1, 2, 3)
    ]
    outcome = run(folder, workbook_of([HEADINGS, *rows]))
    assert [row["id"] for row in rows_of(outcome, "cameras.csv")] == [
        f"cam-{site}-{n}" for site in ("place-batha", "gare-fes-ville") for n in (1, 2, 3)
    ]


def test_no_id_is_that_of_a_channel_without_a_name(folder: Path) -> None:
    outcome = convert(
        folder,
        camera("Armoire", "10.77.1.50", model=ENCODER[0]),
        camera("x", "10.77.1.51"),
        mapping=MAPPING.model_copy(
            update={"ids": MAPPING.ids.model_copy(update={"camera": "enc-armoire-ch2{serial}"})}
        ),
    )
    assert [row["id"] for row in rows_of(outcome, "cameras.csv")] == ["enc-armoire-ch2-2"]
    write_city(folder, outcome.files)


def test_two_cameras_that_changed_places_keep_their_names(folder: Path) -> None:
    """A camera is a view: the name says which; the address only how it is reached."""
    write_city(folder, convert(folder, camera("nord", "10.77.1.21"), camera("sud", "10.77.1.22")).files)
    outcome = convert(folder, camera("nord", "10.77.1.22"), camera("sud", "10.77.1.21"))
    assert [(row["id"], row["address"]) for row in rows_of(outcome, "cameras.csv")] == [
        ("cam-nord", "10.77.1.22"),
        ("cam-sud", "10.77.1.21"),
    ]
    write_city(folder, outcome.files)


def test_rows_written_by_hand_are_known_and_kept(folder: Path) -> None:
    """A city that people wrote is added to; their words, ids and order stay."""
    by_hand = (
        "id,site,model,address,encoder,channel,profile,description\n"
        "zz-mine,place-batha,axis-p3245-lve,10.77.1.21,,,p4mp,-- my words\n"
        "cam-sud,place-batha,axis-p3245-lve,10.77.1.90,,,p4mp,\n"
    )
    (folder / "cameras.csv").write_text(by_hand, encoding="utf-8")
    outcome = convert(folder, camera("nord", "10.77.1.21"), camera("sud", "10.77.1.22"), camera("est", "10.77.1.23"))
    found = rows_of(outcome, "cameras.csv")
    assert [row["id"] for row in found] == ["zz-mine", "cam-sud", "cam-est"]
    assert found[0]["description"] == "-- my words"
    assert found[1]["address"] == "10.77.1.22"
    assert convert(folder, pruning=True).report.changes == (), "what came from no list vanishes from none"


def test_another_list_is_other_cameras(folder: Path) -> None:
    """Every site has its "Camera 1"."""
    write_city(folder, convert(folder, camera("Caméra 1", "10.77.1.21")).files)
    outcome = convert(
        folder, camera("Caméra 1", "10.77.1.22"), mapping=MAPPING.model_copy(update={"source": "lot-2"}), pruning=True
    )
    assert [row["address"] for row in rows_of(outcome, "cameras.csv")] == ["10.77.1.21", "10.77.1.22"]


def test_an_encoder_that_vanished_is_pruned_with_its_channels(folder: Path) -> None:
    encoder = [camera(f"c{n}", "10.77.1.50", channel=n, model=ENCODER[0]) for n in (1, 2)]
    write_city(folder, convert(folder, *encoder, camera("a", "10.77.1.21")).files)
    outcome = convert(folder, camera("a", "10.77.1.21"), pruning=True)
    assert rows_of(outcome, "encoders.csv") == []
    assert [row["id"] for row in rows_of(outcome, "cameras.csv")] == ["cam-a"]
    assert {change.kind for change in outcome.report.changes} == {"deleted"}
    write_city(folder, outcome.files)


def test_formulas_are_text_everywhere(folder: Path) -> None:
    attack = "=cmd|' /C calc'!A0"
    outcome = convert(folder, camera("@SUM(1)", "10.77.1.21", description=attack, serial="+1"), camera("y", "-1+1"))
    for text in [*outcome.files.values(), report_csv(outcome.report.findings).removeprefix("\ufeff")]:
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert [cell for cell in cells if cell[:1] in {"=", "+", "-", "@"}] == []
    write_city(folder, outcome.files)
    assert convert(folder, camera("@SUM(1)", "10.77.1.21", description=attack, serial="+1")).files == outcome.files


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "/", "a\\..\\b", "؟؟؟", "x" * 300, "NUL", "🎥"])
def test_no_name_becomes_a_path(folder: Path, name: str) -> None:
    mapping = MAPPING.model_copy(update={"ids": MAPPING.ids.model_copy(update={"camera": "{name}"})})
    outcome = convert(folder, camera(name, "10.77.1.21"), mapping=mapping)
    write_city(folder, outcome.files)
    assert len(load_city(folder).cameras) == 1


def test_a_broken_result_is_never_written(folder: Path) -> None:
    """The last guard: what does not load as a city does not replace one that does."""
    good = convert(folder, camera("a", "10.77.1.21")).files
    write_city(folder, good)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(Exception, match=r"10\.77\.1\.21"):
        write_city(
            folder,
            good | {"cameras.csv": good["cameras.csv"] + good["cameras.csv"].splitlines()[1].replace("cam-a", "cam-b")},
        )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def discovery(*devices: dict[str, Any]) -> bytes:
    return json.dumps({"format": "vigie-discovery/1", "found_at": "2026-11-24T10:00:00Z", "devices": devices}).encode()


AXIS = {
    "address": "10.77.1.21",
    "mac": "00:40:8c:12:34:56",
    "vendor": "AXIS",
    "model": "P3245-LVE",
    "firmware": "11.2.68",
    "serial": "ACCC8E123456",
    "scopes": ["onvif://www.onvif.org/name/AXIS%20P3245-LVE", "onvif://www.onvif.org/location/Place%20Batha"],
    "profiles": [
        {"name": "sub", "resolution": "640x360", "codec": "H264", "fps": 15, "bitrate": 400000},
        {"name": "main", "resolution": "2560x1440", "codec": "H265", "fps": 15, "bitrate": 2500000},
    ],
}


def test_devices_of_the_network_become_rows(folder: Path) -> None:
    box = {"address": "10.77.2.50", "model": "encoder-4", "channels": 4, "profiles": AXIS["profiles"]}
    outcome = run(folder, discovery(AXIS, box), name="found.json")
    assert refused(outcome) == {}
    assert [
        (row["id"], row["site"], row["model"], row["profile"], row["description"])
        for row in rows_of(outcome, "cameras.csv")
    ] == [("cam-10-77-1-21", "place-batha", "axis-p3245-lve", "p4mp", "Place Batha")]
    assert [(row["id"], row["site"]) for row in rows_of(outcome, "encoders.csv")] == [
        ("enc-10-77-2-50", "gare-fes-ville")
    ]
    write_city(folder, outcome.files)
    assert run(folder, discovery(box, AXIS), name="found.json").report.changes == ()


def test_a_known_device_is_found_by_serial_mac_or_address_and_keeps_what_was_planned(folder: Path) -> None:
    write_city(
        folder, convert(folder, camera("nord", "10.77.1.21", serial="accc8e-123456", profile="street-h264")).files
    )
    outcome = run(folder, discovery(AXIS | {"address": "10.77.1.99", "model": "Other"}), name="found.json")
    assert refused(outcome) == {}
    assert [(row["id"], row["address"], row["profile"]) for row in rows_of(outcome, "cameras.csv")] == [
        ("cam-nord", "10.77.1.99", "street-h264")
    ]
    assert any("the city says 'street-h264'" in f.message for f in outcome.report.findings)
    write_city(folder, outcome.files)
    known = rows_of(outcome, "existing.csv")[0]
    assert (known["source"], known["firmware"], known["mac"]) == ("liste", "11.2.68", AXIS["mac"])
    moved = AXIS | {"address": "10.77.1.98", "serial": ""}
    outcome = run(folder, discovery(moved), name="found.json")
    assert [row["address"] for row in rows_of(outcome, "cameras.csv")] == ["10.77.1.98"], "known by its MAC address"
    assert (
        convert(folder, camera("nord", "10.77.1.99", serial="accc8e-123456", profile="street-h264")).report.changes
        == ()
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"address": "nowhere"}, "devices.0.address"),
        ({"adress": "10.0.0.1"}, "devices.0.adress"),
        ({"profiles": [{"resolution": "big", "codec": "H264"}]}, "devices.0.profiles.0.resolution"),
        ({"channels": 0}, "devices.0.channels"),
    ],
)
def test_a_wrong_discovery_names_the_value(folder: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(UnreadableError, match=says):
        run(folder, discovery(AXIS | change), name="found.json")


def test_proposals_make_up_nothing(tmp_path: Path) -> None:
    """What the list does not tell is a question mark, and a question mark loads as no city."""
    outcome = run(bare_city(tmp_path), french_workbook())
    assert outcome.additions.count("uplink: '?'") == 4
    assert "network: 10.77.3.0/24" in outcome.additions
    assert "lot: lot-1" in outcome.additions
    assert "bitrate: 2500 kbit/s" in outcome.additions


CELLS = st.one_of(
    st.sampled_from(
        [
            "",
            "",
            "place-batha",
            "axis-p3245-lve",
            "encoder-4",
            "p4mp",
            "E1",
            "1",
            "2",
            "CH3",
            "10.77.1.21",
            "10.77.1.22",
            "10.77.2.50",
            "n",
            "=1+1",
            "../x",
        ]
    ),
    st.text(max_size=12),
)


@given(
    st.lists(st.lists(CELLS, min_size=len(HEADINGS), max_size=len(HEADINGS)), max_size=12),
    st.lists(
        st.sampled_from([field.words[0] for field in FIELDS]),
        min_size=len(HEADINGS),
        max_size=len(HEADINGS),
        unique=True,
    ),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_list_holds_the_city_loads_and_a_second_run_is_idle(
    folder: Path, rows: list[list[str]], headings: list[str]
) -> None:
    """Every row is understood, refused or no camera; what is understood is a sound city; nothing is counted twice."""
    for name in ("cameras.csv", "encoders.csv", "existing.csv"):
        (folder / name).unlink(missing_ok=True)
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows([headings, *rows])
    raw = text.getvalue().encode("utf-8", "replace")
    try:
        outcome = run(folder, raw, name="liste.csv")
    except UnreadableError as error:
        assert error.fix  # noqa: PT017 - both are right: ``raises`` cannot say this
        return
    report = outcome.report
    assert report.understood + report.refused + report.skipped == report.rows
    assert min(report.understood, report.refused, report.skipped) >= 0
    write_city(folder, outcome.files)
    assert len(read_present(folder).cameras) <= report.understood
    again = run(folder, raw, name="liste.csv")
    assert [change for change in again.report.changes if change.kind != "vanished"] == []
    assert again.files == outcome.files
