"""The lab as a target of the Pulumi program."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pulumi

from infra.components.target import HostOutputs
from infra.lab.kinds import HostKind
from infra.lab.layout import Lab
from infra.lab.resources import LabForward, LabHost, LabNetwork, LabVolume
from vigie.plan.model import Forward, Host, Network


@dataclass(frozen=True)
class LabTarget:
    """A lab on this machine. ``layers`` are the overlay folders by layer name, topmost first."""

    lab: Lab
    layers: Mapping[str, tuple[str, ...]]
    authorized_key: str

    @property
    def host_type(self) -> str:
        return HostKind.token

    def rebuilding(self, hosts: Sequence[str]) -> LabTarget:  # noqa: ARG002 - a host's layers are always today's
        return self

    def network(self, network: Network) -> pulumi.Resource:
        length = ipaddress.ip_network(network.city).prefixlen
        return LabNetwork(self.lab.city, self.lab, network.control_address, length)

    def host(self, host: Host, network: pulumi.Resource, parent: pulumi.Resource) -> HostOutputs:
        options = pulumi.ResourceOptions(parent=parent, depends_on=[network])
        mounts: list[dict[str, pulumi.Input[str]]] = []
        for volume in host.volumes:
            made = LabVolume(f"{host.name}-{volume.name}", self.lab, host.name, volume.name, volume.size_bytes, options)
            mounts.append({"source": made.path, "mount": volume.mount})
        made_host = LabHost(
            host.name,
            self.lab,
            host.address,
            host.prefix_length,
            self.layers[host.layer],
            self.authorized_key,
            host.extra_addresses,
            mounts,
            sum(volume.size_bytes for volume in host.volumes),
            options,
        )
        return HostOutputs(made_host.address, made_host.ssh_host_key)

    def forward(self, forward: Forward, network: pulumi.Resource) -> pulumi.Resource | None:
        options = pulumi.ResourceOptions(depends_on=[network])
        return LabForward(forward.name, self.lab, forward.listen_port, forward.address, forward.port, options)

    def dump(self) -> str:
        """As JSON, for :meth:`load`."""
        return json.dumps({**asdict(self), "lab": {"city": self.lab.city, "directory": str(self.lab.directory)}}) + "\n"

    @classmethod
    def parse(cls, read: dict[str, Any]) -> LabTarget:
        """The target of what :meth:`dump` wrote, read as JSON. Raises ``KeyError`` or ``ValueError``."""
        return cls(
            Lab(read["lab"]["city"], Path(read["lab"]["directory"])),
            {name: tuple(folders) for name, folders in read["layers"].items()},
            read["authorized_key"],
        )
