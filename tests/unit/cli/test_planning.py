"""``vigie diff``, ``vigie plan --explain`` and ``vigie report`` as a caller meets them: exit codes, words and JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.cities import DEMO, REPOSITORY, committed
from vigie.city import load_city
from vigie.cli.app import app
from vigie.plan import dump_plan, plan
from vigie.state import State

RUNNER = CliRunner()
FES = REPOSITORY / "inventories" / "fes"


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "city"))


@pytest.fixture
def deployed(tmp_path: Path) -> Path:
    """The demo as deployed: its plan in the state folder, where ``vigie up`` leaves it."""
    state = State.of("demo")
    state.folder.mkdir(parents=True)
    state.plan.write_text(dump_plan(plan(load_city(DEMO))))
    return state.plan


def edit(city: Path, old: str, new: str) -> None:
    file = city / "city.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


# --- diff


def test_no_difference_is_0(deployed: Path) -> None:
    result = RUNNER.invoke(app, ["diff", str(DEMO)])
    assert result.exit_code == 0
    assert "nothing would be touched" in result.stdout


def test_a_difference_is_1_and_loud_about_footage(deployed: Path, city: Path) -> None:
    edit(city, "ceiling: 5 h", "ceiling: 4.5 h")
    edit(city, "segment: 60 s", "segment: 30 s")
    before = deployed.read_bytes()
    result = RUNNER.invoke(app, ["diff", str(city)])
    assert result.exit_code == 1
    assert "ERASES FOOTAGE: the ceiling of 8 cameras falls from 5 h to 4.5 h" in result.stdout
    assert "every camera restarts: pathDefaults.recordSegmentDuration" in result.stdout
    assert "0 moved, 8 interrupted" in result.stdout
    assert deployed.read_bytes() == before


def test_json_names_what_the_table_cuts(deployed: Path, city: Path) -> None:
    edit(city, "segment: 60 s", "segment: 30 s")
    result = RUNNER.invoke(app, ["diff", str(city), "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert (found["empty"], found["interrupted"], found["loses_footage"]) == (False, 8, False)
    assert sum(len(one["cameras"]) for one in found["interruptions"]) == 8
    assert {"field": "segment_seconds", "before": 60, "after": 30} in found["settings"]


def test_what_is_not_deployed_would_all_be_made() -> None:
    result = RUNNER.invoke(app, ["diff", str(DEMO)])
    assert result.exit_code == 1
    assert "Nothing is deployed yet" in result.stdout
    assert "9 made" in result.stdout


def test_any_two_plans_can_be_compared(tmp_path: Path, city: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text(dump_plan(plan(load_city(DEMO))))
    edit(city, "segment: 60 s", "segment: 30 s")
    other.write_text(dump_plan(plan(load_city(city))))
    assert RUNNER.invoke(app, ["diff", str(DEMO), "--from", str(one)]).exit_code == 0
    assert RUNNER.invoke(app, ["diff", str(DEMO), "--from", str(one), "--to", str(other)]).exit_code == 1
    assert RUNNER.invoke(app, ["diff", str(DEMO), "--from", str(other), "--to", str(other)]).exit_code == 0


def test_wrong_input_is_2(tmp_path: Path, city: Path) -> None:
    edited = tmp_path / "edited.json"
    edited.write_text(dump_plan(plan(load_city(DEMO))).replace('"segment_seconds": 60', '"segment_seconds": 61'))
    other = tmp_path / "fes.json"
    other.write_text(dump_plan(committed("fes")[1]))
    for file, said in ((tmp_path / "no.json", "No such file"), (edited, "edited"), (other, "plan of 'fes'")):
        result = RUNNER.invoke(app, ["diff", str(DEMO), "--from", str(file)])
        assert result.exit_code == 2
        assert said in result.stderr
    edit(city, "floor: 4 h", "floor: 30 days")
    edit(city, "ceiling: 5 h", "ceiling: 31 days")
    result = RUNNER.invoke(app, ["diff", str(city)])
    assert result.exit_code == 2
    assert "Refused" in result.stderr


# --- explain


def test_a_camera_is_explained() -> None:
    result = RUNNER.invoke(app, ["plan", str(DEMO), "--explain", "cam-station-hall"])
    assert result.exit_code == 0
    for said in (
        "rec-2 on recorder-2",
        "1.5 Mbit/s of 50 Mbit/s",
        "recorder-spare-1 takes over",
        "noc-1",
        "VigieCamera",
    ):
        assert said in result.stdout
    as_json = json.loads(RUNNER.invoke(app, ["plan", str(DEMO), "--explain", "cam-station-hall", "--json"]).stdout)
    assert as_json["camera"]["id"] == "cam-station-hall"
    assert as_json["recorded_by"][0]["identity"] == "rec-2"


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_an_unknown_camera_is_2_with_near_names(more: list[str]) -> None:
    result = RUNNER.invoke(app, ["plan", str(DEMO), "--explain", "cam-station-hal", *more])
    assert result.exit_code == 2
    assert "cam-station-hall" in (result.stdout if more else result.stderr)


# --- plan and report


def test_lots_and_prices_are_in_the_plan_for_people() -> None:
    result = RUNNER.invoke(app, ["plan", str(FES)])
    assert result.exit_code == 0
    for lot in committed("fes")[1].lots:
        assert f"{lot.price:,} MAD" in result.stdout


def test_a_large_city_is_told_by_tier_and_group(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOST_HOSTS", "MOST_RECORDERS", "MOST_SITES"):
        monkeypatch.setattr(f"vigie.cli.report.{name}", 10)
    result = RUNNER.invoke(app, ["plan", str(FES)])
    assert "recorder-7" not in result.stdout
    assert "group-1" in result.stdout
    assert len(result.stdout.splitlines()) < 50
    assert "sites whose uplinks are less full" in result.stdout


def test_the_report_is_written(tmp_path: Path) -> None:
    page = tmp_path / "demo.html"
    result = RUNNER.invoke(app, ["report", str(DEMO), "--output", str(page), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["bytes"] == page.stat().st_size
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert RUNNER.invoke(app, ["report", str(DEMO), "-o", str(tmp_path / "no" / "page.html")]).exit_code == 2
