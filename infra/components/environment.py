"""What a target is beside its resources: how the control node comes to the hosts, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.components.target import Target
from vigie.plan.model import Layer, Plan
from vigie.state import State


class Layers(Protocol):
    """The bundle's stacks of overlay folders."""

    def lower(self, name: Layer, /) -> tuple[Path, ...]:
        """The folders of a layer, topmost first."""
        ...


class Bundle(Protocol):
    """What of the bundle hosts are made from."""

    @property
    def layers(self) -> Layers: ...

    @property
    def pulumi(self) -> Path:
        """The Pulumi CLI, in a folder ``bin``."""
        ...


class StoredTarget(Target, Protocol):
    """A target that plain ``pulumi up`` finds again in ``target.json``."""

    @property
    def host_type(self) -> str:
        """Pulumi's type of the resource, called like the host, that is made anew when the host is."""
        ...

    def rebuilding(self, hosts: Sequence[str]) -> StoredTarget:
        """The same target, with ``hosts`` to be made anew from what hosts are made of today."""
        ...

    def dump(self) -> str:
        """Its settings as JSON, an object without the key ``target``; no secrets."""
        ...


@dataclass(frozen=True, slots=True)
class Cleared:
    """What ``down`` left: objects that are still there, and words about what was left on purpose."""

    left: Sequence[str] = ()
    kept: Sequence[str] = ()


class Environment(Protocol):
    """One target as ``vigie up``, ``down`` and ``status`` deal with it; :mod:`infra.targets` knows them all."""

    def target(self, plan: Plan, state: State, bundle: Bundle) -> StoredTarget:
        """What the program of ``plan`` runs against."""
        ...

    def load(self, settings: str, state: State) -> StoredTarget:
        """The target that :meth:`StoredTarget.dump` wrote. Raises ``ValueError``."""
        ...

    def reach(self, plan: Plan) -> list[str]:
        """The command prefix that runs a command within reach of the hosts; empty where they are reached directly."""
        ...

    def namespace(self, plan: Plan) -> str | None:
        """The network namespace that holds the control address; ``None`` when it is the machine's own."""
        ...

    def is_up(self, plan: Plan, state: State) -> bool:
        """Whether anything of the city is deployed: after ``down`` it is not."""
        ...

    def conditions(self, plan: Plan, state: State) -> dict[str, str]:
        """Every deployed host as it is now; ``running`` is good on every target."""
        ...

    def clear(self, target: StoredTarget | None, state: State) -> Cleared:
        """Remove what Pulumi may not know of, once it has removed the rest. Raises ``RuntimeError``."""
        ...
