"""Pulumi's engine events as the progress of hosts, networks, volumes and forwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from pulumi.automation import events as engine

Status = Literal["running", "done", "failed"]

_UNSEEN: Final = ("pulumi:", "vigie:")  # stacks, providers and components: what they hold is shown
_VERBS: Final = {
    "create": ("creating", "created"),
    "update": ("repairing", "repaired"),
    "delete": ("removing", "removed"),
    "replace": ("replacing", "replaced"),
    "create-replacement": ("creating anew", "created anew"),
    "delete-replaced": ("removing the old one", "removed the old one"),
    "refresh": ("looking", "seen"),
    "same": ("unchanged", "unchanged"),
}
_QUIET: Final = frozenset({"same", "refresh", "read"})
_OWN_PLUGIN: Final = "using pulumi-resource-vigie"  # a warning that the provider is ours, at every run
# How the provider's server words an exception; the class is of no use to an operator.
_WRAPPED: Final = re.compile(r"Unexpected <class '[^']*'>: ")


@dataclass(frozen=True, slots=True)
class InfrastructureEvent:
    """A step of ``up`` or ``down``: ``operation`` (as Pulumi calls it) on resource ``name`` of ``kind`` (``Host`` …).

    ``loud`` events change something or say why something failed.
    """

    name: str
    kind: str
    operation: str
    message: str
    status: Status
    loud: bool


OnEvent = Callable[[InfrastructureEvent], None]


def readable(message: str) -> str:
    """An engine's message without the wrapping of the provider's server."""
    return _WRAPPED.sub("", message).strip()


def _parts(urn: str) -> tuple[str, str] | None:
    """The kind and name of what a target makes, or ``None`` for the URN of what only holds it."""
    fields = urn.split("::")
    if len(fields) < 4:
        return None
    token = fields[2].rsplit("$", 1)[-1]
    return None if token.startswith(_UNSEEN) else (token.rsplit(":", 1)[-1], fields[3])


def translate(event: engine.EngineEvent) -> InfrastructureEvent | None:
    """What an engine event means to a person, or ``None`` when it means nothing."""
    if event.diagnostic_event:
        return _diagnostic(event.diagnostic_event)
    if event.resource_pre_event:
        return _step(event.resource_pre_event.metadata, "running")
    if event.res_outputs_event:
        return _step(event.res_outputs_event.metadata, "done")
    if event.res_op_failed_event:
        return _step(event.res_op_failed_event.metadata, "failed")
    return None


def _diagnostic(event: engine.DiagnosticEvent) -> InfrastructureEvent | None:
    if event.severity == "debug" or not event.message.strip() or _OWN_PLUGIN in event.message:
        return None
    kind, name = _parts(event.urn or "") or ("", "pulumi")
    failed = event.severity == "error"
    return InfrastructureEvent(
        name, kind, "log", readable(event.message), "failed" if failed else "running", failed or kind != ""
    )


def _step(metadata: engine.StepEventMetadata, status: Status) -> InfrastructureEvent | None:
    parts = _parts(metadata.urn)
    if parts is None:
        return None
    operation = str(metadata.op.value)
    during, after = _VERBS.get(operation, (operation, operation))
    message = {"running": during, "done": after, "failed": f"{during} failed"}[status]
    loud = status == "failed" or (status == "done" and operation not in _QUIET)
    return InfrastructureEvent(parts[1], parts[0], operation, message, status, loud)
