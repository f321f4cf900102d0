"""The provider's resources, as a Pulumi program declares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from infra.lab.kinds import VERSION, ForwardKind, HostKind, NetworkKind, VolumeKind
from infra.lab.layout import Lab


def _inputs(lab: Lab, **inputs: Any) -> dict[str, Any]:
    return {"city": lab.city, "directory": str(lab.directory), **inputs, "condition": None}


def _options(opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    # Stated here too: a replacement that is asked for, not found by the provider, does not consult its diff.
    own = pulumi.ResourceOptions(version=VERSION, delete_before_replace=True)
    return pulumi.ResourceOptions.merge(own, opts)


class LabNetwork(pulumi.CustomResource):
    """The network of a city's lab."""

    namespace: pulumi.Output[str]
    condition: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        lab: Lab,
        control_address: str,
        prefix_length: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = _inputs(lab, control_address=control_address, prefix_length=prefix_length)
        super().__init__(NetworkKind.token, name, inputs | {"namespace": None}, _options(opts))


class LabVolume(pulumi.CustomResource):
    """A volume for a host of the lab; ``path`` is where the machine mounts it."""

    path: pulumi.Output[str]
    condition: pulumi.Output[str]

    def __init__(
        self, name: str, lab: Lab, host: str, volume: str, size_bytes: int, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        inputs = _inputs(lab, host=host, name=volume, size_bytes=size_bytes)
        super().__init__(VolumeKind.token, name, inputs | {"path": None}, _options(opts))


class LabHost(pulumi.CustomResource):
    """A host of the lab. ``mounts`` holds the ``source`` and ``mount`` of each volume, ``volume_bytes`` their sum."""

    address: pulumi.Output[str]
    ssh_host_key: pulumi.Output[str]
    condition: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        lab: Lab,
        address: str,
        prefix_length: int,
        layers: Sequence[str],
        authorized_key: str,
        extra_addresses: Sequence[str],
        mounts: Sequence[dict[str, pulumi.Input[str]]],
        volume_bytes: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = _inputs(
            lab,
            name=name,
            address=address,
            prefix_length=prefix_length,
            layers=list(layers),
            authorized_key=authorized_key,
            extra_addresses=list(extra_addresses),
            mounts=list(mounts),
            volume_bytes=volume_bytes,
        )
        super().__init__(HostKind.token, name, inputs | {"ssh_host_key": None}, _options(opts))


class LabForward(pulumi.CustomResource):
    """A loopback port of the machine that leads into the lab."""

    condition: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        lab: Lab,
        listen_port: int,
        address: str,
        port: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = _inputs(lab, name=name, listen_port=listen_port, address=address, port=port)
        super().__init__(ForwardKind.token, name, inputs, _options(opts))
