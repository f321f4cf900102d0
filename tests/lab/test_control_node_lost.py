"""The runbook is followed word for word: the control machine is lost, another takes its place, nothing is recorded less."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab.footage import gaps
from tests.lab_city import CITY, ROOT, LabCity
from vigie.state.archive import HOSTS_PART

pytestmark = pytest.mark.lab

PAGE = ROOT / "docs" / "runbooks" / "control-node-lost.md"
PASSPHRASE = "a passphrase of the test"


def blocks(heading: str) -> list[str]:
    """The command blocks under a heading of the page."""
    section = PAGE.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", section, re.M | re.S)


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a person at the control machine: ``vigie`` is on the path."""
    command = tmp_path / "bin" / "vigie"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m vigie.cli "$@"\n')
    command.chmod(0o755)
    return {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"}


def follow(script: str, shell: dict[str, str]) -> str:
    done = subprocess.run(["bash", "-euc", script], env=shell, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_page_is_followed(deployed: LabCity, tmp_path: Path, shell: dict[str, str]) -> None:
    """In a lab the hosts live in the state folder, so the loss takes everything there but them."""
    secret = tmp_path / "passphrase"
    secret.touch(mode=0o600)
    secret.write_text(PASSPHRASE + "\n")
    written, *steps = blocks("Fix")
    values = {"CITY": CITY, "ARCHIVE": str(tmp_path / "city.age"), "PASSPHRASE": str(secret)}
    assert re.findall(r"^(\w+)=", written, re.M) == list(values), "the page names other values"
    said = "".join(f"{name}={value}\n" for name, value in values.items())
    (before,) = blocks("What it means")
    follow(said + before, shell)
    folder, started = deployed.state.folder, time.time()
    authority = (deployed.state.ca / "ca.pem").read_bytes()
    for path in folder.iterdir():
        if path.name not in HOSTS_PART:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert deployed.vigie("status").returncode == 1, "nothing is left to work with"

    printed = follow(said + "\n".join(steps), shell)

    assert (deployed.state.ca / "ca.pem").read_bytes() == authority
    assert "Pulumi: 0 changes" in printed
    report = deployed.up()
    assert (report["exit"], report["configured"], report["infrastructure_changes"]) == (0, [], {})
    lost = {camera.id: gaps(deployed, camera, started, time.time() - 10) for camera in deployed.plan.deployed_cameras}
    assert {camera: found for camera, found in lost.items() if found} == {}, "recording was interrupted"
