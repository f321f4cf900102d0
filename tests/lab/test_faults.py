"""Every way a camera can fail shows in Prometheus with its reason within 60 s, and clears within 60 s after repair."""

from __future__ import annotations

import pytest

from tests.lab_city import LabCity
from vigie.plan.model import Camera

pytestmark = pytest.mark.lab

DEADLINE = 60
# Fault of the simulator -> reason in Prometheus; each on a camera of its own, all at once.
FAULTS = {
    "stall": "stalled",
    "freeze": "frozen",
    "drop": "unreachable",
    "auth": "auth_failed",
    "low_fps": "low_fps",
    "black": "black",
}


def _victims(city: LabCity) -> dict[str, Camera]:
    """Drop takes a whole device off the network, so it goes to a camera that shares its device with none."""
    alone = [camera for camera in city.plan.deployed_cameras if camera.encoder is None]
    shared = [camera for camera in city.plan.deployed_cameras if camera.encoder is not None]
    return {"drop": alone[0], **dict(zip([fault for fault in FAULTS if fault != "drop"], shared, strict=False))}


def _set_fault(city: LabCity, camera: Camera, fault: str) -> None:
    city.ssh(
        f"lab-{camera.site}", f"/opt/vigie/current/bin/python -m simulators.encoder.control fault {camera.id} {fault}"
    )


def _shown(city: LabCity) -> set[tuple[str, str]]:
    return {(r["metric"]["camera"], r["metric"]["reason"]) for r in city.query("vigie_camera_fault == 1")}


def test_each_fault_shows_and_clears_in_time(deployed: LabCity) -> None:
    """All faults together, as on a bad day: each camera shows its own reason, no other camera shows any."""
    victims = _victims(deployed)
    deployed.wait_for("no fault to begin with", lambda: not _shown(deployed), DEADLINE)
    wanted = {(camera.id, FAULTS[fault]) for fault, camera in victims.items()}
    try:
        for fault, camera in victims.items():
            _set_fault(deployed, camera, fault)
        seconds = deployed.wait_for(f"{wanted} shown", lambda: wanted <= _shown(deployed), DEADLINE)
        print(f"\nall faults shown after {seconds:.0f} s")
        assert {camera for camera, _ in _shown(deployed)} == {camera.id for camera in victims.values()}
    finally:
        for camera in victims.values():
            _set_fault(deployed, camera, "ok")
    seconds = deployed.wait_for("all faults cleared", lambda: not _shown(deployed), DEADLINE)
    print(f"all faults cleared after {seconds:.0f} s")


def test_a_full_disk_shows_as_not_recording_although_the_path_is_ready(deployed: LabCity) -> None:
    """MediaMTX calls the path ready; the disk is the truth. The other recorder goes on; freeing the disk is enough."""
    identity = deployed.plan.identities[1]
    host, cameras = identity.host, set(identity.cameras)
    mount = deployed.plan.host(host).volumes[0].mount
    ballast = f"{mount}/ballast"
    try:
        # fallocate takes all but what root reserves; dd takes the rest.
        deployed.ssh(
            host,
            f"fallocate -l $(df --output=avail -B1 {mount} | tail -1) {ballast}; dd if=/dev/zero of={ballast}2 bs=64k || true",
        )
        deployed.wait_for("not recorded", lambda: {(c, "not_recorded") for c in cameras} <= _shown(deployed), DEADLINE)
        ready = {r["metric"]["camera"] for r in deployed.query("vigie_camera_stream_ready == 1")}
        assert cameras <= ready
        assert cameras.isdisjoint(r["metric"]["camera"] for r in deployed.query("vigie_recording_active == 1"))
        assert set(deployed.plan.identities[0].cameras).isdisjoint(camera for camera, _ in _shown(deployed))
    finally:
        deployed.ssh(host, f"rm -f {ballast} {ballast}2")
    deployed.wait_for("recorded again", lambda: not _shown(deployed), DEADLINE)
