"""The kind of resource of the provider ``vigiemetal``: a machine that is adopted, watched, and let go of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typing_extensions import override

from infra.metal import ssh
from infra.metal.errors import MetalError
from infra.metal.judgement import Expectation, Port, differences
from infra.provider import Kind, Report
from infra.values import Values
from vigie.plan.model import Hardware, Login, Volume

VERSION = "0.1.0"  # of the provider; also in Pulumi.yaml


class MachineKind(Kind):
    """``vigiemetal:index:Machine``: ``name``, ``login`` (:class:`Login`), ``key_file``, ``expectation``.

    Making it looks at the machine and refuses it with every difference; deleting it forgets it. Nothing ever changes
    the machine. Output: ``ssh_host_key``.
    """

    token = "vigiemetal:index:Machine"  # noqa: S105 - a type, not a secret
    identity = frozenset({"name", "login"})
    good = "as planned"
    made = frozenset({"ssh_host_key"})

    @override
    def name(self, inputs: Values) -> str:
        return str(inputs["name"])

    @override
    def refuse(self, old: Values, new: Values) -> dict[str, str]:
        return {} if new["login"]["host_key"] else {"login": "needs a host key: a machine without one is not known"}

    @override
    def create(self, inputs: Values, report: Report) -> Values:
        seen = ssh.look(login_of(inputs), Path(inputs["key_file"]))
        if found := _differences(inputs, seen):
            listed = "\n".join(f"  {inputs['name']}: {one}" for one in found)
            raise MetalError(f"{inputs['name']} is not the machine of the plan; nothing was changed on it\n{listed}")
        report("as planned: adopted")
        return {**inputs, "ssh_host_key": seen.host_key, "condition": self.good}

    update = create

    @override
    def read(self, state: Values) -> Values | None:
        login = login_of(state)
        try:
            seen = ssh.look(login, Path(state["key_file"]))
        except MetalError as error:
            return {**state, "condition": str(error)}
        found = _differences(state, seen)
        return {**state, "condition": "; ".join(map(str, found)) or self.good, "ssh_host_key": seen.host_key}

    @override
    def delete(self, state: Values, report: Report) -> None:
        report("forgotten: the machine and all that is on it stay as they are")


def _differences(values: Values, seen: ssh.Seen) -> list[Any]:
    return list(differences(expectation_of(values), seen.facts, seen.clock_offset))


def login_of(values: Values) -> Login:
    """How the machine is reached."""
    return Login(**values["login"])


def expectation_of(values: Values) -> Expectation:
    """What the plan asks of the machine, as :func:`dataclasses.asdict` gave it to the engine."""
    asked = values["expectation"]
    return Expectation(
        address=asked["address"],
        prefix_length=asked["prefix_length"],
        control_address=asked["control_address"],
        hardware=Hardware(**asked["hardware"]),
        volumes=tuple(Volume(**volume) for volume in asked["volumes"]),
        ports=tuple(Port(**port) for port in asked["ports"]),
    )


KINDS: dict[str, Kind] = {MachineKind.token: MachineKind()}
