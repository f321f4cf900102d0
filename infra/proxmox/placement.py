"""On which hypervisor of the cluster each host stands: chosen once, kept from then on."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

from infra.components.apart import TooFewHypervisors, apart, spread
from infra.components.settings import Read
from infra.proxmox.settings import LARGEST_ID, ProxmoxSettings
from vigie.city.errors import CityError, Problem
from vigie.plan.model import Plan


def place(plan: Plan, read: Read[ProxmoxSettings], previous: Mapping[str, str]) -> dict[str, str]:
    """The hypervisor of every deployed host; ``previous`` is where they stand. Raises ``CityError``.

    A host goes where ``placement`` says, else stays where it is, else where its group allows.
    """
    settings = read.values
    problems = [*_unknown_hosts(plan, read), *_lost_hypervisors(plan, read, previous), *_identifiers(plan, read)]
    if problems:
        raise CityError(problems)
    weights = {host.name: settings.size(host).memory for host in plan.deployed_hosts}
    held = {**previous, **settings.placement}
    try:
        return spread(apart(plan), weights, settings.nodes, held)
    except TooFewHypervisors as error:
        group = error.group
        message = (
            f"{group.name} has {len(group.hosts)} hosts, at most {group.at_most} of them on one hypervisor: "
            f"{error.needed} hypervisors are needed, {error.given} are there for it"
        )
        fix = "name more hypervisors, make recorder groups smaller (tiers.recorder.group_size) or mend placement"
        raise CityError([read.problem(("nodes",), message, fix)]) from error


def _unknown_hosts(plan: Plan, read: Read[ProxmoxSettings]) -> list[Problem]:
    known = {host.name for host in plan.hosts}
    return [
        read.problem(("placement", host), "the plan has no such host", "remove the line, or correct the name")
        for host in read.values.placement
        if host not in known
    ]


def _lost_hypervisors(plan: Plan, read: Read[ProxmoxSettings], previous: Mapping[str, str]) -> list[Problem]:
    """A host whose hypervisor is no longer named would be made anew elsewhere, away from its footage."""
    settings = read.values
    return [
        read.problem(
            ("nodes",),
            f"{host.name} stands on {previous[host.name]}, which is no longer named",
            f"name it again; or migrate the host and its volumes in Proxmox VE, then say where under placement.{host.name}",
        )
        for host in plan.deployed_hosts
        if host.name in previous and previous[host.name] not in settings.nodes and host.name not in settings.placement
    ]


def _identifiers(plan: Plan, read: Read[ProxmoxSettings]) -> list[Problem]:
    """Each host and each volume has an id of its own, counted from ``first_id`` by the host's address."""
    addresses = ip_network(plan.network.city).num_addresses
    most = max((len(host.volumes) for host in plan.deployed_hosts), default=0)
    last = read.values.first_id + addresses * (1 + most) - 1
    if last <= LARGEST_ID:
        return []
    message = f"the ids of virtual machines would reach {last}, the largest is {LARGEST_ID}"
    return [read.problem(("first_id",), message, "choose a smaller one, or a smaller network.city")]
