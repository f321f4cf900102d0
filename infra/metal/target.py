"""Racked machines as a target of the Pulumi program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pulumi
from typing_extensions import override

from infra.components.environment import StoredTarget
from infra.components.target import HostOutputs
from infra.metal.judgement import Expectation, Port
from infra.metal.kinds import VERSION, MachineKind
from vigie.plan.model import Forward, Host, Network, Plan
from vigie.plan.variables import host_variables


class Machine(pulumi.CustomResource):
    """A racked machine, adopted as it stands."""

    ssh_host_key: pulumi.Output[str]
    condition: pulumi.Output[str]

    def __init__(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions) -> None:
        own = pulumi.ResourceOptions(version=VERSION, delete_before_replace=True)
        options = pulumi.ResourceOptions.merge(own, opts)
        super().__init__(MachineKind.token, name, {**inputs, "condition": None, "ssh_host_key": None}, options)


class RackedNetwork(pulumi.ComponentResource):
    """The network that is there already; nothing of it is made."""

    def __init__(self, network: Network) -> None:
        super().__init__("vigie:infra:Network", network.platform)
        self.register_outputs({})


@dataclass(frozen=True)
class MetalTarget(StoredTarget):
    """Machines in racks. ``ports`` are what services of each host listen on, by host name; ``key_file`` is the city's
    private SSH key."""

    key_file: str
    control_address: str
    ports: Mapping[str, tuple[Port, ...]]

    @property
    @override
    def host_type(self) -> str:
        return MachineKind.token

    @override
    def rebuilding(self, hosts: Sequence[str]) -> MetalTarget:  # a racked machine is looked at, never made
        return self

    @override
    def network(self, network: Network) -> pulumi.Resource:
        return RackedNetwork(network)

    @override
    def host(self, host: Host, network: pulumi.Resource, parent: pulumi.Resource) -> HostOutputs:
        if host.machine is None:
            raise pulumi.RunError(f"machines.csv has no line for {host.name}")
        inputs = {
            "name": host.name,
            "login": asdict(host.machine),
            "key_file": self.key_file,
            "expectation": _plain(asdict(self.expectation(host))),
        }
        machine = Machine(host.name, inputs, pulumi.ResourceOptions(parent=parent))
        return HostOutputs(pulumi.Output.from_input(host.address), machine.ssh_host_key)

    def expectation(self, host: Host) -> Expectation:
        """What the plan asks of the machine of ``host``."""
        return Expectation(
            host.address,
            host.prefix_length,
            self.control_address,
            host.hardware,
            host.volumes,
            self.ports.get(host.name, ()),
        )

    @override
    def forward(self, forward: Forward, network: pulumi.Resource) -> pulumi.Resource | None:
        return None  # the control node stands in the same network

    @override
    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, read: dict[str, Any]) -> MetalTarget:
        """The target of what :meth:`dump` wrote, read as JSON. Raises ``KeyError`` or ``TypeError``."""
        ports = {name: tuple(Port(**port) for port in found) for name, found in read["ports"].items()}
        return cls(read["key_file"], read["control_address"], ports)


def ports_of(plan: Plan) -> dict[str, tuple[Port, ...]]:
    """What the services of each deployed host listen on: what its firewall admits, and loopback ports of recorders."""
    found = {}
    for host in plan.deployed_hosts:
        admitted = {(rule.protocol, rule.port) for rule in host.firewall if rule.chain == "input"}
        own = {("tcp", port) for port in host_variables(plan, host.name)["vigie_ports"].values()}
        loopback = {
            ("tcp", port)
            for identity in plan.identities
            if host.name in (identity.host, *identity.standby)
            for port in (identity.api_port, identity.metrics_port)
        }
        found[host.name] = tuple(Port(*port) for port in sorted(admitted | own | loopback))
    return found


def _plain(value: Any) -> Any:
    """Tuples as the lists that JSON gives back."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
