"""``vigie down``."""

from __future__ import annotations

from typing import Annotated

import typer

from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import ERR, OUT, Exit, emit_json, fail
from vigie.cli.inputs import need_root, read_city, working
from vigie.cli.progress import Progress
from vigie.state import State


def down(
    city: CityArgument,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove the state folder too: CA, secrets, recordings.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove every host of the city. Leaves nothing outside the state folder, and keeps that unless told to purge it.

    Racked machines are forgotten, never touched: what runs on them goes on running.

    [bold]Examples[/bold]

      vigie down inventories/demo

      vigie down inventories/demo --purge
    """
    from infra.automation import down as remove

    described = read_city(city, as_json).file.city
    need_root(as_json, described.target)
    state = State.of(described.id)
    if not state.folder.exists():
        fail(Exit.FINE, f"Nothing to remove: {state.folder} does not exist.", as_json=as_json)
    progress = Progress(ERR, quiet=as_json)
    with working(state, as_json), progress.shown(), progress.stage("down"):
        left = remove(state, purge, lambda event: progress.step(event.name, event.message, loud=event.loud))
    if as_json:
        emit_json({"left": left})
    elif left:
        OUT.print("Still there:", *left, sep="\n  ", markup=False)
    raise typer.Exit(int(Exit.DIFFERS if left else Exit.FINE))
