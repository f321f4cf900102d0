"""Mounts: what is mounted, shared folders, and unmounting that waits for the last user to be gone."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.lab.commands import run
from infra.lab.errors import LabError

UNMOUNT_TIMEOUT_SECONDS: Final = 15.0
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of /proc/self/mountinfo, proc_pid_mountinfo(5)."""

    point: Path
    kind: str
    source: str
    shared: bool


def parse(text: str) -> list[Mount]:
    """Parse mountinfo; octal escapes in paths are undone."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        kind, source = after.split(" ")[:2]
        shared = any(field.startswith("shared:") for field in fields[6:])
        found.append(Mount(Path(_unescape(fields[4])), kind, _unescape(source), shared))
    return found


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def mounted() -> list[Mount]:
    """Every mount of the calling process, oldest first."""
    return parse(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))


def at(folder: Path) -> Mount | None:
    """The mount at exactly ``folder``; unlike ``Path.is_mount`` this sees bind mounts within one filesystem."""
    return next((mount for mount in reversed(mounted()) if mount.point == folder), None)


def below(folder: Path) -> list[Mount]:
    """The mounts at ``folder`` or below it, oldest first."""
    return [mount for mount in mounted() if mount.point.is_relative_to(folder)]


def share(folder: Path) -> None:
    """Make ``folder`` a mount of its own with shared propagation, mount_namespaces(7).

    systemd-nspawn keeps copies of the machine's mounts in each host. Without propagation they would pin the overlays
    and volumes of other hosts until that host ends.
    """
    if at(folder) is None:
        run(["mount", "--bind", str(folder), str(folder)])
        run(["mount", "--make-private", str(folder)])  # leave the peer group of the parent
    mount = at(folder)
    if mount is None or not mount.shared:  # made shared once only: a new peer group would leave running hosts behind
        run(["mount", "--make-shared", str(folder)])


def unmount(folder: Path) -> None:
    """Unmount everything at and below ``folder``, newest first, waiting for users that are ending.

    Raises ``LabError`` when it stays busy: an unmount behind the users' back would hide them.
    """
    deadline = time.monotonic() + UNMOUNT_TIMEOUT_SECONDS
    while found := below(folder):
        try:
            run(["umount", str(found[-1].point)])
        except LabError as error:
            if time.monotonic() > deadline:
                raise LabError(f"{found[-1].point} is still in use and cannot be unmounted: {error}") from error
            time.sleep(0.1)
