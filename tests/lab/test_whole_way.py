"""The promise of the first screen: a written city becomes recorded, measured, verified video, and stays so."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.lab_city import LabCity
from vigie.plan.model import Camera
from vigie.recording.layout import SUFFIX

pytestmark = pytest.mark.lab

# Two probes at a time: each decodes 4 MP video on this machine's few cores.
PROBES = 2


def test_up_ends_well_also_after_three_interruptions(deployed: LabCity) -> None:
    """Ctrl-C while hosts are made, configured and verified, then ``up``: everything is there and green."""
    report = deployed.deployments[-1]
    assert report["good"]
    assert set(report["verified"]) == {host.name for host in deployed.plan.deployed_hosts}


def test_every_camera_is_recorded_as_playable_video(deployed: LabCity, artefacts: Path) -> None:
    """The newest finished segment of each camera, fetched and decoded by ffmpeg, an independent reader."""
    deployed.wait_for(
        "a finished segment of each camera",
        lambda: all(_finished(deployed, c) for c in deployed.plan.deployed_cameras),
        150,
    )

    def probe(camera: Camera) -> tuple[Camera, dict[str, Any], str]:
        path = _finished(deployed, camera)[-1]
        clip = artefacts / f"{camera.id}{SUFFIX}"
        clip.write_bytes(deployed.ssh(_recorder(deployed, camera), f"cat {path}").stdout)
        return camera, _streams(clip), _decode_errors(clip)

    with ThreadPoolExecutor(PROBES) as pool:
        for camera, stream, errors in pool.map(probe, deployed.plan.deployed_cameras):
            assert (stream["width"], stream["height"]) == (2560, 1440), camera.id
            assert {"h264": "h264", "hevc": "h265"}[stream["codec_name"]] == camera.main.codec, camera.id
            seconds, frames = float(stream["duration"]), int(stream["nb_read_packets"])
            assert seconds == pytest.approx(
                deployed.plan.segment_seconds, abs=camera.main.keyframe_interval_seconds + 1
            )
            assert frames / seconds == pytest.approx(camera.main.frames_per_second, rel=0.05), camera.id
            assert errors == "", camera.id


def test_every_prometheus_target_is_up(deployed: LabCity) -> None:
    """Each target of the plan, and no other, is scraped over mutual TLS."""
    planned = {(target.job, f"{target.address}:{target.port}") for target in deployed.plan.targets}
    deployed.wait_for("all targets up", lambda: all(r["value"][1] == "1" for r in deployed.query("up")), 30)
    assert {(r["metric"]["job"], r["metric"]["instance"]) for r in deployed.query("up")} == planned


def test_prometheus_says_that_every_camera_is_recorded(deployed: LabCity) -> None:
    """What the NOC sees agrees with the disk."""
    active = {r["metric"]["camera"] for r in deployed.query("vigie_recording_active == 1")}
    assert active == {camera.id for camera in deployed.plan.deployed_cameras}
    assert deployed.query("vigie_camera_fault == 1") == []


def test_a_second_up_changes_nothing_and_is_quick(deployed: LabCity) -> None:
    """Pulumi 0 changes, every host skipped because its checks are green in this run, under 120 s."""
    report = deployed.up()
    assert report["exit"] == 0, report
    assert report["infrastructure_changes"] == {}
    assert report["configured"] == []
    assert set(report["skipped"]) == set(report["verified"]) == {host.name for host in deployed.plan.deployed_hosts}
    assert report["seconds"] < 120


def test_a_full_up_runs_every_role_and_changes_nothing(deployed: LabCity) -> None:
    """Roles are idempotent in truth, not only skipped."""
    report = deployed.up("--full")
    assert report["exit"] == 0, report
    assert set(report["configured"]) == {host.name for host in deployed.plan.deployed_hosts}
    assert {host: tasks for host, tasks in report["changed"].items() if tasks} == {}


def _recorder(city: LabCity, camera: Camera) -> str:
    return next(identity.host for identity in city.plan.identities if identity.id == camera.identity)


def _finished(city: LabCity, camera: Camera) -> list[str]:
    """The finished segments of ``camera`` that began at a whole nominal length: all but the first and the newest."""
    host = _recorder(city, camera)
    mount = city.plan.host(host).volumes[0].mount
    listed = city.ssh(host, f"find {mount}/{camera.id} -name '*{SUFFIX}' | sort").stdout.decode().split()
    return listed[1:-1]


def _streams(clip: Path) -> dict[str, Any]:
    argv = ["ffprobe", "-v", "error", "-count_packets", "-show_streams", "-of", "json", str(clip)]
    (stream,) = json.loads(subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout)["streams"]
    found: dict[str, Any] = stream
    return found


def _decode_errors(clip: Path) -> str:
    argv = ["ffmpeg", "-v", "error", "-xerror", "-i", str(clip), "-t", "6", "-f", "null", "-"]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300).stderr
