"""Whatever of a city is still on the machine, found by looking at the machine alone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from infra.lab import cgroups, mounts
from infra.lab.layout import NETNS, Lab


def leftovers(lab: Lab) -> list[str]:
    """Processes, namespaces, control groups, mounts, loop devices and files in /run of the city, one a line.

    Empty once ``down`` has run. Files in the city's state folder are not counted.
    """
    names = _namespaces(lab)
    return [
        *(f"process {line}" for line in _processes(lab, names)),
        *(f"namespace {path.name}" for path in names),
        *(f"control group {path}" for path in cgroups.locate(lab.group)),
        *(f"mount {mount.point}" for mount in mounts.below(lab.directory)),
        *(f"loop device {line}" for line in _loop_devices(lab)),
        *(f"file {path}" for path in Path("/run/systemd/nspawn").glob(f"*/{lab.namespace}.*")),
    ]


def _namespaces(lab: Lab) -> list[Path]:
    if not NETNS.is_dir():
        return []
    mine = (lab.namespace, f"{lab.namespace}.")
    return sorted(path for path in NETNS.iterdir() if path.name == mine[0] or path.name.startswith(mine[1]))


def _processes(lab: Lab, namespaces: list[Path]) -> list[str]:
    """Processes in the city's control groups, in its namespaces, or naming its lab folder in their command line."""
    grouped = cgroups.processes(lab.group)
    inodes = set()
    for path in namespaces:
        with suppress(OSError):
            inodes.add(path.stat().st_ino)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):  # ended meanwhile
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            named = f"--machine={lab.namespace}." in command or f"--net={NETNS / lab.namespace} " in command
            if int(entry.name) in grouped or named or (entry / "ns/net").stat().st_ino in inodes:
                found.append(f"{entry.name} {command}")
    return found


def _loop_devices(lab: Lab) -> list[str]:
    found = []
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with suppress(OSError):
            file = backing.read_text(encoding="utf-8").strip()
            if Path(file.removesuffix(" (deleted)")).is_relative_to(lab.directory):
                found.append(f"{backing.parents[1].name} {file}")
    return found
