"""The devices of the lab: what they play is what the plan's cameras are."""

from __future__ import annotations

from tests.hosts.observed import Observed
from vigie.plan.model import LabDevice

REFUSED = "RTSP/1.0 401"


def devices(observed: Observed) -> list[LabDevice]:
    """The devices that this host plays."""
    return [device for device in observed.plan.lab_devices if device.host == observed.host.name]


def test_every_device_answers_at_its_address(observed: Observed) -> None:
    """An RTSP DESCRIBE without a password is refused with 401 (RFC 2326), as a real camera does, and answered at all."""
    wanted = {f"{device.address}:{device.port}{device.streams[0].stream.path}" for device in devices(observed)}
    observed.expect_all("devices", wanted, observed["devices"])
    observed.expect_none(
        "devices that do not ask for a password",
        (f"{device} says {said!r}" for device, said in observed["devices"].items() if not said.startswith(REFUSED)),
    )


def test_the_simulator_plays_the_plans_cameras_without_fault(observed: Observed) -> None:
    """A fault that a drill forgot to clear would make every later drill lie."""
    found = {
        (camera["id"], stream["role"], stream["path"], stream["fault"])
        for camera in observed["simulator"]["cameras"]
        for stream in camera["streams"]
    }
    wanted = {
        (stream.camera, stream.role, stream.stream.path, "ok")
        for device in devices(observed)
        for stream in device.streams
    }
    fix = "vigie up; a fault goes with `python -m simulators.encoder.control fault CAMERA ok` on this host"
    observed.expect_all("streams", wanted, found, fix)
