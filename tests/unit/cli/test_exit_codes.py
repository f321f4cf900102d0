"""What a caller of the command line can rely on: exit codes, and where words and JSON go."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from vigie.cli.app import app, main

DEMO = Path(__file__).parents[3] / "inventories" / "demo"
RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "city"))


def test_a_sound_city_is_planned_with_0() -> None:
    result = RUNNER.invoke(app, ["plan", str(DEMO)])
    assert result.exit_code == 0
    assert "recorder-1" in result.stdout


def test_json_is_all_that_json_mode_prints() -> None:
    result = RUNNER.invoke(app, ["plan", str(DEMO), "--json"])
    assert json.loads(result.stdout)["city"] == "demo"


@pytest.mark.parametrize("command", ["plan", "up", "verify", "status", "down"])
def test_a_wrong_city_is_2_and_changes_nothing(command: str, city: Path, tmp_path: Path) -> None:
    text = (city / "city.yaml").read_text().replace("uplink: 100 Mbit/s", "uplnk: 100 Mbit/s")
    (city / "city.yaml").write_text(text)
    result = RUNNER.invoke(app, [command, str(city)])
    assert result.exit_code == 2
    assert "city.yaml:" in result.stderr
    assert "uplnk" in result.stderr
    assert "fix:" in result.stderr
    assert not (tmp_path / "state").exists()


def test_a_city_that_does_not_fit_is_2_with_the_shortfall_and_three_ways(city: Path) -> None:
    text = (
        (city / "city.yaml")
        .read_text()
        .replace("floor: 4 h", "floor: 30 days")
        .replace("ceiling: 5 h", "ceiling: 31 days")
    )
    (city / "city.yaml").write_text(text)
    result = RUNNER.invoke(app, ["plan", str(city), "--json"])
    assert result.exit_code == 2
    (shortfall,) = json.loads(result.stdout)["details"]
    assert "TB" in shortfall["needed"]
    assert len(shortfall["ways"]) >= 3
    assert all("disks, " in way or "disks of " in way for way in shortfall["ways"])


@pytest.mark.parametrize("command", ["verify", "status"])
def test_asking_about_a_city_that_is_not_deployed_is_1_and_says_what_to_run(command: str) -> None:
    result = RUNNER.invoke(app, [command, str(DEMO)])
    assert result.exit_code == 1
    assert "vigie up" in result.stderr


def test_an_unknown_host_in_limit_is_2_and_names_the_known(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["up", str(DEMO), "--limit", "recorder-9"])
    assert result.exit_code == 2
    assert "recorder-1" in result.stderr
    assert not (tmp_path / "state").exists()


def commands_of(command: Any, *before: str) -> Iterator[tuple[str, ...]]:
    """Every command below ``command``, as it is typed."""
    if inside := getattr(command, "commands", None):
        for name, inner in sorted(inside.items()):
            yield from commands_of(inner, *before, name)
    else:
        yield before


@pytest.mark.parametrize("command", list(commands_of(get_command(app))), ids=" ".join)
def test_help_teaches_by_example(command: tuple[str, ...]) -> None:
    result = RUNNER.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Examples" in result.stdout
    assert "Exit codes" in result.stdout


def test_ctrl_c_is_130_and_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Through typer's own handling of the interrupt, as a person meets it."""

    def press(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vigie.cli.inputs.load_city", press)
    monkeypatch.setattr("sys.argv", ["vigie", "plan", str(DEMO)])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130
    assert "run the same command again" in capsys.readouterr().err
