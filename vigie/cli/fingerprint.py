"""The fingerprint of a host: one digest of everything it should be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
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
