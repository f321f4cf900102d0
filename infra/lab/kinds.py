"""The kinds of resources the provider offers, each over one module of the lab.

All share the inputs ``city`` and ``directory``. Every kind has an output ``condition``, read from the world.
"""

from __future__ import annotations

from pathlib import Path

from typing_extensions import override

from infra.lab import forward, host, network, volume
from infra.lab.layout import NAME, Lab
from infra.provider import Kind, Report
from infra.values import Values

VERSION = "0.1.0"  # of the provider; also in Pulumi.yaml
LAB_INPUTS = frozenset({"city", "directory"})


def lab_of(values: Values) -> Lab:
    """The lab that a resource's properties name."""
    return Lab(values["city"], Path(values["directory"]))


def _bad_name(values: Values, *keys: str) -> dict[str, str]:
    reason = "must be lower-case letters, digits and inner hyphens (RFC 1123)"
    return {key: reason for key in keys if not NAME.fullmatch(str(values[key]))}


class NetworkKind(Kind):
    """``vigielab:index:Network``: ``control_address``, ``prefix_length``."""

    token = "vigielab:index:Network"  # noqa: S105 - a type, not a secret
    identity = LAB_INPUTS
    good = "ready"
    made = frozenset({"namespace"})

    @override
    def name(self, inputs: Values) -> str:
        return lab_of(inputs).namespace

    @override
    def refuse(self, old: Values, new: Values) -> dict[str, str]:
        return _bad_name(new, "city")

    @staticmethod
    def _spec(values: Values) -> network.NetworkSpec:
        return network.NetworkSpec(values["control_address"], values["prefix_length"])

    @override
    def create(self, inputs: Values, report: Report) -> Values:
        lab, spec = lab_of(inputs), self._spec(inputs)
        network.create(lab, spec)
        report(f"namespace {lab.namespace} holds {spec.control_address}")
        return {**inputs, "namespace": lab.namespace, "condition": network.condition(lab, spec)}

    update = create

    @override
    def read(self, state: Values) -> Values | None:
        condition = network.condition(lab_of(state), self._spec(state))
        return None if condition == "absent" else {**state, "condition": condition}

    @override
    def delete(self, state: Values, report: Report) -> None:
        network.destroy(lab_of(state))


class VolumeKind(Kind):
    """``vigielab:index:Volume``: ``host``, ``name``, ``size_bytes``. Deleting lets go of it and keeps what it holds."""

    token = "vigielab:index:Volume"  # noqa: S105
    identity = LAB_INPUTS | {"host", "name"}
    good = "ready"
    made = frozenset({"path"})

    @override
    def name(self, inputs: Values) -> str:
        return f"{lab_of(inputs).namespace}/{inputs['host']}/{inputs['name']}"

    @override
    def refuse(self, old: Values, new: Values) -> dict[str, str]:
        wrong = _bad_name(new, "city", "host", "name")
        if new["size_bytes"] < volume.MINIMUM_BYTES:
            wrong["size_bytes"] = f"must be at least {volume.MINIMUM_BYTES}"
        if new["size_bytes"] < old.get("size_bytes", 0):
            wrong["size_bytes"] = f"cannot shrink from {old['size_bytes']}: that would lose recordings"
        return wrong

    @staticmethod
    def _spec(values: Values) -> volume.VolumeSpec:
        return volume.VolumeSpec(values["host"], values["name"], values["size_bytes"])

    @override
    def create(self, inputs: Values, report: Report) -> Values:
        lab, spec = lab_of(inputs), self._spec(inputs)
        point = volume.create(lab, spec)
        report(f"mounted at {point}")
        return {**inputs, "path": str(point), "condition": volume.condition(lab, spec)}

    update = create

    @override
    def read(self, state: Values) -> Values | None:
        condition = volume.condition(lab_of(state), self._spec(state))
        return None if condition == "absent" else {**state, "condition": condition}

    @override
    def delete(self, state: Values, report: Report) -> None:
        lab, spec = lab_of(state), self._spec(state)
        volume.detach(lab, spec)
        # A recorder that leaves the plan leaves footage that somebody may have to show (docs/decisions/006).
        report(f"kept: {volume.image(lab, spec)} holds what was recorded; `vigie down --purge` alone deletes it")


