"""Removing whatever a city still has on the machine, whoever made it and however far they came."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from infra.lab import cgroups, forward, host, mounts, network
from infra.lab.layout import NETNS, Lab
from infra.lab.leftovers import leftovers

_FORWARD_PREFIX = "forward:"


def sweep(lab: Lab) -> list[str]:
    """End and remove every object of the lab, named in any record or not; return what is still there.

    The files of volumes stay. Raises ``LabError`` when something is still in use.
    """
    groups = {name for group in cgroups.locate(lab.group) for name in _folders(group)}
    for name in sorted(_folders(lab.base / "forwards") | {g.removeprefix(_FORWARD_PREFIX) for g in groups if ":" in g}):
        forward.destroy(lab, name)
    named = {path.name.removeprefix(f"{lab.namespace}.") for path in _host_namespaces(lab)}
    for name in sorted(_folders(lab.base / "hosts") | named | {group for group in groups if ":" not in group}):
        host.destroy(lab, name)
    mounts.unmount(lab.base)
    network.destroy(lab)
    return leftovers(lab)


def _folders(parent: Path) -> set[str]:
    if not parent.is_dir():
        return set()
    return {entry.name for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)}


def _host_namespaces(lab: Lab) -> Iterable[Path]:
    return NETNS.glob(f"{lab.namespace}.*") if NETNS.is_dir() else ()
