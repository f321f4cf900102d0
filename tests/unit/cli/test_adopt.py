"""``vigie adopt`` and machines on the command line: wrong input is refused before any host is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.cities import DEMO, committed
from tests.unit.city.test_machines import KEY, metal_city
from tests.unit.recording.segments import frames, init, part
from vigie.cli.app import app
from vigie.plan import dump_plan
from vigie.state import State

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> str:
    """A camera of recorder-1 in the demo, which stands as deployed and whose hosts must not be asked."""
    plan = committed("demo")[1]
    state = State.of("demo")
    state.prepare()
    state.plan.write_text(dump_plan(plan))
    monkeypatch.setattr("infra.automation.is_up", lambda *_: True)
    monkeypatch.setattr("vigie.cli.commands.adopt._on_host", lambda *_: pytest.fail("a host was asked"))
    return next(identity.cameras[0] for identity in plan.identities if identity.host == "recorder-1")


def adopt(tmp_path: Path, camera: str, **changed: str) -> Any:
    (tmp_path / "old.csv").write_text(f"name,camera\nentree,{camera}\n")
    options = {
        "--recorder": "recorder-1", "--from": "/srv/recordings/rec", "--pattern": "%path/%s", "--time-zone": "UTC",
        "--cameras": str(tmp_path / "old.csv"),
    } | changed  # fmt: skip
    return RUNNER.invoke(app, ["adopt", str(DEMO), *(word for pair in options.items() for word in pair if word)])


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"--recorder": "recorder-9"}, "recorder-9"),
        ({"--pattern": "%path/%Y"}, "--pattern: "),
        ({"--time-zone": "Fes/Medina"}, "--time-zone: 'Fes/Medina' is no time zone"),
        ({"--time-zone": "../etc/passwd"}, "is no time zone"),
        ({"--from": "rec"}, "no absolute path"),
        ({"--move": "", "--undo": ""}, "give one"),
    ],
)
def test_wrong_input_is_2_before_a_host_is_asked(
    tmp_path: Path, deployed: str, changed: dict[str, str], says: str
) -> None:
    result = adopt(tmp_path, deployed, **changed)
    assert result.exit_code == 2, result.output
    assert says in result.stderr


def test_a_camera_that_the_recorder_does_not_record_is_named_with_its_line(tmp_path: Path, deployed: str) -> None:
    result = adopt(tmp_path, "cam-nowhere")
    assert result.exit_code == 2
    assert "old.csv:2: camera: 'cam-nowhere' is not recorded by recorder-1" in result.stderr


def test_a_racked_city_without_machines_is_refused_and_told_which(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    folder.mkdir()
    result = RUNNER.invoke(app, ["up", str(metal_city(folder, f"noc-1,,,,{KEY}"))])
    assert result.exit_code == 2
    assert "machines.csv: no line for central-1" in result.stderr
    assert "noc-1," not in result.stderr.partition(":")[2]
    result = RUNNER.invoke(app, ["plan", str(metal_city(folder, f"noc-77,,,,{KEY}"))])
    assert result.exit_code == 2
    assert "machines.csv:2: host: the plan has no host 'noc-77'" in result.stderr
    assert not (tmp_path / "state").exists()


def on_host(action: str, request: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "vigie.recording.adoption", action]
    return subprocess.run(argv, input=request, capture_output=True, text=True, check=False)


def test_the_part_that_runs_on_the_host_speaks_json_and_exit_codes(tmp_path: Path) -> None:
    """Survey touches nothing; adopt moves; undo brings back; a request that is none is 2 with its field."""
    old, root = tmp_path / "rec", tmp_path / "recordings"
    (old / "entree").mkdir(parents=True)
    root.mkdir()
    (old / "entree" / "1795515300.mp4").write_bytes(init() + part(frames(30), 0))
    os.utime(old / "entree" / "1795515300.mp4", (1, 1))
    request = json.dumps(
        {"old_root": str(old), "root": str(root), "pattern": "%path/%s", "time_zone": "UTC",
         "cameras": {"entree": "cam-gate"}, "segment_seconds": 60}
    )  # fmt: skip
    place = root / "cam-gate/2026/11/24/10-15-00-000000.mp4"
    surveyed = on_host("survey", request)
    assert (surveyed.returncode, place.exists()) == (0, False)
    assert json.loads(surveyed.stdout)["paths"] == [["entree/1795515300.mp4", str(place.relative_to(root)), "name"]]
    assert json.loads(on_host("adopt", request).stdout)["moved"] == 1
    assert place.exists()
    assert json.loads(on_host("undo", request).stdout)["moved"] == 1
    assert (old / "entree" / "1795515300.mp4").exists()
    wrong = on_host("adopt", '{"old_root": 5}')
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "old_root" in wrong.stderr
