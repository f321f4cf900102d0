"""What a target must be able to provide; the program is written against this and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pulumi

from vigie.plan.model import Forward, Host, Network


@dataclass(frozen=True)
class HostOutputs:
    """What is known of a host once it exists."""

    address: pulumi.Output[str]
    ssh_host_key: pulumi.Output[str]


class Target(Protocol):
    """Provides the hosts of a plan: the lab, racked metal, a hypervisor."""

    def network(self, network: Network) -> pulumi.Resource:
        """Make the network that hosts join."""
        ...

    def host(self, host: Host, network: pulumi.Resource, parent: pulumi.Resource) -> HostOutputs:
        """Make a host with its volumes as children of ``parent``, reachable by SSH."""
        ...

    def forward(self, forward: Forward, network: pulumi.Resource) -> pulumi.Resource | None:
        """Make a service of the city reachable from the control node; ``None`` where it is already."""
        ...
