"""The fingerprint of a host: one digest of everything it should be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vigie.plan import Plan, host_variables
from vigie.plan.document import canonical_json


def tree_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of every file below ``folder``, caches left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and ".ansible" not in path.parts:
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def fingerprints(plan: Plan, ssh_host_keys: dict[str, str], common: Iterable[Any]) -> dict[str, str]:
    """For each host: its slice of the plan, its own key (a rebuilt host is another host) and what all hosts share
    (roles, bundle, secrets, rules), each a JSON value in ``common``."""
    shared = list(common)
    return {
        host.name: hashlib.sha256(
            canonical_json([host_variables(plan, host.name), ssh_host_keys[host.name], shared])
        ).hexdigest()
        for host in plan.deployed_hosts
    }


def parts(
    plan: Plan,
    ssh_host_keys: Mapping[str, str],
    shared: Mapping[str, Any],
    layers: Callable[[str], Iterable[Path]],
) -> dict[str, dict[str, str]]:
    """For each host what its fingerprint is made of: a digest by name, so that a difference can be told from another.

    ``shared`` is what ``deploy.shared_inputs`` gives: its variables count one by one. ``layers`` gives the folders that a
    host of a layer is made from. ``vigie`` is no digest but the version that deployed the host.
    """
    common = {**shared, **shared["variables"]}
    del common["variables"]
    digests = {name: _digest(value) for name, value in common.items()}
    return {
        host.name: {
            **digests,
            "plan": _digest(host_variables(plan, host.name)),
            "machine": _digest(ssh_host_keys[host.name]),
            "layers": _digest([str(folder) for folder in layers(host.layer)]),
            "vigie": version("vigie"),
        }
        for host in plan.deployed_hosts
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
