"""Hosts that must not be lost together, and a hypervisor for each host so that they are not.

A group of recorders survives as many lost hosts as it has spares; a hypervisor may therefore hold no more of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from vigie.plan.model import Plan, Tier

# Three votes keep the city's directory alive while two answer: each needs a hypervisor of its own.
_TOGETHER: Final[tuple[tuple[str, frozenset[Tier]], ...]] = (
    ("central", frozenset({"central", "witness"})),
    ("noc", frozenset({"noc"})),
)


@dataclass(frozen=True, slots=True)
class Apart:
    """Deployed hosts of which one hypervisor may hold ``at_most`` so many."""

    name: str
    hosts: tuple[str, ...]
    at_most: int = 1


class TooFewHypervisors(Exception):  # noqa: N818 - said of the city, by whoever knows its file
    """``group`` needs ``needed`` hypervisors, and only ``given`` can take its hosts."""

    def __init__(self, group: Apart, needed: int, given: int) -> None:
        self.group, self.needed, self.given = group, needed, given
        super().__init__(f"{group.name} needs {needed} hypervisors, {given} are given")


def apart(plan: Plan) -> tuple[Apart, ...]:
    """The groups of ``plan`` whose hosts stay apart, each host in one at most; hosts not deployed are left out."""
    deployed = {host.name for host in plan.deployed_hosts}
    found = [
        Apart(name, tuple(host.name for host in plan.deployed_hosts if host.tier in tiers)) for name, tiers in _TOGETHER
    ]
    for group in plan.capacity.groups:
        hosts = tuple(host for host in (*group.members, *group.spares) if host in deployed)
        found.append(Apart(group.group, hosts, max(1, group.losses)))
    return tuple(group for group in found if len(group.hosts) > 1)


def spread(
    groups: Iterable[Apart], weights: Mapping[str, int], hypervisors: Sequence[str], held: Mapping[str, str]
) -> dict[str, str]:
    """A hypervisor for every host of ``weights`` (its memory, in any unit), those of ``held`` where they are.

    Deterministic: the lightest hypervisor that the host's group allows, the first of equals. Raises
    ``TooFewHypervisors`` when a group cannot be kept apart.
    """
    group_of = {host: group for group in groups for host in group.hosts}
    places = {host: held[host] for host in weights if host in held}
    for group in dict.fromkeys(group_of[host] for host in places if host in group_of):
        _check(group, places)
    load = {name: sum(weights[host] for host, place in places.items() if place == name) for name in hypervisors}
    # Hosts with a group choose first: the others fit anywhere.
    for host in sorted((host for host in weights if host not in places), key=lambda host: host not in group_of):
        allowed = _allowed(group_of.get(host), places, hypervisors)
        places[host] = min(allowed, key=lambda name: (load[name], hypervisors.index(name)))
        load[places[host]] += weights[host]
    return {host: places[host] for host in weights}


def _check(group: Apart, places: Mapping[str, str]) -> None:
    used = [places[host] for host in group.hosts if host in places]
    if any(used.count(name) > group.at_most for name in used):
        raise TooFewHypervisors(group, -(-len(used) // group.at_most), len(set(used)))


def _allowed(group: Apart | None, places: Mapping[str, str], hypervisors: Sequence[str]) -> Sequence[str]:
    if group is None:
        return hypervisors
    used = [places[host] for host in group.hosts if host in places]
    allowed = [name for name in hypervisors if used.count(name) < group.at_most]
    if not allowed:
        raise TooFewHypervisors(group, -(-len(group.hosts) // group.at_most), len(hypervisors))
    return allowed
