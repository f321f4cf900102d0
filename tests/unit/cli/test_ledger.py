"""``vigie ledger``: exit codes and answers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import infra.automation
from tests.unit.cities import DEMO
from tests.unit.recording.archive import Camera, Session, put
from vigie.city import load_city
from vigie.cli.app import app
from vigie.cli.commands import ledger as ledger_module
from vigie.pki import CityCA
from vigie.plan import plan
from vigie.plan.constants import LEDGER_CONFIG
from vigie.recording.ledger.ask import Recorder
from vigie.recording.ledger.store import IntervalStore

RUNNER = CliRunner()
T = 1_772_366_400.0  # 1 March 2026, 12:00


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    root = tmp_path / "recordings"
    put(Camera(root, "cam-1", fps=5).record([Session(T, 200), Session(T + 300, 100)]).writes)
    (root / "cam-1" / "2026" / "03" / "01" / "wrong.mp4").write_text("")
    return root


def rebuild(recordings: Path, store: Path, *options: str) -> tuple[int, str]:
    argv = ["ledger", "rebuild", "--recordings", str(recordings), "--store", str(store), "--segment-seconds", "60"]
    result = RUNNER.invoke(app, [*argv, *options])
    return result.exit_code, result.output


def test_rebuild_fills_a_store_and_tells_what_it_saw(recordings: Path, tmp_path: Path) -> None:
    store = tmp_path / "ledger" / "intervals.db"
    code, said = rebuild(recordings, store, "--json")
    assert code == 0
    answer = json.loads(said)
    assert (answer["cameras"], answer["segments"], answer["failed"]) == (1, 6, {})
    assert [anomaly["kind"] for anomaly in answer["anomalies"]] == ["wrong_name"]
    assert [round(i.start - T) for i in IntervalStore.read(store).intervals("cam-1", 0, 4e9)] == [0, 300]
    code, said = rebuild(recordings, store)
    assert code == 0
    assert "0 cameras differed" in said.replace("\n", " ")
    assert "1 wrong_name" in said


def test_rebuild_begins_anew_when_the_store_is_damaged(recordings: Path, tmp_path: Path) -> None:
    store = tmp_path / "intervals.db"
    store.write_text("damaged " * 1000)
    code, said = rebuild(recordings, store, "--json")
    assert code == 0
    assert Path(json.loads(said)["damaged_store_set_aside"]).read_text().startswith("damaged")
    assert len(IntervalStore.read(store).intervals("cam-1", 0, 4e9)) == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_a_store_that_root_makes_belongs_to_the_service(recordings: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    folder.mkdir()
    os.chown(folder, 4711, 4711)
    assert rebuild(recordings, folder / "intervals.db")[0] == 0
    assert {file.stat().st_uid for file in folder.iterdir()} == {4711}


def test_rebuild_erases_nothing_for_a_disk_that_is_not_there(recordings: Path, tmp_path: Path) -> None:
    store = tmp_path / "intervals.db"
    rebuild(recordings, store)
    empty = tmp_path / "empty"
    empty.mkdir()
    code, said = rebuild(empty, store)
    assert code == 2
    assert "mounted" in said
    assert len(IntervalStore.read(store).intervals("cam-1", 0, 4e9)) == 2


def test_without_options_the_configuration_of_the_service_is_asked_for() -> None:
    result = RUNNER.invoke(app, ["ledger", "rebuild"])
    assert result.exit_code == 2
    assert str(LEDGER_CONFIG) in result.output.replace("\n", "")


@pytest.fixture
def city(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo as if it were deployed, its recorders on a port of loopback where nobody answers."""
    deployed = plan(load_city(DEMO))
    (tmp_path / "state" / deployed.city).mkdir(parents=True)
    CityCA.open(tmp_path / "state" / deployed.city / "ca", deployed.city)
    monkeypatch.setattr(ledger_module, "deployed_plan", lambda folder, as_json: deployed)
    monkeypatch.setattr(infra.automation, "reach", lambda planned, state: [])
    recorders = ledger_module._recorders

    def on_loopback(*arguments: object) -> list[Recorder]:
        return [Recorder(recorder.name, "127.0.0.1", 1) for recorder in recorders(*arguments)]  # type: ignore[arg-type]

    monkeypatch.setattr(ledger_module, "_recorders", on_loopback)
    return DEMO


def test_show_of_recorders_that_do_not_answer_is_unknown_not_a_gap(city: Path) -> None:
    camera = plan(load_city(DEMO)).deployed_cameras[0].id
    argv = ["ledger", "show", str(city), camera, "--from", "2026-03-01T12:00:00Z", "--to", "2026-03-01T13:00:00Z"]
    result = RUNNER.invoke(app, [*argv, "--json"])
    assert result.exit_code == 1
    answer = json.loads(result.stdout)
    assert answer["gaps"] == []
    assert answer["unknown"] == [{"start": T, "end": T + 3600}]
    assert answer["silent"]
    assert set(answer["errors"]) == set(answer["silent"])
    words = RUNNER.invoke(app, argv)
    assert "unknown" in words.stdout
    assert "it is no gap" in " ".join(words.stdout.split())
    assert "does not answer" in words.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["cam-nowhere"], "--everywhere"),
        (["cam-nowhere", "--from", "noon"], "--from"),
        (["cam-nowhere", "--to", "2026-03-01"], "offset"),
    ],
)
def test_show_says_what_is_wrong_with_the_question(city: Path, options: list[str], words: str) -> None:
    result = RUNNER.invoke(app, ["ledger", "show", str(city), *options])
    assert result.exit_code == 2
    assert words in result.output


def test_show_runs_inside_the_network_of_the_hosts(city: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def ran(argv: list[str], **_: object) -> SimpleNamespace:
        asked.append(argv)
        return SimpleNamespace(returncode=0, stdout="[]", stderr="")

    monkeypatch.setattr(infra.automation, "reach", lambda planned, state: ["into", "the", "network"])
    monkeypatch.setattr(subprocess, "run", ran)
    camera = plan(load_city(DEMO)).deployed_cameras[0].id
    RUNNER.invoke(app, ["ledger", "show", str(city), camera])
    assert asked[0][:3] == ["into", "the", "network"]
    assert not any("key" in word for word in asked[0])
