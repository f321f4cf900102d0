"""Recording, looked at from the disk: the recorder's own word is not believed."""

from __future__ import annotations

from tests.hosts.expected import FRESH_SECONDS
from tests.hosts.observed import Observed
from vigie.city.quantity import human_bytes
from vigie.plan import constants

CONFIG_MODE = "0600"
RECORDER_USER = "recorder"
FFPROBE_CODECS = {"h264": "h264", "hevc": "h265"}


def active(observed: Observed) -> list[dict[str, object]]:
    """The identities that record on this host."""
    return [identity for identity in observed.variables["vigie_identities"] if identity["active"]]


def cameras(observed: Observed) -> dict[str, object]:
    """The cameras that this host records, by id."""
    here = {identity["id"] for identity in active(observed)}
    return {camera.id: camera for camera in observed.plan.deployed_cameras if camera.identity in here}


def test_volumes_are_mounted_and_hold_what_the_plan_counts_on(observed: Observed) -> None:
    """An unmounted volume fills the system's disk, a smaller one breaks the floor of retention weeks later."""
    usable = max(load.usable_bytes for load in observed.plan.capacity.recorders)
    for volume in observed.host.volumes:
        found = observed["volumes"][volume.mount]
        observed.expect(f"{volume.mount} is a mount point", True, found["mounted"])
        observed.expect(f"{volume.mount} is writable", True, found["writable"])
        if found["bytes"] < usable:
            observed.fail(
                f"{volume.mount} holds {human_bytes(found['bytes'])}, the plan counts on {human_bytes(usable)}"
            )


def test_configurations_are_the_recorders_alone(observed: Observed) -> None:
    """They hold the password of every camera: 0600, owned by the recorder, one for each identity that may run here."""
    wanted = {f"{constants.RECORDER_DIR}/{identity['id']}.yml" for identity in observed.variables["vigie_identities"]}
    found = {path: entry for path, entry in observed["files"].items() if path in wanted}
    observed.expect_all("configurations", wanted, found)
    observed.expect_all(
        "mode and owner of configurations",
        {(path, CONFIG_MODE, RECORDER_USER) for path in wanted},
        {(path, entry["mode"], entry["owner"]) for path, entry in found.items()},
    )


def test_the_recorder_runs_with_the_plans_configuration(observed: Observed) -> None:
    """Asked of the running process: a file that it did not read changes nothing."""
    observed.expect_all("identities", [identity["id"] for identity in active(observed)], observed["identities"])
    for identity in active(observed):
        found = observed["identities"][identity["id"]]
        observed.expect(f"{identity['id']}: open servers", [], found["servers"])
        observed.expect(f"{identity['id']}: records", True, found["record"])
        observed.expect(f"{identity['id']}: format", "fmp4", found["format"])
        observed.expect(f"{identity['id']}: segment", observed.plan.segment_seconds, seconds(found["segment"]))


def test_the_recorders_own_cleaner_is_off(observed: Observed) -> None:
    """It knows time only: it would delete under an evidence lock, and forget cameras that left the city."""
    for identity in active(observed):
        found = observed["identities"][identity["id"]]
        observed.expect(f"{identity['id']}: recordDeleteAfter in seconds", 0, seconds(found["cleaner"]))


def test_every_camera_of_the_plan_is_connected(observed: Observed) -> None:
    """Exactly the planned cameras, each connected: one more is recorded without a legal basis, one fewer is a gap."""
    for identity in active(observed):
        found = observed["identities"][identity["id"]]["paths"]
        wanted = {camera["id"] for camera in identity["cameras"]}  # type: ignore[attr-defined]
        observed.expect_all(f"{identity['id']}: cameras", wanted, found)
        observed.expect_none(
            f"{identity['id']}: cameras that are not connected", (name for name, ready in found.items() if not ready)
        )


def test_every_camera_is_being_written(observed: Observed) -> None:
    """The newest segment grows every second: with a full disk a recorder calls a camera ready and writes nothing."""
    limit = 2 * observed.plan.segment_seconds
    differences = []
    for camera, seen in observed["footage"].items():
        if not seen["path"]:
            differences.append(f"{camera} has no segment")
        elif seen["age_seconds"] > min(limit, FRESH_SECONDS):
            differences.append(f"{camera} was last written {seen['age_seconds']:.0f} s ago")
    observed.expect_none("cameras that are not recorded", differences)
    observed.expect_all("cameras that were looked at", cameras(observed), observed["footage"])


def test_footage_is_what_the_plan_asks_and_can_be_decoded(observed: Observed) -> None:
    """Read by ffmpeg, which recorded none of it: codec, width and height of the profile, and a picture that decodes."""
    differences = []
    for name, camera in cameras(observed).items():
        seen, main = observed["footage"][name], camera.main  # type: ignore[attr-defined]
        if not seen["probe"]:
            differences.append(f"{name} could not be read")
            continue
        probe = seen["probe"]
        found = (FFPROBE_CODECS.get(probe.get("codec_name")), probe.get("width"), probe.get("height"))
        if found != (main.codec, main.width, main.height):
            differences.append(f"{name} is {found} instead of {(main.codec, main.width, main.height)}")
        elif seen["complaints"]:
            differences.append(f"{name} does not decode: {seen['complaints']}")
    observed.expect_none("footage", differences)


def seconds(duration: str) -> float:
    """A Go duration as MediaMTX writes it (``1m0s``, ``0s``), in seconds."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0}
    total, number = 0.0, ""
    for character in duration:
        if character in units:
            total += float(number) * units[character]
            number = ""
        else:
            number += character
    return total
