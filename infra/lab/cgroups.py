"""Control groups, on the hybrid layout (v1 beside a unified hierarchy) and on the pure unified one, cgroups(7).

A host lives in one group per hierarchy. That of the unified hierarchy tells whether it lives and kills it whole:
killing systemd-nspawn alone would orphan a container that goes on answering.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from infra.lab.commands import wait_until
from infra.lab.errors import LabError

# Eight times the defaults of v1 and v2: all hosts together must not weigh like one task of the machine.
CITY_CPU: Final = {"cpu.shares": "8192", "cpu.weight": "800"}
KILL_TIMEOUT_SECONDS: Final = 20.0
SEARCH_DEPTH: Final = 4


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted hierarchy. ``controllers`` is empty for the unified one and for named ones (``name=systemd``)."""

    mount: Path
    unified: bool
    controllers: frozenset[str]
    base: Path

    @property
    def confines(self) -> bool:
        """Whether the caller sits in a group of its own here, below which its children stay."""
        return self.base != self.mount


def _membership(text: str) -> dict[frozenset[str], PurePosixPath]:
    """Parse /proc/PID/cgroup: the caller's group by the set of controllers (empty for the unified hierarchy)."""
    found = {}
    for line in text.splitlines():
        _, names, path = line.split(":", 2)
        found[frozenset(filter(None, names.split(",")))] = PurePosixPath(path)
    return found


def _cgroup_mounts(text: str) -> Iterable[tuple[PurePosixPath, Path, bool, frozenset[str]]]:
    """Parse /proc/PID/mountinfo: (root within the hierarchy, mount point, unified, mount options of the hierarchy)."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in {"cgroup", "cgroup2"}:
            root, point = before.split(" ")[3:5]
            yield PurePosixPath(root), Path(point), kind == "cgroup2", frozenset(options.split(","))


def parse_hierarchies(mountinfo: str, membership: str) -> tuple[Hierarchy, ...]:
    """The hierarchies a host must join, from the texts of /proc/self/mountinfo and /proc/self/cgroup.

    Groups of the lab stand at the root of the unified and of the named hierarchies, where a later run finds them and
    where ending a login session does not reach. In a v1 controller hierarchy they stand below the caller's own group,
    so that no limit laid upon the caller is left behind.
    """
    member = _membership(membership)
    seen: set[frozenset[str]] = set()
    found = []
    for root, mount, unified, options in _cgroup_mounts(mountinfo):
        names = frozenset() if unified else next((key for key in member if key and key <= options), None)
        if names is None or names in seen or names not in member:
            continue
        seen.add(names)
        controllers = frozenset(name for name in names if not name.startswith("name="))
        base = mount
        if controllers:
            own = member[names]
            base = mount / own.relative_to(root) if own.is_relative_to(root) else mount
        found.append(Hierarchy(mount, unified, controllers, base))
    return tuple(found)


def hierarchies() -> tuple[Hierarchy, ...]:
    """The hierarchies of this machine. Raises ``LabError`` when there is no unified one."""
    found = parse_hierarchies(
        Path("/proc/self/mountinfo").read_text(encoding="utf-8"), Path("/proc/self/cgroup").read_text(encoding="utf-8")
    )
    if not any(hierarchy.unified for hierarchy in found):
        raise LabError("no unified cgroup hierarchy is mounted: mount cgroup2 (systemd.unified_cgroup_hierarchy=1)")
    return found


def _unified(group: PurePosixPath) -> Path:
    return next(h.base for h in hierarchies() if h.unified) / group


def _prepare(directory: Path, hierarchy: Hierarchy) -> None:
    if "cpuset" in hierarchy.controllers:
        # A v1 cpuset accepts no process until its CPUs and memory banks are named, cpuset(7).
        for name in ("cpuset.cpus", "cpuset.mems"):
            (directory / name).write_text((directory.parent / name).read_text(encoding="ascii"), encoding="ascii")


def create(group: PurePosixPath) -> list[Path]:
    """Make ``group`` in every hierarchy and return the ``cgroup.procs`` files a process writes itself into."""
    files = []
    for hierarchy in hierarchies():
        directory = hierarchy.base
        for part in group.parts:
            directory = directory / part
            if not directory.is_dir():
                directory.mkdir(exist_ok=True)
                _prepare(directory, hierarchy)
        for name, value in CITY_CPU.items():
            if (setting := hierarchy.base / group.parts[0] / name).exists():
                setting.write_text(value, encoding="ascii")
        files.append(directory / "cgroup.procs")
    return files


def populated(group: PurePosixPath) -> bool:
    """Whether any process lives in ``group`` or below it."""
    try:
        text = (_unified(group) / "cgroup.events").read_text(encoding="ascii")
    except (FileNotFoundError, OSError):
        return False
    return "populated 1" in text


def _members(directory: Path) -> set[int]:
    found: set[int] = set()
    for parent, _, _ in os.walk(directory):
        try:
            text = (Path(parent) / "cgroup.procs").read_text(encoding="ascii")
        except OSError:  # gone meanwhile, or threaded
            continue
        found.update(int(pid) for pid in text.split())
    return found


def processes(group: PurePosixPath) -> set[int]:
    """The process ids of ``group`` and of the groups below it, in any hierarchy."""
    return set().union(*(_members(directory) for directory in locate(group)))


def locate(group: PurePosixPath) -> list[Path]:
    """Every directory of ``group``, also those made by a caller who sat in another group of a v1 hierarchy."""
    found = []
    for hierarchy in hierarchies():
        if (hierarchy.base / group).is_dir():
            found.append(hierarchy.base / group)
        if hierarchy.controllers:
            found += [path for path in _search(hierarchy.mount, group) if path not in found]
    return found


def _search(mount: Path, group: PurePosixPath) -> Iterable[Path]:
    for parent, directories, _ in os.walk(mount):
        if group.parts[0] in directories:
            directories.remove(group.parts[0])
            if (path := Path(parent) / group).is_dir():
                yield path
        if len(Path(parent).relative_to(mount).parts) >= SEARCH_DEPTH:
            directories.clear()


def kill(group: PurePosixPath) -> None:
    """Kill every process of ``group`` at once and wait until none is left. Raises ``LabError`` when some stay."""
    try:
        (_unified(group) / "cgroup.kill").write_text("1", encoding="ascii")
    except FileNotFoundError:
        return
    if not wait_until(lambda: not populated(group), KILL_TIMEOUT_SECONDS, 0.01):
        raise LabError(f"processes of {group} survive SIGKILL (blocked in the kernel): {sorted(processes(group))}")


def remove(group: PurePosixPath) -> None:
    """Remove ``group``, empty of processes, from every hierarchy. Raises ``LabError`` when it stays busy."""
    for directory in locate(group):
        _remove_tree(directory)


def _remove_tree(directory: Path) -> None:
    deadline = time.monotonic() + KILL_TIMEOUT_SECONDS
    while directory.is_dir():
        for parent, _, _ in os.walk(directory, topdown=False):
            try:
                Path(parent).rmdir()
            except OSError as error:  # a dying process may hold it for some milliseconds
                if time.monotonic() > deadline:
                    raise LabError(f"control group {parent} cannot be removed: {error.strerror}") from error
        time.sleep(0.01)
