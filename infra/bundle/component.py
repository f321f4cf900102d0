"""What a component of the bundle is: named inputs, what it needs, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.bundle.commands import Commands


@dataclass(frozen=True)
class Entry:
    """One line of the bundle's manifest: something that reaches hosts, with its licence and SHA-256.

    ``path`` is where the bundle server serves it; empty for what is not served.
    """

    name: str
    version: str
    licence: str
    sha256: str
    path: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Workshop:
    """What a component is made with: the commands of its build and the folders of the components it needs."""

    commands: Commands
    needed: Mapping[str, Path]


#: Fills an empty folder with a product and returns what to record of it (plain JSON values).
Maker = Callable[[Workshop, Path], Mapping[str, Any]]


@dataclass(frozen=True)
class Component:
    """A part of the bundle.

    ``inputs`` are everything the product is made from, by name; they and the keys of the components in ``needs`` make
    its key.
    """

    name: str
    inputs: Mapping[str, str]
    make: Maker
    needs: tuple[str, ...] = field(default=())


def record(entries: list[Entry]) -> dict[str, Any]:
    """The record of a product that holds ``entries``."""
    return {"entries": [vars(entry) for entry in entries]}
