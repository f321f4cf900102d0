"""What tests of ``vigie export`` share: a primary and its spare whose keepers run, with segments that decode."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.unit.cities import DEMO, committed
from tests.unit.recording.keeper.city import ram_folder
from tests.unit.recording.keeper.serving import Host, running
from vigie.cli import exports
from vigie.cli.app import app
from vigie.cli.commands import export as command
from vigie.pki import CityCA
from vigie.recording.journal import Journal
from vigie.recording.keeper.client import ask
from vigie.recording.keeper.question import Answer as KeeperAnswer
from vigie.recording.keeper.question import Request
from vigie.recording.layout import Segment
from vigie.recording.ledger.ask import Answer, Recorder
from vigie.recording.ledger.interval import Interval
from vigie.recording.ledger.reconcile import rebuild
from vigie.recording.ledger.scan import SegmentRule
from vigie.recording.ledger.store import IntervalStore
from vigie.state import STATE_HOME_VARIABLE, State

RUNNER = CliRunner()
SECONDS, GOP, FPS = 10, 2.0, 10
START = float(int(time.time()) // 60 * 60 - 7200)
PLAN = committed("demo")[1]
CAMERA = PLAN.deployed_cameras[0]
IDENTITY = next(identity for identity in PLAN.identities if identity.id == CAMERA.identity)
PRIMARY, SPARE = IDENTITY.host, IDENTITY.standby[0]
HELD = {PRIMARY: (0, 1, 2, 5), SPARE: (2, 3)}  # segments of each; nobody has the fifth


def clips(folder: Path) -> list[Path]:
    """Six segments of ten seconds as a recorder writes them, one clock running through the picture."""
    words = (
        f"ffmpeg -v error -f lavfi -i testsrc=size=64x64:rate={FPS} -t {6 * SECONDS} -c:v libx264 -preset ultrafast "
        f"-bf 0 -g {int(GOP * FPS)} -f segment -segment_time {SECONDS} -reset_timestamps 1 -segment_format mp4 "
        "-segment_format_options movflags=empty_moov+default_base_moof:frag_duration=1000000"
    )
    subprocess.run([*words.split(), str(folder / "%d.mp4")], check=True)
    return [folder / f"{number}.mp4" for number in range(6)]


@pytest.fixture(scope="module")
def hosts() -> Iterator[dict[str, Host]]:
    """A primary and its spare, each with its keeper."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        authority = CityCA.open(home / PLAN.city / "ca", PLAN.city)
        material = clips(home)
        found = {}
        for name, numbers in HELD.items():
            folder = stack.enter_context(ram_folder())
            for number in numbers:
                path = Segment(CAMERA.id, datetime.fromtimestamp(START + number * SECONDS, UTC)).path(
                    folder / "recordings"
                )
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(material[number], path)
                os.utime(path, (START + (number + 1) * SECONDS,) * 2)
            erased = {"store": "recordings", "camera": CAMERA.id, "from": START + 40, "to": START + 50}
            with closing(Journal(folder / "ledger")) as journal:
                journal.append("deletion", erased | {"segments": 1, "bytes": 1, "reason": "pressure"}, START + 60)
            found[name] = stack.enter_context(running(folder, authority, segment_seconds=SECONDS, approval="none"))
        found["home"] = Host(home, authority)
        yield found


@pytest.fixture
def down() -> set[str]:
    """Names of the recorders that do not answer."""
    return set()


@pytest.fixture
def reachable(hosts: dict[str, Host], down: set[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Host]:
    monkeypatch.setenv(STATE_HOME_VARIABLE, str(hosts["home"].folder))
    State.of(PLAN.city).prepare()
    shutil.rmtree(State.of(PLAN.city).folder / "ledger", ignore_errors=True)
    monkeypatch.setattr(command, "deployed_plan", lambda city, as_json: PLAN)
    monkeypatch.setattr("infra.automation.reach", lambda plan, state: [])

    def url(host: Any, path: str) -> str:
        port = 1 if host.name in down or host.name not in hosts else hosts[host.name].port
        return f"https://127.0.0.1:{port}{path}"

    def told(
        _state: State, _prefix: list[str], camera: str, window: Interval, asked: Sequence[Recorder]
    ) -> list[Answer]:
        return [
            Answer(recorder.name, error="no answer in time")
            if recorder.name in down
            else Answer(recorder.name, ledger(hosts, recorder.name, camera, window))
            for recorder in asked
        ]

    monkeypatch.setattr(exports, "url_of", url)
    monkeypatch.setattr(exports, "ask_ledgers", told)
    return hosts


@pytest.fixture
def quick(reachable: dict[str, Host], monkeypatch: pytest.MonkeyPatch) -> dict[str, Host]:
    """Keepers are asked by this program itself: each child costs a third of a second."""

    def asked(_plan: Any, _state: State, _prefix: Sequence[str], requests: Sequence[Request]) -> list[KeeperAnswer]:
        return asyncio.run(ask(requests, reachable[PRIMARY].context("control")))

    monkeypatch.setattr(exports, "ask_keepers", asked)
    return reachable


def ledger(hosts: dict[str, Host], name: str, camera: str, window: Interval) -> tuple[Interval, ...]:
    """What the ledger of a recorder says, made from its disk."""
    if name not in hosts:
        return ()
    with tempfile.TemporaryDirectory() as folder:
        store, _ = IntervalStore.open(Path(folder) / "intervals.db")
        rebuild(hosts[name].folder / "recordings", store, SegmentRule(SECONDS, GOP, False))
        found = store.intervals(camera, window.start, window.end)
        store.close()
    return found


def at(seconds: float) -> str:
    return datetime.fromtimestamp(START + seconds, UTC).isoformat()


def run(folder: Path, begin: float = 0, end: float = 60, *more: str) -> tuple[int, Any]:
    argv = ["export", str(DEMO), "--camera", CAMERA.id, "--from", at(begin), "--to", at(end), "--output", str(folder)]
    result = RUNNER.invoke(app, [*argv, "--json", *more])
    assert result.stdout, result.exception
    return result.exit_code, json.loads(result.stdout)


def verify(folder: Path) -> tuple[int, str]:
    result = RUNNER.invoke(app, ["export", "--verify", str(folder)])
    return result.exit_code, result.output.replace("\n", " ")


def seconds_of(span: dict[str, str]) -> tuple[float, float]:
    begin, end = (datetime.fromisoformat(span[name]).timestamp() - START for name in ("from", "to"))
    return round(begin, 1), round(end, 1)


def locks(hosts: dict[str, Host]) -> list[dict[str, Any]]:
    return [lock for name in HELD for lock in hosts[name].ask("GET", "/v1/locks")[1]["locks"]]
