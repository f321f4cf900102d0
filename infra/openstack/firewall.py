"""The security group of a host: what the plan's firewall accepts, and nothing else in either direction.

The host filters with nftables from the same plan; this is the second wall, outside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from typing import Final, Literal

import pulumi
from pulumi_openstack import networking

from vigie.plan.model import FirewallRule, Host

_DIRECTIONS: Final = {"input": "ingress", "output": "egress"}


@dataclass(frozen=True, slots=True)
class Opening:
    """One port open in one direction; ``peers`` are networks in CIDR form that hold the plan's peers and no other."""

    name: str
    direction: str
    protocol: Literal["tcp", "udp"]
    port: int
    peers: tuple[str, ...]
    purpose: str


def openings(rules: Iterable[FirewallRule]) -> list[Opening]:
    """``rules`` with one opening for each chain, protocol and port: Neutron refuses two alike."""
    grouped: dict[tuple[str, Literal["tcp", "udp"], int], list[FirewallRule]] = {}
    for rule in rules:
        grouped.setdefault((rule.chain, rule.protocol, rule.port), []).append(rule)
    found = []
    for (chain, protocol, port), alike in grouped.items():
        peers = {IPv4Network(peer) for rule in alike for peer in rule.peers}
        if not peers:
            continue
        found.append(
            Opening(
                f"{chain}-{protocol}-{port}",
                _DIRECTIONS[chain],
                protocol,
                port,
                tuple(str(network) for network in collapse_addresses(sorted(peers))),
                ", ".join(dict.fromkeys(rule.purpose for rule in alike)),
            )
        )
    return found


def security_group(host: Host, city: str, options: pulumi.ResourceOptions) -> networking.SecGroup:
    """The security group of ``host`` with its rules; the rule that lets everything out is removed."""
    group = networking.SecGroup(
        host.name,
        name=f"vigie-{city}-{host.name}",
        description=f"{host.name} of {city}: what the plan's firewall accepts",
        delete_default_rules=True,
        opts=options,
    )
    for opening in openings(host.firewall):
        _rule(host, city, group, opening, options)
    return group


def _rule(
    host: Host, city: str, group: networking.SecGroup, opening: Opening, options: pulumi.ResourceOptions
) -> networking.SecGroupRule:
    name = f"{host.name}-{opening.name}"
    only: pulumi.Input[str] | None = opening.peers[0] if len(opening.peers) == 1 else None
    # A hundred cameras would be a hundred rules: many peers go into an address group, which changes in place.
    peers = None if only else _peers(name, city, opening, options)
    return networking.SecGroupRule(
        name,
        direction=opening.direction,
        ethertype="IPv4",
        protocol=opening.protocol,
        port_range_min=opening.port,
        port_range_max=opening.port,
        remote_ip_prefix=only,
        remote_address_group_id=peers.id if peers else None,
        security_group_id=group.id,
        description=opening.purpose[:255],
        opts=options,
    )


def _peers(name: str, city: str, opening: Opening, options: pulumi.ResourceOptions) -> networking.AddressGroupV2:
    return networking.AddressGroupV2(
        name,
        name=f"vigie-{city}-{name}",
        addresses=list(opening.peers),
        description=opening.purpose[:255],
        opts=options,
    )