class HostKind(Kind):
    """``vigielab:index:Host``: the fields of :class:`infra.lab.host.HostSpec`, and ``volume_bytes``.

    The last makes a host whose volume grew be looked at: growing may have had to shut it down. Output: ``ssh_host_key``.
    """

    token = "vigielab:index:Host"  # noqa: S105
    identity = LAB_INPUTS | {"name", "address", "prefix_length", "layers", "mounts"}
    good = "running"
    made = frozenset({"ssh_host_key"})

    @override
    def name(self, inputs: Values) -> str:
        return lab_of(inputs).machine(inputs["name"])

    @override
    def refuse(self, old: Values, new: Values) -> dict[str, str]:
        wrong = _bad_name(new, "city", "name")
        if not new["layers"]:
            wrong["layers"] = "must name at least one folder"
        if any(":" in str(layer) or "," in str(layer) for layer in new["layers"]):
            wrong["layers"] = "overlayfs takes no folder with a colon or a comma in its name"
        return wrong

    @staticmethod
    def _spec(values: Values) -> host.HostSpec:
        return host.HostSpec(
            name=values["name"],
            address=values["address"],
            prefix_length=values["prefix_length"],
            layers=tuple(values["layers"]),
            authorized_key=values["authorized_key"],
            extra_addresses=tuple(values["extra_addresses"]),
            mounts=tuple(host.MountSpec(**mount) for mount in values["mounts"]),
        )

    def _outputs(self, inputs: Values, key: str) -> Values:
        return {**inputs, "ssh_host_key": key, "condition": self.good}

    @override
    def create(self, inputs: Values, report: Report) -> Values:
        return self._outputs(inputs, host.create(lab_of(inputs), self._spec(inputs), report))

    @override
    def update(self, inputs: Values, report: Report) -> Values:
        return self._outputs(inputs, host.start(lab_of(inputs), self._spec(inputs), report))

    @override
    def read(self, state: Values) -> Values | None:
        lab, spec = lab_of(state), self._spec(state)
        condition = host.condition(lab, spec)
        if condition == "absent":
            return None
        return {**state, "condition": condition, "ssh_host_key": host.public_key(lab, spec.name)}

    @override
    def delete(self, state: Values, report: Report) -> None:
        host.destroy(lab_of(state), state["name"])


class ForwardKind(Kind):
    """``vigielab:index:Forward``: ``name``, ``listen_port``, ``address``, ``port``."""

    token = "vigielab:index:Forward"  # noqa: S105
    identity = LAB_INPUTS | {"name"}
    good = "running"

    @override
    def name(self, inputs: Values) -> str:
        return f"{lab_of(inputs).namespace}/{inputs['name']}"

    @override
    def refuse(self, old: Values, new: Values) -> dict[str, str]:
        return _bad_name(new, "city", "name")

    @staticmethod
    def _spec(values: Values) -> forward.ForwardSpec:
        return forward.ForwardSpec(values["name"], values["listen_port"], values["address"], values["port"])

    @override
    def create(self, inputs: Values, report: Report) -> Values:
        lab, spec = lab_of(inputs), self._spec(inputs)
        forward.create(lab, spec)
        report(f"{forward.LISTEN_ADDRESS}:{spec.listen_port} leads to {spec.address}:{spec.port}")
        return {**inputs, "condition": forward.condition(lab, spec)}

    update = create

    @override
    def read(self, state: Values) -> Values | None:
        condition = forward.condition(lab_of(state), self._spec(state))
        return None if condition == "absent" else {**state, "condition": condition}

    @override
    def delete(self, state: Values, report: Report) -> None:
        forward.destroy(lab_of(state), state["name"])


KINDS: dict[str, Kind] = {kind.token: kind for kind in (NetworkKind(), VolumeKind(), HostKind(), ForwardKind())}
