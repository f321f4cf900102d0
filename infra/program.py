"""The Pulumi program: one for every target, run by ``vigie up`` and by ``pulumi up`` alike."""

from __future__ import annotations

import pulumi

from infra.components import Host, Target
from vigie.plan.model import Plan


def program(plan: Plan, target: Target) -> None:
    """Declare every host of ``plan`` on ``target``.

    Exports ``plan`` (the plan's digest: encoders and cameras are data, never resources) and ``hosts``: address and
    public SSH host key by host name.
    """
    network = target.network(plan.network)
    hosts = {host.name: Host(host, target, network) for host in plan.deployed_hosts}
    for forward in plan.forwards:
        target.forward(forward, network)
    pulumi.export("plan", plan.digest)
    pulumi.export(
        "hosts",
        {name: {"address": host.address, "ssh_host_key": host.ssh_host_key} for name, host in hosts.items()},
    )
