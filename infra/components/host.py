"""The ``Host`` component: a machine of the plan, the same to the program on every target."""

from __future__ import annotations

import pulumi

from infra.components.target import HostOutputs, Target
from vigie.plan import model

__all__ = ["Host", "HostOutputs"]


class Host(pulumi.ComponentResource):
    """A host of the plan with its volumes. Ready when SSH greets on ``address`` with ``ssh_host_key``."""

    address: pulumi.Output[str]
    ssh_host_key: pulumi.Output[str]

    def __init__(
        self,
        host: model.Host,
        target: Target,
        network: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("vigie:infra:Host", host.name, None, opts)
        outputs = target.host(host, network, self)
        self.address = outputs.address
        self.ssh_host_key = outputs.ssh_host_key
        self.register_outputs({"address": self.address, "ssh_host_key": self.ssh_host_key})
