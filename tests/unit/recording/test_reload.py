"""Which cameras a new recorder file restarts; the last test asks the real MediaMTX."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from tests.unit.recording.test_mediamtx import CAMERA, SETTINGS
from tests.unit.recording.test_real_mediamtx import BINARY, free_port, running, write
from vigie.recording.mediamtx import RecorderSettings, hash_password, render_configuration
from vigie.recording.mediamtx.__main__ import main
from vigie.recording.mediamtx.identity import identity_settings
from vigie.recording.mediamtx.reload import Reload, reload

SECOND = replace(CAMERA, id="cam-2", address="10.77.1.6")
TWO = replace(SETTINGS, cameras=[CAMERA, SECOND])


def effect(after: RecorderSettings, before: RecorderSettings = TWO) -> Reload:
    return reload(render_configuration(before), render_configuration(after))


def test_the_same_file_does_nothing() -> None:
    assert effect(TWO) == Reload((), False, (), (), ())
    assert not effect(TWO).changes


def test_one_source_restarts_one_path() -> None:
    found = effect(replace(TWO, cameras=[CAMERA, replace(SECOND, path="/other")]))
    assert (found.every, found.restarted) == (False, ("cam-2",))
    assert found.changes


def test_paths_come_and_go_alone() -> None:
    found = effect(SETTINGS)
    assert (found.every, found.restarted, found.removed, found.added) == (False, (), ("cam-2",), ())
    assert effect(TWO, SETTINGS).added == ("cam-2",)


def test_a_recording_setting_restarts_every_path() -> None:
    found = effect(replace(TWO, segment_seconds=600))
    assert (found.every, found.settings) == (True, ("pathDefaults.recordSegmentDuration",))


def test_the_ports_of_metrics_restart_every_path_those_of_the_api_none() -> None:
    assert effect(replace(TWO, metrics_port=1)).every
    assert not effect(replace(TWO, api_port=1)).every
    assert not effect(replace(TWO, api_password_hash=hash_password("another"))).every


def test_an_entry_of_the_plan_becomes_the_settings() -> None:
    entry = {
        "id": "rec-1",
        "api_port": 9997,
        "metrics_port": 9998,
        "recordings": "/srv/recordings",
        "segment_seconds": 60,
        "cameras": [{"id": "cam-1", "address": "10.77.1.5", "port": 554, "path": "/ch1/main"}],
    }
    login = {"username": CAMERA.username, "password": CAMERA.password}
    found = identity_settings(entry, login, SETTINGS.metrics_password_hash, SETTINGS.api_password_hash)
    assert render_configuration(found) == render_configuration(SETTINGS)


@pytest.mark.skipif(BINARY is None, reason="no MediaMTX binary: run `vigie bundle`, or set VIGIE_MEDIAMTX")
def test_the_real_recorder_restarts_what_was_foretold(tmp_path: Path) -> None:
    """By its own log: a source that starts again says so."""
    cameras = [replace(one, address="127.0.0.1", port=free_port()) for one in (CAMERA, SECOND)]
    recordings = PurePosixPath(tmp_path / "recordings")
    before = replace(TWO, cameras=cameras, recordings=recordings, api_port=free_port(), metrics_port=free_port())
    login = tmp_path / "operator.json"
    login.write_text(json.dumps({"username": "operator", "password": "a"}))
    login.chmod(0o600)
    confirm = ["confirm", str(tmp_path / "rec.yml"), "--credentials", str(login), "--timeout", "10"]
    steps = [
        replace(before, cameras=[cameras[0], replace(cameras[1], path="/other")]),
        replace(before, cameras=[cameras[0]]),
        replace(before, metrics_port=free_port()),
    ]
    with running(write(tmp_path, before)) as log:
        assert main(confirm) == 0
        for after in steps:
            found = reload(render_configuration(before), render_configuration(after))
            seen = len(log.read_text())
            write(tmp_path, after)
            assert main(confirm) == 0
            time.sleep(0.3)
            started = set(re.findall(r"\[path (cam-\d)\] \[RTSP source\] started", log.read_text()[seen:]))
            staying = {camera.id for camera in before.cameras} & {camera.id for camera in after.cameras}
            foretold = staying if found.every else set(found.restarted)
            assert started - set(found.added) == foretold
            before = after
