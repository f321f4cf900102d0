"""Looks at one host: every section answers for itself, and one that fails leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.hosts.probes import system, trust, video
from tests.hosts.probes.common import Request

SECTIONS: dict[str, Callable[[Request], Any]] = {
    section.__name__: section
    for section in (
        system.files,
        system.units,
        system.sockets,
        system.firewall,
        system.network,
        system.ssh,
        system.accounts,
        system.clock,
        system.journal,
        system.kernel,
        system.volumes,
        trust.certificates,
        trust.endpoints,
        trust.secrecy,
        video.identities,
        video.footage,
        video.documents,
        video.simulator,
        video.devices,
    )
}


def observe(request: Request) -> dict[str, dict[str, Any]]:
    """Every section's ``{"value": …}`` or ``{"error": …}``."""
    with ThreadPoolExecutor(len(SECTIONS)) as pool:
        running = {name: pool.submit(section, request) for name, section in SECTIONS.items()}
    found: dict[str, dict[str, Any]] = {}
    for name, future in running.items():
        try:
            found[name] = {"value": future.result()}
        except Exception as error:  # whatever went wrong there is a finding too
            found[name] = {"error": f"{type(error).__name__}: {error}"}
    return found
