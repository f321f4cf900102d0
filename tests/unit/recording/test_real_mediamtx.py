"""The real MediaMTX takes what is rendered, refuses what is wrong, and runs what is confirmed.

Skipped where no binary is: the bundle builds it; VIGIE_MEDIAMTX or the PATH names it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from tests.unit.recording.test_mediamtx import CAMERA, SETTINGS
from vigie.recording.mediamtx import RecorderSettings, render_configuration, render_yaml
from vigie.recording.mediamtx.__main__ import main
from vigie.state import cache_home

_CACHE = cache_home()


def _find() -> str | None:
    built = (str(path) for path in sorted(_CACHE.glob("mediamtx/*/bin/mediamtx")) if os.access(path, os.X_OK))
    return os.environ.get("VIGIE_MEDIAMTX") or shutil.which("mediamtx") or next(built, None)


BINARY = _find()

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason="no MediaMTX binary: run `vigie bundle`, or set VIGIE_MEDIAMTX"),
    pytest.mark.skipif(os.geteuid() != 0, reason="an empty network namespace needs root"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path) -> RecorderSettings:
    camera = replace(CAMERA, address="127.0.0.1", port=free_port())
    recordings = PurePosixPath(tmp_path / "recordings")
    return replace(SETTINGS, cameras=[camera], api_port=free_port(), metrics_port=free_port(), recordings=recordings)


def write(folder: Path, settings: RecorderSettings) -> Path:
    """Puts the file in place as the role does: by an atomic rename."""
    new, file = folder / "rec.yml.new", folder / "rec.yml"
    new.write_text(render_yaml(render_configuration(settings)))
    new.chmod(0o600)
    return new.replace(file)


@contextmanager
def running(file: Path) -> Iterator[Path]:
    assert BINARY is not None
    log = file.with_suffix(".log")
    with log.open("wb") as sink:
        process = subprocess.Popen([BINARY, str(file)], stdout=sink, stderr=sink)
    try:
        yield log
    finally:
        process.terminate()
        process.wait()


def check(file: Path) -> int:
    return main(["check", str(file), "--binary", str(BINARY)])


def test_what_is_rendered_is_accepted(tmp_path: Path, settings: RecorderSettings) -> None:
    assert check(write(tmp_path, settings)) == 0
    assert not (tmp_path / "recordings").exists()


def test_what_is_wrong_is_refused_by_name_and_without_secrets(
    tmp_path: Path, settings: RecorderSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, settings)
    text = file.read_text()
    for wrong, said in (
        (text.replace("srt: false", "srtt: false"), 'unknown field "srtt"'),
        (text.replace("rtsp://", "rtspx://"), "invalid source"),
        (text.replace("writeQueueSize: 8192", "writeQueueSize: 8191"), "power of two"),
        ("a: [", "not YAML"),
    ):
        file.write_text(wrong)
        assert check(file) == 1
        error = capsys.readouterr().err
        assert said in error
        assert "viewer" not in error


def test_the_running_configuration_is_confirmed_also_after_hot_reloads(
    tmp_path: Path, settings: RecorderSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three changes at once: MediaMTX is deaf for 1 s after a reload, and confirm must not be fooled by that."""
    credentials = tmp_path / "operator.json"
    credentials.write_text(json.dumps({"username": "operator", "password": "a"}))
    credentials.chmod(0o600)

    def confirmed(timeout: str) -> int:
        return main(["confirm", str(tmp_path / "rec.yml"), "--credentials", str(credentials), "--timeout", timeout])

    with running(write(tmp_path, settings)) as log:
        assert confirmed("10") == 0
        for changed in (replace(settings, segment_seconds=120), replace(settings, segment_seconds=600)):
            write(tmp_path, changed)
            assert confirmed("10") == 0, capsys.readouterr().err
        (tmp_path / "other.yml").write_text((tmp_path / "rec.yml").read_text().replace("600s", "300s"))
        other = ["confirm", str(tmp_path / "other.yml"), "--credentials", str(credentials), "--timeout", "0.5"]
        assert main(other) == 1
        assert "recordSegmentDuration differs" in capsys.readouterr().err
        time.sleep(0.1)
        assert "p%40ss" not in log.read_text()
        assert CAMERA.password not in log.read_text()


def test_wrong_credentials_do_not_confirm(
    tmp_path: Path, settings: RecorderSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    credentials = tmp_path / "operator.json"
    credentials.write_text(json.dumps({"username": "exporter", "password": "m"}))
    credentials.chmod(0o600)
    with running(write(tmp_path, settings)):
        arguments = ["--credentials", str(credentials), "--timeout", "1"]
        assert main(["confirm", str(tmp_path / "rec.yml"), *arguments]) == 1
    assert "control API" in capsys.readouterr().err
