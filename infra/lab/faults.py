"""Faults for drills, as they happen to real hosts. Each is undone by :func:`infra.lab.host.start`."""

from __future__ import annotations

from infra.lab import host as hosts
from infra.lab import namespaces
from infra.lab.layout import HOST_LINK, Lab, bridge_port


def cut_cable(lab: Lab, host: str) -> None:
    """Take the host's cable off the switch; the host itself notices nothing but silence."""
    namespaces.links(lab.namespace, [f"link set {bridge_port(host)} down"])


def restore_cable(lab: Lab, host: str) -> None:
    """Plug the cable in again."""
    namespaces.links(lab.namespace, [f"link set {bridge_port(host)} up"])
    # Losing the carrier may have cost the far end its state; it is brought up as a switch port would.
    namespaces.links(lab.host_namespace(host), [f"link set {HOST_LINK} up"])


def cut_power(lab: Lab, host: str) -> None:
    """Kill the host as a power cut does: silent first, so that no FIN or RST leaves it, then dead."""
    cut_cable(lab, host)
    hosts.halt(lab, host)


def kill(lab: Lab, host: str) -> None:
    """Kill every process of the host at once with its cable plugged: the kernel resets its connections."""
    hosts.halt(lab, host)
