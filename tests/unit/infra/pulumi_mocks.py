"""The program run against mocks: what is registered, with which options, and what of it is kept in plain sight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pulumi
from google.protobuf import json_format  # type: ignore[import-untyped,unused-ignore]
from pulumi.runtime import mocks, settings, stack

from infra.components import Target
from infra.program import program
from vigie.plan.model import Plan

SECRET = "4dabf18193072939515e22adb298388d"  # the key by which the wire marks a value that is more than plain
Outputs = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Registered:
    """A resource as the engine was asked for it. ``sent`` are its inputs as they go over the wire, secrets marked."""

    kind: str
    name: str
    inputs: Mapping[str, Any]
    sent: Mapping[str, Any]
    protect: bool
    retain_on_delete: bool
    ignore_changes: tuple[str, ...]
    provider: str
    parent: str


@dataclass
class Run:
    """What one run of the program registered and exported."""

    resources: dict[tuple[str, str], Registered] = field(default_factory=dict)
    exports: dict[str, Any] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, Registered]:
        """The resources of a type, by name."""
        return {name: found for (token, name), found in self.resources.items() if token == kind}


@dataclass
class _World(mocks.Mocks):
    outputs: Outputs
    inputs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        assert (args.typ, args.name) not in self.inputs, f"{args.typ} {args.name} is made twice"
        self.inputs[args.typ, args.name] = dict(args.inputs)
        return f"{args.name}-id", {**args.inputs, **self.outputs(args.typ, args.name, args.inputs)}

    def call(self, args: mocks.MockCallArgs) -> Any:
        return dict(self.outputs(args.token, "", args.args))


class _Monitor(mocks.MockMonitor):
    """Keeps the options of each registration, which mocks alone do not show."""

    def __init__(self, world: _World, run: Run) -> None:
        super().__init__(world)
        self._world, self._run = world, run

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - a method of the engine's protocol
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        key = request.type, request.name
        self._run.resources[key] = Registered(
            *key,
            opened(self._world.inputs.get(key, {})),
            json_format.MessageToDict(request.object),
            request.protect,
            request.retainOnDelete,
            tuple(request.ignoreChanges),
            request.provider,
            request.parent,
        )
        return response


def run_program(plan: Plan, target: Target, outputs: Outputs = lambda _kind, _name, _inputs: {}) -> Run:
    """Run the real program; ``outputs`` gives what a provider would add to a resource or answer to a call."""
    run = Run()
    world = _World(outputs)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.set_root_resource(None)  # type: ignore[arg-type]  # that of an earlier test
    mocks.set_mocks(world, project="vigie", stack=plan.city, preview=False, monitor=_Monitor(world, run))

    def declare() -> None:
        program(plan, target)
        root = pulumi.runtime.get_root_resource()
        assert isinstance(root, stack.Stack)
        for name, value in root.outputs.items():
            pulumi.Output.from_input(value).apply(partial(run.exports.__setitem__, name))

    loop.run_until_complete(stack.run_pulumi_func(declare))
    loop.close()
    return run


def opened(value: Any) -> Any:
    """``value`` without the marks of secrets, however deep."""
    if isinstance(value, Mapping):
        return opened(value["value"]) if SECRET in value else {key: opened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [opened(item) for item in value]
    return value


def in_plain_sight(value: Any) -> str:
    """Every text of a wire value that no secret mark covers, in one string."""
    if isinstance(value, Mapping):
        return "" if SECRET in value else " ".join(in_plain_sight(item) for item in value.values())
    if isinstance(value, list | tuple):
        return " ".join(in_plain_sight(item) for item in value)
    return str(value)
