"""``up``, ``down`` and a look at the hosts of a city, through Pulumi's Automation API.

The state lives on a ``file://`` backend in the city's state folder, whose lock (``State.locked``) the caller holds.
Therefore a lock that Pulumi left there belongs to a run that was killed, and is taken away.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import pulumi.automation as auto
from pulumi.automation import events as engine

from infra.components.environment import Bundle, StoredTarget
from infra.events import InfrastructureEvent, OnEvent, readable, translate
from infra.program import program
from infra.settings import PROJECT, TARGET_FILE
from infra.supervised import SupervisedCommand
from infra.targets import FIRST_TARGET, environment, store, stored
from vigie.plan.model import Plan
from vigie.state import State, write_private

__all__ = [
    "HostOutput",
    "InfrastructureError",
    "InfrastructureEvent",
    "Outcome",
    "conditions",
    "control_namespace",
    "down",
    "is_up",
    "reach",
    "up",
]

PLUGINS: Final = Path(__file__).parent / "plugins"
PARALLEL: Final = 16  # operations at once; hosts that boot mostly wait
T = TypeVar("T")

_UNCHANGED: Final = frozenset({"same", "read", "refresh"})


class InfrastructureError(RuntimeError):
    """The hosts are not as planned; the message holds what failed, in the words of the target."""


@dataclass(frozen=True, slots=True)
class HostOutput:
    """A host that exists: where it answers, and its public SSH host key (``ssh-ed25519 AAAA…``)."""

    name: str
    address: str
    ssh_host_key: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What ``up`` did: the number of resources by operation, without those left as they are, and the hosts."""

    changes: dict[str, int]
    hosts: dict[str, HostOutput]


def reach(plan: Plan, state: State) -> list[str]:  # noqa: ARG001 - a target may come to need the state
    """The command prefix that runs a command within reach of the hosts."""
    return environment(plan.target).reach(plan)


def control_namespace(plan: Plan) -> str | None:
    """The network namespace in which the control node has its address; ``None`` for the machine's own."""
    return environment(plan.target).namespace(plan)


def is_up(plan: Plan, state: State) -> bool:
    """Whether anything of the city is deployed: after ``down`` it is not."""
    return environment(plan.target).is_up(plan, state)


def conditions(plan: Plan, state: State) -> dict[str, str]:
    """Every host as it is now, all looked at together; ``running`` is good on every target."""
    return environment(plan.target).conditions(plan, state)


def up(
    plan: Plan,
    state: State,
    bundle: Bundle,
    on_event: OnEvent,
    rebuild: Sequence[str] = (),
    only: Sequence[str] = (),
) -> Outcome:
    """Make the hosts of ``plan`` exist and answer: look at the world first, then change only what is not as planned.

    Hosts named in ``rebuild`` are made anew; their volumes stay. With ``only``, no host but those named is looked at or
    changed; all hosts must exist already. Raises ``InfrastructureError``; interrupted or killed
    at any moment, the next ``up`` goes on from what is there.
    """
    _refuse_another_target(plan, state)
    try:
        target = environment(plan.target).target(plan, state, bundle).rebuilding(rebuild)
    except RuntimeError as error:
        raise InfrastructureError(str(error)) from error
    home = bundle.pulumi.parent.parent
    store(plan.target, target, state)
    stack = _stack(state, plan.city, home, lambda: program(plan, target))
    listener = _Listener(on_event)
    targets = _resources(stack, only)
    result = listener.run(
        lambda: stack.up(
            refresh=True,
            target=targets or None,
            parallel=PARALLEL,
            replace=_host_urns(stack, target.host_type, rebuild) or None,
            suppress_outputs=True,
            continue_on_error=True,  # one host that fails keeps no other from being made
            color="never",
            on_event=listener,
        )
    )
    # With targets the engine may leave the stack's outputs as they were, though a host was made anew with another key.
    return Outcome(listener.changes, _hosts(result.outputs) | (_exported(stack, only) if only else {}))


