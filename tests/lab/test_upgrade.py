"""A running city moves to another Vigie: from the footage, no camera misses more than one restart of its own recorder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.lab.footage import gaps
from tests.lab_city import ROOT, LabCity
from vigie.plan.model import Camera

pytestmark = pytest.mark.lab

RESTART_SECONDS: Final = 8.0  # process, connection, first keyframe (GOP 2 s), first part on the disk
SETTLED_SECONDS: Final = 10.0  # parts reach the disk so much later than they are filmed
ENCODER_RESTART_SECONDS: Final = 20.0  # a lab host's own devices start again; MediaMTX tries again every few seconds
Upgrade = Callable[..., Any]


@pytest.fixture(scope="module")
def newer(deployed: LabCity, tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    """``vigie upgrade`` of a newer version: another wheel, and a recorder unit that must restart for it."""
    tree = tmp_path_factory.mktemp("newer") / "vigie"
    ignore = shutil.ignore_patterns(".git", ".venv", "*cache*", "reports", ".hypothesis", ".ansible")
    shutil.copytree(ROOT, tree, ignore=ignore, symlinks=True)
    project = tree / "pyproject.toml"
    text = project.read_text("utf-8")
    assert text.count('\nversion = "') == 1
    project.write_text(text.replace('\nversion = "', '\nversion = "1!'), "utf-8")
    with (tree / "playbooks/roles/recorder/templates/recorder@.service.j2").open("a", encoding="utf-8") as unit:
        unit.write("# of a newer version\n")

    def upgrade(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "vigie.cli", "upgrade", str(deployed.folder), "--json", *arguments],
            cwd=tree,  # the first place where Python looks
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    return upgrade


def missing(city: LabCity, since: float) -> dict[str, list[float]]:
    """The lengths of the gaps of each camera from ``since`` to what must be on the disk by now."""
    time.sleep(SETTLED_SECONDS)
    until = time.time() - SETTLED_SECONDS
    return {
        camera.id: [end - start for start, end in gaps(city, camera, since, until)]
        for camera in city.plan.deployed_cameras
    }


def starts(city: LabCity) -> dict[str, str]:
    """By recorder host, which start of its recorder unit runs now (systemd's invocation)."""
    return {
        identity.host: city.ssh(identity.host, f"systemctl show -P InvocationID recorder@{identity.id}").stdout.decode()
        for identity in city.plan.identities
    }


def restarted(lost: list[float]) -> bool:
    """Whether the gaps of a camera are what one restart of its recorder may leave: one short gap, or none to be seen."""
    return len(lost) <= 1 and sum(lost) < RESTART_SECONDS


def of(city: LabCity, host: str) -> list[Camera]:
    identities = {identity.id for identity in city.plan.identities if identity.host == host}
    return [camera for camera in city.plan.deployed_cameras if camera.identity in identities]


def test_it_says_what_it_will_do_and_does_nothing(deployed: LabCity, newer: Upgrade) -> None:
    before = deployed.state.deployed.read_bytes()
    rows = newer("--dry-run")
    assert [row["host"] for row in rows][:3] == ["recorder-spare-1", "recorder-1", "recorder-2"]
    assert {row["host"] for row in rows} == {host.name for host in deployed.plan.deployed_hosts}
    by_host = {row["host"]: row for row in rows}
    assert {"vigie_wheel", "roles"} <= set(by_host["recorder-1"]["changed"])
    assert "vigie-exporter-camera.service" in by_host["recorder-1"]["restarts"]
    assert by_host["recorder-1"]["interrupts_recording"] == "maybe"
    assert by_host["recorder-spare-1"]["interrupts_recording"] == "no"
    assert not any(row["made_anew"] for row in rows)
    assert deployed.state.deployed.read_bytes() == before


def test_one_recorder_restarts_and_no_other_camera_notices(deployed: LabCity, newer: Upgrade) -> None:
    """The first two hosts: a spare, and the first recorder."""
    started, before = time.time(), starts(deployed)
    report = newer("--canary", "2")
    assert report["done"] == ["recorder-spare-1", "recorder-1"]
    lost, after = missing(deployed, started), starts(deployed)
    assert {host for host in before if before[host] != after[host]} == {"recorder-1"}
    assert all(restarted(lost[camera.id]) for camera in of(deployed, "recorder-1")), lost
    assert {camera.id: lost[camera.id] for camera in of(deployed, "recorder-2") if lost[camera.id]} == {}


def test_the_rest_follows_and_recordings_go_on(deployed: LabCity, newer: Upgrade) -> None:
    """Every host but the lab's own cameras: only the second recorder restarts."""
    started, before = time.time(), starts(deployed)
    encoders = [host.name for host in deployed.plan.deployed_hosts if host.tier == "lab_encoder"]
    left = newer("--dry-run")
    assert left[0]["host"] == "recorder-2"
    report = newer("--canary", str(len(left) - len(encoders)))
    assert sorted(report["left"]) == sorted(encoders)
    lost, after = missing(deployed, started), starts(deployed)
    assert {host for host in before if before[host] != after[host]} == {"recorder-2"}
    assert {camera.id: lost[camera.id] for camera in of(deployed, "recorder-1") if lost[camera.id]} == {}
    assert all(restarted(lost[camera.id]) for camera in of(deployed, "recorder-2")), lost


def test_the_cameras_of_the_lab_come_last(deployed: LabCity, newer: Upgrade) -> None:
    """Their restart is the lab's own: a real city has real cameras."""
    started = time.time()
    report = newer()
    assert report["left"] == []
    assert all(sum(found) < ENCODER_RESTART_SECONDS for found in missing(deployed, started).values())


def test_again_there_is_nothing_to_do(deployed: LabCity, newer: Upgrade) -> None:
    assert newer("--dry-run") == []
    report = newer()
    assert (report["done"], report["left"], report["failed"]) == ([], [], None)


def test_an_edited_city_is_for_up(deployed: LabCity) -> None:
    """One change at a time."""
    city = deployed.folder / "city.yaml"
    text = city.read_text("utf-8")
    try:
        city.write_text(text + "# edited\n", "utf-8")
        done = deployed.vigie("upgrade", "--json")
    finally:
        city.write_text(text, "utf-8")
    assert done.returncode == 2
    assert json.loads(done.stdout)["details"] == ["city.yaml was edited since it was deployed"]


def test_the_way_back_is_an_upgrade_too(deployed: LabCity) -> None:
    """This version again, so that the city is as this run found it."""
    done = deployed.vigie("upgrade", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert deployed.vigie("verify").returncode == 0
