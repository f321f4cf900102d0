"""Footage of a camera handed out: it plays, it is as long as it says, and a changed byte is found."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.lab_city import LabCity
from vigie.recording.ledger.limits import GAP_SECONDS

pytestmark = pytest.mark.lab

SECONDS = 120  # of footage
WAIT_SECONDS = 420  # until so much was recorded without a break, and its segments are closed
SLACK_SECONDS = 1.0  # frames at either end


def _at(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat()


def _checked(folder: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "vigie.cli", "export", "--verify", str(folder)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def _seconds(span: dict[str, str]) -> float:
    begin, end = (datetime.fromisoformat(span[name]).timestamp() for name in ("from", "to"))
    return end - begin


@pytest.fixture
def interval(deployed: LabCity) -> tuple[float, float]:
    """The newest two minutes of the first camera that are in closed segments and without a gap."""
    camera = deployed.plan.deployed_cameras[0].id
    found: list[tuple[float, float]] = []

    def recorded() -> bool:
        # A segment counts as closed one nominal length after its end.
        end = time.time() - 2 * deployed.plan.segment_seconds - 5
        said = deployed.vigie("ledger show", camera, "--from", _at(end - SECONDS), "--to", _at(end))
        found[:] = [(end - SECONDS, end)]
        return said.returncode == 0

    deployed.wait_for("two minutes without a gap", recorded, WAIT_SECONDS)
    return found[0]


def test_two_minutes_of_a_camera_are_handed_out(
    deployed: LabCity, interval: tuple[float, float], tmp_path: Path
) -> None:
    camera = deployed.plan.deployed_cameras[0]
    folder = tmp_path / "case"
    result = deployed.vigie(
        "export", "--camera", camera.id, "--from", _at(interval[0]), "--to", _at(interval[1]),
        "--output", str(folder), "--reason", "a drill of the lab", "--json",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    manifest: Any = json.loads((folder / "manifest.json").read_text())
    assert manifest["gaps"] == []
    covered = sum(_seconds(span) for span in manifest["covered"])
    # What the ledger calls no gap, where recording began just after the asked instant.
    assert abs(covered - SECONDS) < GAP_SECONDS + SLACK_SECONDS
    film = folder / "footage.mp4"
    length = _probed(film)
    assert length == pytest.approx(sum(piece["seconds"] for piece in manifest["films"][0]["pieces"]), abs=SLACK_SECONDS)
    assert -SLACK_SECONDS < length - covered < camera.main.keyframe_interval_seconds + SLACK_SECONDS
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-xerror", "-i", str(film), "-f", "null", "-"], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (decoded.returncode, decoded.stderr) == (0, "")
    assert manifest["lock"] not in deployed.vigie("lock list", "--json").stdout
    released = json.loads(deployed.vigie("lock show", manifest["lock"], "--json").stdout)["locks"][0]
    assert released["released"]["reason"] == "export ended"

    said = _checked(folder)
    assert said.returncode == 0, said.stderr
    content = film.read_bytes()
    with film.open("r+b") as file:
        file.seek(len(content) // 2)
        file.write(bytes([content[len(content) // 2] ^ 1]))
    said = _checked(folder)
    assert said.returncode == 1
    assert "footage.mp4" in said.stderr
    assert folder.stat().st_mode & 0o077 == 0


def _probed(film: Path) -> float:
    words = "ffprobe -v error -select_streams v:0 -show_entries stream=duration -of csv=p=0"
    return float(subprocess.run([*words.split(), str(film)], capture_output=True, text=True, check=True).stdout)
