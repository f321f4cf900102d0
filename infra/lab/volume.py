"""Volumes: ext4 in a sparse file, mounted on the machine through a loop device and bind-mounted into a host.

A volume outlives its host, and its place in the plan: nothing here deletes what it holds (docs/decisions/006).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from infra.lab import host as hosts
from infra.lab import mounts
from infra.lab.commands import locked, read_record, run, wait_until, write_record
from infra.lab.errors import LabError
from infra.lab.layout import Lab

Condition = Literal["absent", "detached", "ready"]
MINIMUM_BYTES: Final = 8 * 1024 * 1024  # ext4 with a journal needs a few megabytes
_DETACH_TIMEOUT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """A filesystem of ``size_bytes`` for a host."""

    host: str
    name: str
    size_bytes: int


def image(lab: Lab, spec: VolumeSpec) -> Path:
    """The sparse file that holds the filesystem."""
    return lab.volume(spec.host, spec.name) / "image"


def mount_point(lab: Lab, spec: VolumeSpec) -> Path:
    """Where the machine mounts the filesystem, to be bind-mounted into the host."""
    return lab.volume(spec.host, spec.name) / "mount"


def _record(lab: Lab, spec: VolumeSpec) -> Path:
    return lab.volume(spec.host, spec.name) / "volume.json"


def attached_devices(file: Path) -> list[str]:
    """The loop devices over ``file``."""
    return [line.split(":", 1)[0] for line in run(["losetup", "--associated", str(file)]).splitlines()]


def create(lab: Lab, spec: VolumeSpec) -> Path:
    """Make and mount the volume, or adopt one that is there, keeping its content; return the mount point.

    Raises ``LabError`` when an existing one is larger than asked: shrinking would lose recordings.
    """
    if spec.size_bytes < MINIMUM_BYTES:
        raise LabError(f"volume {spec.host}/{spec.name}: {spec.size_bytes} bytes; at least {MINIMUM_BYTES} are needed")
    with locked(lab.lock("volume", f"{spec.host}:{spec.name}")):
        file = image(lab, spec)
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _format(file, spec)
        point = mount_point(lab, spec)
        point.mkdir(exist_ok=True)
        if read_record(_record(lab, spec)) != asdict(spec):  # or a killed run left the filesystem smaller than its file
            _grow(lab, spec)
        if mounts.at(point) is None:
            _mount(file, point)
        write_record(_record(lab, spec), asdict(spec))
        return point


def _mount(file: Path, point: Path) -> None:
    """Mount the filesystem through one loop device, never two: two over one file would corrupt it.

    A device is still there while a foreign mount namespace (somebody's ``unshare --mount``) keeps a copy of an earlier
    mount; mounting that device again gives the same filesystem.
    """
    for device in attached_devices(file):
        run(["mount", "--types", "ext4", "--options", "noatime", device, str(point)])
        return
    # The loop device goes with its last mount (autoclear), so that nothing is left when a run is killed.
    run(["mount", "--types", "ext4", "--options", "loop,noatime", str(file), str(point)])


def _format(file: Path, spec: VolumeSpec) -> None:
    new = file.with_name("image.new")
    new.unlink(missing_ok=True)
    with new.open("wb") as empty:
        empty.truncate(spec.size_bytes)
    new.chmod(0o600)
    run(["mkfs.ext4", "-q", "-m", "0", "-L", spec.name[:16], str(new)])
    new.rename(file)


def _grow(lab: Lab, spec: VolumeSpec) -> None:
    file = image(lab, spec)
    present = file.stat().st_size
    if present > spec.size_bytes:
        raise LabError(
            f"volume {spec.host}/{spec.name} has {present} bytes and cannot shrink to {spec.size_bytes}: "
            f"keep its size, or, if its content may be lost, remove {file.parent}"
        )
    with file.open("r+b") as opened:
        opened.truncate(spec.size_bytes)
    if not _grow_mounted(file):
        _grow_unmounted(lab, spec)


def _grow_mounted(file: Path) -> bool:
    """Grow the mounted filesystem to its file; ``False`` where the kernel refuses (it asks for CAP_SYS_RESOURCE)."""
    devices = attached_devices(file)
    if not devices:
        return False
    run(["losetup", "--set-capacity", devices[0]])
    try:
        run(["resize2fs", devices[0]])
    except LabError:
        return False
    return True


def _grow_unmounted(lab: Lab, spec: VolumeSpec) -> None:
    """Grow the filesystem while nothing uses it; its host is shut down for that, and left so."""
    with locked(lab.lock("host", spec.host)):
        hosts.stop(lab, spec.host)
        detach(lab, spec)
    file = image(lab, spec)
    if attached_devices(file):
        raise LabError(f"{file} cannot grow: another mount namespace holds it; try again when that has ended")
    run(["e2fsck", "-f", "-p", str(file)])
    run(["resize2fs", str(file)])


def condition(lab: Lab, spec: VolumeSpec) -> Condition:
    """The volume as it is: ``absent``, ``detached`` (file there, not mounted) or ``ready``."""
    if read_record(_record(lab, spec)) is None or not image(lab, spec).exists():
        return "absent"
    return "ready" if mounts.at(mount_point(lab, spec)) else "detached"


def detach(lab: Lab, spec: VolumeSpec) -> None:
    """Unmount the volume and let go of its loop device; its content stays. Raises ``LabError`` while a host uses it."""
    mounts.unmount(mount_point(lab, spec))
    file = image(lab, spec)
    # The kernel frees the device with the last copy of the mount, which a foreign namespace may hold for longer.
    wait_until(lambda: not attached_devices(file), _DETACH_TIMEOUT_SECONDS)
