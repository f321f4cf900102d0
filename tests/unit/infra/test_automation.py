"""What of a stack belongs to a host: an upgrade touches that and nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pulumi.automation as auto
import pytest

from infra.automation import HostOutput, InfrastructureError, _exported, _host_urns, _resources

STACK = "urn:pulumi:demo::vigie::"


def host(name: str, key: str) -> list[dict[str, Any]]:
    component = f"{STACK}vigie:infra:Host::{name}"
    parent = {"parent": component, "custom": True}
    outputs = {"address": "10.0.0.1", "ssh_host_key": key}
    return [
        {"urn": component, "parent": f"{STACK}pulumi:pulumi:Stack::vigie-demo", "outputs": outputs},
        {"urn": f"{STACK}vigie:infra:Host$vigielab:index:Host::{name}", "outputs": outputs, **parent},
        {"urn": f"{STACK}vigie:infra:Host$vigielab:index:Volume::{name}-recordings", "outputs": {}, **parent},
    ]


@pytest.fixture
def stack() -> auto.Stack:
    network = [{"urn": f"{STACK}vigielab:index:Network::demo", "custom": True}]
    resources = [*network, *host("recorder-1", "ssh-ed25519 A"), *host("recorder-1-spare", "ssh-ed25519 B")]
    exported = SimpleNamespace(deployment={"resources": resources})
    return cast(auto.Stack, SimpleNamespace(export_stack=lambda: exported))


def test_a_host_is_its_component_machine_and_volumes(stack: auto.Stack) -> None:
    """Not those of a host whose name begins alike."""
    assert _resources(stack, ["recorder-1"]) == [resource["urn"] for resource in host("recorder-1", "")]
    assert _resources(stack, []) == []


def test_a_host_that_does_not_exist_cannot_be_touched_alone(stack: auto.Stack) -> None:
    with pytest.raises(InfrastructureError, match=r"recorder-2: not made yet: run `vigie up` first"):
        _resources(stack, ["recorder-1", "recorder-2"])


def test_the_key_of_a_host_made_anew_is_the_machines(stack: auto.Stack) -> None:
    assert _exported(stack, ["recorder-1"]) == {"recorder-1": HostOutput("recorder-1", "10.0.0.1", "ssh-ed25519 A")}


def test_what_is_made_anew_is_the_machine_alone(stack: auto.Stack) -> None:
    """Not its component, not its volumes, not the host whose name begins or ends alike."""
    machine = f"{STACK}vigie:infra:Host$vigielab:index:Host::recorder-1"
    assert _host_urns(stack, "vigielab:index:Host", ["recorder-1"]) == [machine]
    assert _host_urns(stack, "vigielab:index:Host", ["corder-1"]) == []
    assert _host_urns(stack, "vigielab:index:Host", []) == []
