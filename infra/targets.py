"""The targets that a city can name, and the one that a state folder was last deployed on.

A target is a package of ``infra`` with a module ``environment`` that holds ``ENVIRONMENT``, an
:class:`infra.components.environment.Environment`.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Final, cast, get_args

from infra.components.environment import Environment, StoredTarget
from infra.settings import TARGET_FILE
from vigie.plan.model import Environment as Name
from vigie.state import State, write_private

NAMES: Final[tuple[Name, ...]] = get_args(Name)
FIRST_TARGET: Final = "lab"  # of state folders that name none


def environment(name: str) -> Environment:
    """The target called ``name``. Raises ``ValueError`` for another word than a city may use."""
    if name not in NAMES:
        raise ValueError(f"no target is called {name!r}: use one of {', '.join(NAMES)}")
    # Imported when used: each brings its vendor's library.
    return cast("Environment", import_module(f"infra.{name}.environment").ENVIRONMENT)


def store(name: Name, target: StoredTarget, state: State) -> None:
    """Remember ``target`` beside the plan, for plain ``pulumi`` and for ``down``."""
    settings = {"target": name, **json.loads(target.dump())}
    write_private(state.folder / TARGET_FILE, json.dumps(settings) + "\n")


def stored(path: Path) -> tuple[Name, StoredTarget]:
    """The target that ``path`` (``target.json`` of a state folder) remembers. Raises ``OSError`` or ``ValueError``."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    name: Name = settings.pop("target", FIRST_TARGET)
    try:
        return name, environment(name).load(json.dumps(settings), State(path.parent.resolve()))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is no target: {error!r}: run `vigie up` again") from error
