"""Reads one mounted volume: statvfs, the mount table, and what lies below it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exporters.storage.devices import Devices, read_devices

_READ_ONLY: Final = frozenset({"ro", "emergency_ro", "shutdown"})
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


class NotMountedError(OSError):
    """Nothing is mounted at the path: what would be measured is the file system of the host."""


@dataclass(frozen=True, slots=True)
class VolumeState:
    """Sizes in bytes. `free` is what an ordinary user may write. `inodes` is None where the file system has no limit
    of files."""

    size: int
    free: int
    used: int
    read_only: bool
    device: str
    filesystem: str
    inodes: int | None = None
    inodes_free: int | None = None
    devices: Devices = field(default_factory=Devices)


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of a mount table (proc_pid_mountinfo(5)): device number `major:minor`, type, source.

    `options` are the file system's own. Those of the mount say what this process may do: in the sandbox of its service
    everything is mounted read-only, and so says statvfs.
    """

    number: str
    filesystem: str
    source: str
    options: frozenset[str]

    @property
    def read_only(self) -> bool:
        """Whether nobody can write. Since Linux 6.15 ext4 keeps its flags after an error and only says `emergency_ro`."""
        return not self.options.isdisjoint(_READ_ONLY)


def read_volume(mount: Path) -> VolumeState:
    """The state of what is mounted at `mount`. Raises NotMountedError, or OSError when it cannot be read."""
    found = find_mount(Path("/proc/self/mountinfo").read_text(encoding="utf-8"), mount)
    if found is None:
        raise NotMountedError(f"{mount}: nothing is mounted there")
    state = os.statvfs(mount)
    return VolumeState(
        size=state.f_blocks * state.f_frsize,
        free=state.f_bavail * state.f_frsize,
        used=(state.f_blocks - state.f_bfree) * state.f_frsize,
        read_only=found.read_only,
        device=found.source,
        filesystem=found.filesystem,
        inodes=state.f_files or None,
        inodes_free=state.f_favail if state.f_files else None,
        devices=read_devices(found.number),
    )


def find_mount(table: str, mount: Path) -> Mount | None:
    """The topmost mount at exactly `mount` in a mountinfo table, or None."""
    found = None
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        fields, tail = before.split(" "), after.split(" ")
        if len(fields) > 4 and len(tail) > 2 and _unescape(fields[4]) == str(mount):
            found = Mount(fields[2], tail[0], _unescape(tail[1]), frozenset(tail[2].split(",")))
    return found


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