def down(state: State, purge: bool, on_event: OnEvent) -> list[str]:
    """Remove every host of the city; return what is still on the machine, one line each.

    Volumes keep their files in the state folder unless ``purge`` removes that folder too. Racked machines are let go
    of and stay as they are. What Pulumi knows nothing of, because a run was killed while making it, is removed as well.
    Raises ``InfrastructureError``.
    """
    city = state.folder.name
    name, target = _known_target(state)
    if target is None:
        on_event(InfrastructureEvent(city, "", "log", "never deployed", "running", False))
    if home := _known_home(state):
        stack = _stack(state, city, home, _nothing)
        listener = _Listener(on_event)
        try:
            listener.run(
                lambda: stack.destroy(
                    parallel=PARALLEL,
                    color="never",
                    continue_on_error=True,
                    exclude_protected=True,  # volumes outlive their hosts (docs/decisions/009-volumes-outlive-hosts.md)
                    on_event=listener,
                )
            )
        except InfrastructureError as error:  # what it could not remove is removed below, or named as left
            on_event(InfrastructureEvent("pulumi", "", "delete", str(error), "failed", True))
    try:
        cleared = environment(name).clear(target, state)
    except RuntimeError as error:
        raise InfrastructureError(str(error)) from error
    for words in cleared.kept:
        on_event(InfrastructureEvent(city, "", "delete", words, "done", True))
    if not cleared.left:
        shutil.rmtree(state.folder if purge else _folder(state), ignore_errors=True)
        (state.folder / TARGET_FILE).unlink(missing_ok=True)
    return list(cleared.left)


def _known_target(state: State) -> tuple[str, StoredTarget | None]:
    """The target of the last ``up``, and its settings where they can still be read."""
    try:
        return stored(state.folder / TARGET_FILE)
    except (FileNotFoundError, ValueError):
        return FIRST_TARGET, None


def _refuse_another_target(plan: Plan, state: State) -> None:
    """A city that changes its target would leave its hosts behind where they are."""
    name, target = _known_target(state)
    if target is not None and name != plan.target:
        raise InfrastructureError(
            f"{plan.city} is deployed on target {name}, and its plan says {plan.target}: run `vigie down` first"
        )


def _nothing() -> None:
    """The program of a city that is being removed."""


def _folder(state: State) -> Path:
    return state.folder / "pulumi"


def _known_home(state: State) -> Path | None:
    """The CLI that the last ``up`` used, while it and its state are there."""
    try:
        home = Path((_folder(state) / "cli").read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
    return home if (home / "bin" / "pulumi").exists() else None


def _stack(state: State, city: str, home: Path, inline: Callable[[], None]) -> auto.Stack:
    """The stack of ``city``, made if missing, free of a dead run's lock and pending operations."""
    folder = _folder(state)
    for name in ("", "work", "settings", "tmp"):
        (folder / name).mkdir(exist_ok=True, mode=0o700)
    write_private(folder / "cli", f"{home}\n")
    backend = f"file://{folder}"
    options = auto.LocalWorkspaceOptions(
        work_dir=str(folder / "work"),
        pulumi_home=str(folder / "settings"),
        pulumi_command=SupervisedCommand(str(home), skip_version_check=False),
        secrets_provider="passphrase",
        env_vars=_environment(state, backend, home),
        project_settings=auto.ProjectSettings(name=PROJECT, runtime="python", backend=auto.ProjectBackend(url=backend)),
    )
    stack = auto.create_or_select_stack(city, project_name=PROJECT, program=inline, opts=options)
    _recover(stack, folder)
    return stack


def _environment(state: State, backend: str, home: Path) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(home / "bin"), str(PLUGINS), os.environ["PATH"]]),
        "PULUMI_BACKEND_URL": backend,
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(state.passphrase),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "TMPDIR": str(_folder(state) / "tmp"),
        "VIGIE_PYTHON": sys.executable,
    }


