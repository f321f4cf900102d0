"""What a person is told of the engine's events."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from infra.events import InfrastructureEvent, translate

URN = "urn:pulumi:demo::vigie::vigie:infra:Host$vigielab:index:Host::recorder-1"


def step(kind: str, op: str, urn: str = URN) -> EngineEvent:
    metadata = {"op": op, "urn": urn, "type": "vigielab:index:Host", "provider": ""}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, kind: {"metadata": metadata}})


def diagnostic(message: str, severity: str, urn: str = URN) -> EngineEvent:
    body: dict[str, Any] = {"message": message, "color": "never", "severity": severity, "urn": urn}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": body})


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (step("resourcePreEvent", "create"), ("create", "creating", "running", False)),
        (step("resOutputsEvent", "create"), ("create", "created", "done", True)),
        (step("resOutputsEvent", "same"), ("same", "unchanged", "done", False)),
        (step("resOutputsEvent", "refresh"), ("refresh", "seen", "done", False)),
        (step("resOpFailedEvent", "update"), ("update", "repairing failed", "failed", True)),
        (diagnostic("booting", "info"), ("log", "booting", "running", True)),
    ],
)
def test_steps_of_our_resources(event: EngineEvent, expected: tuple[str, str, Any, bool]) -> None:
    operation, message, status, loud = expected
    assert translate(event) == InfrastructureEvent("recorder-1", "Host", operation, message, status, loud)


def test_what_a_hypervisor_makes_is_shown_too() -> None:
    """A run of minutes without a word is a run that people break off."""
    urn = "urn:pulumi:demo::vigie::vigie:infra:Host$openstack:compute/instance:Instance::recorder-1"
    event = translate(step("resOutputsEvent", "create", urn))
    assert event == InfrastructureEvent("recorder-1", "Instance", "create", "created", "done", True)


def test_an_error_is_said_in_the_words_of_the_lab() -> None:
    event = translate(diagnostic("Unexpected <class 'infra.lab.errors.LabError'>: host x has no layer", "error"))
    assert event is not None
    assert (event.message, event.status, event.loud) == ("host x has no layer", "failed", True)


@pytest.mark.parametrize(
    "event",
    [
        step("resOutputsEvent", "create", "urn:pulumi:demo::vigie::vigie:infra:Host::recorder-1"),
        step("resOutputsEvent", "create", "urn:pulumi:demo::vigie::pulumi:pulumi:Stack::vigie-demo"),
        step("resOutputsEvent", "create", "urn:pulumi:demo::vigie::pulumi:providers:openstack::default"),
        diagnostic("noise", "debug"),
        diagnostic("  \n", "info"),
    ],
)
def test_what_means_nothing_to_a_person_is_dropped(event: EngineEvent) -> None:
    assert translate(event) is None
