"""``vigie lock`` against a keeper that runs: what a person types and sees."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.cities import DEMO, committed
from tests.unit.recording.keeper.city import ram_folder
from tests.unit.recording.keeper.serving import Host, footage, running
from vigie.cli.app import app
from vigie.cli.commands import lock as command
from vigie.cli.credentials import PREFIX
from vigie.cli.instants import instant
from vigie.cli.keepers import keepers_of
from vigie.pki import CityCA
from vigie.recording.keeper.store import DAY
from vigie.state import STATE_HOME_VARIABLE, State

RUNNER = CliRunner()
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the command works as root only")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Host]:
    """One keeper answers for every recorder of the demo city."""
    monkeypatch.setenv(STATE_HOME_VARIABLE, str(tmp_path))
    _, plan = committed("demo")
    state = State.of(plan.city)
    state.prepare()
    with ram_folder() as folder:
        footage(folder, time.time() - 2 * DAY)
        with running(folder, CityCA.open(state.ca, plan.city)) as found:
            monkeypatch.setattr(command, "deployed_plan", lambda city, as_json: plan)
            monkeypatch.setattr(command, "url_of", lambda _, path: f"https://127.0.0.1:{found.port}{path}")
            monkeypatch.setattr("infra.automation.reach", lambda plan, state: [])
            yield found


def vigie(*words: str) -> tuple[int, Any]:
    result = RUNNER.invoke(app, ["lock", words[0], str(DEMO), *words[1:], "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_a_lock_from_the_command_line(host: Host) -> None:
    begin = datetime.fromtimestamp(time.time() - 2 * DAY - 600, UTC).isoformat()
    end = datetime.fromtimestamp(time.time() - 2 * DAY + 600, UTC).isoformat()
    words = ("--camera", "cam-1", "--from", begin, "--to", end, "--reason", "case 7", "--until", "90 days")
    code, answer = vigie("add", *words, "--who", "Fatima")
    assert code == 0
    (lock,) = answer["locks"]
    assert lock["footage"]["segments"] >= 1
    assert len(set(lock["hosts"])) == 3
    assert abs(lock["until"] - time.time() - 90 * DAY) < 60
    assert vigie("list")[1]["locks"][0]["id"] == lock["id"]
    code, answer = vigie("release", lock["id"], "--reason", "closed", "--who", "Fatima")
    assert code == 2
    assert "second person" in str(answer["failed"])
    release = ("release", lock["id"], "--reason", "closed", "--who", "Fatima", "--approved-by", "Youssef")
    assert vigie(*release)[0] == 0
    assert vigie("list")[1]["locks"] == []
    assert vigie("show", lock["id"])[1]["locks"][0]["released"]["reason"] == "closed"
    assert vigie("show", "unknown")[0] == 2
    shown = RUNNER.invoke(app, ["lock", "list", str(DEMO), "--all"])
    assert "released" in shown.stdout
    assert not list(State.of("demo").folder.glob(f"{PREFIX}*"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"--from": "2027-03-03T14:00"}, "zone"),
        ({"--from": "yesterday"}, "--from"),
        ({"--to": "2027-03-03T13:00+01:00"}, "after --from"),
        ({"--until": "90 moons"}, "--until"),
    ],
)
def test_wrong_times_are_named(monkeypatch: pytest.MonkeyPatch, change: dict[str, str], word: str) -> None:
    options = {"--from": "2027-03-03T14:00+01:00", "--to": "2027-03-03T15:00+01:00", "--reason": "x", "--camera": "c"}
    words = [word for pair in (options | change).items() for word in pair]
    code, answer = vigie("add", *words)
    assert code == 2
    assert word in answer["error"]


def test_instants() -> None:
    assert instant("1970-01-01T01:00+01:00", "--from") == 0
    assert instant("1970-01-01T00:00:01Z", "--from") == 1
    assert instant("2 h", "--until", datetime.fromtimestamp(0, UTC)) == 7200


def test_the_recorders_of_a_camera_and_their_spares_are_asked() -> None:
    _, plan = committed("demo")
    camera = plan.deployed_cameras[0]
    asked = {host.name for host in keepers_of(plan, camera.id)}
    identity = next(i for i in plan.identities if i.id == camera.identity)
    assert asked == {identity.host, *identity.standby}
    assert {host.name for host in keepers_of(plan, "gone")} == {
        h.name for h in plan.deployed_hosts if h.tier == "recorder"
    }
