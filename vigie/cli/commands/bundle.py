"""``vigie bundle``."""

from __future__ import annotations

from typing import Annotated

import typer

from vigie.cli import report
from vigie.cli.arguments import JsonOption
from vigie.cli.console import ERR, OUT, emit_json
from vigie.cli.inputs import need_root, working
from vigie.cli.progress import Progress
from vigie.state import State, cache_home


def bundle(
    list_: Annotated[bool, typer.Option("--list", help="Print component, version, licence and checksum.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build everything that hosts need without internet, or list it.

    [bold]Examples[/bold]

      vigie bundle

      vigie bundle --list
    """
    from vigie.cli.deploy import build_bundle

    need_root(as_json)
    progress = Progress(ERR, quiet=as_json)
    state = State(cache_home())
    state.folder.mkdir(parents=True, exist_ok=True)
    with working(state, as_json), progress.shown(), progress.stage("bundle"):
        built = build_bundle(progress)
    if as_json:
        emit_json([vars(entry) for entry in built.entries()])
    elif list_:
        report.show_bundle(OUT, built.entries())
    else:
        OUT.print(progress.stage_times(), markup=False)