def _recover(stack: auto.Stack, folder: Path) -> None:
    """Undo what a killed run left in the state.

    Its lock is stale: the caller holds the city. Its pending operations say nothing that is not seen by looking: the
    lab adopts or clears what was half made.
    """
    if any((folder / ".pulumi" / "locks").rglob("*.json")):
        stack.cancel()
    deployment = stack.export_stack()
    if deployment.deployment and deployment.deployment.get("pending_operations"):
        kept: Mapping[str, Any] = {
            key: value for key, value in deployment.deployment.items() if key != "pending_operations"
        }
        stack.import_stack(auto.Deployment(version=deployment.version, deployment=kept))


def _host_urns(stack: auto.Stack, host_type: str, names: Sequence[str]) -> list[str]:
    resources = (stack.export_stack().deployment or {}).get("resources", []) if names else []
    # A type stands behind those of its parents, each closed by a dollar sign; a name ends the URN.
    wanted = [f"{before}{host_type}::{name}" for before in ("$", "::") for name in names]
    return [r["urn"] for r in resources if r["urn"].endswith(tuple(wanted))]


def _component_of(resource: Mapping[str, Any]) -> str:
    """The name of the host component that a resource of the stack is, or belongs to; empty for any other resource."""
    for urn in (resource["urn"], resource.get("parent", "")):
        if "::vigie:infra:Host::" in urn:
            return str(urn).rsplit("::", 1)[-1]
    return ""


def _resources(stack: auto.Stack, hosts: Sequence[str]) -> list[str]:
    """The URNs of ``hosts`` with their machines and volumes. Raises ``InfrastructureError`` for a host that is not there."""
    if not hosts:
        return []
    found = [(_component_of(r), r["urn"]) for r in (stack.export_stack().deployment or {}).get("resources", [])]
    if missing := sorted(set(hosts) - {host for host, _ in found}):
        raise InfrastructureError(f"{', '.join(missing)}: not made yet: run `vigie up` first")
    return [urn for host, urn in found if host in hosts]


def _exported(stack: auto.Stack, hosts: Sequence[str]) -> dict[str, HostOutput]:
    """``hosts`` as the stack's own resources have them."""
    found = {}
    for resource in (stack.export_stack().deployment or {}).get("resources", []):
        name, outputs = _component_of(resource), resource.get("outputs", {})
        if name in hosts and resource.get("custom") and "ssh_host_key" in outputs:
            found[name] = HostOutput(name, outputs["address"], outputs["ssh_host_key"])
    return found


class _Listener:
    """Passes on what the engine does, and keeps what it changed and what failed."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self.changes: dict[str, int] = {}
        self.failures: list[str] = []

    def __call__(self, event: engine.EngineEvent) -> None:
        if event.summary_event:
            for operation, count in event.summary_event.resource_changes.items():
                name = str(getattr(operation, "value", operation))
                if name not in _UNCHANGED:
                    self.changes[name] = self.changes.get(name, 0) + count
        if meaning := translate(event):
            if meaning.status == "failed" and meaning.operation == "log" and meaning.kind:
                self.failures.append(f"{meaning.kind.lower()} {meaning.name}: {meaning.message}")
            self._on_event(meaning)

    def run(self, operation: Callable[[], T]) -> T:
        """Run an operation of the engine. Raises ``InfrastructureError`` in the words of the target, where it has any."""
        try:
            return operation()
        except auto.CommandError as error:
            raise InfrastructureError("\n".join(self.failures) or readable(str(error))) from error


def _hosts(outputs: auto.OutputMap) -> dict[str, HostOutput]:
    found: Mapping[str, Mapping[str, str]] = outputs["hosts"].value
    return {name: HostOutput(name, host["address"], host["ssh_host_key"]) for name, host in found.items()}
