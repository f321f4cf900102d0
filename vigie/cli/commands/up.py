"""``vigie up``."""

from __future__ import annotations

from typing import Annotated

import typer

from vigie.cli import report
from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import ERR, OUT, Exit, emit_json
from vigie.cli.inputs import chosen_hosts, keep_target_settings, need_machines, need_root, planned_city, working
from vigie.cli.progress import Progress
from vigie.state import State, city_files


def up(
    city: CityArgument,
    limit: Annotated[
        str, typer.Option(help="Configure and verify only these hosts, comma-separated.", show_default=False)
    ] = "",
    full: Annotated[bool, typer.Option("--full", help="Run every role on every host, skip none.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the world what the plan says: hosts exist, are configured, and are verified.

    A host is skipped only when its fingerprint matches and its checks are green in this very run. Safe to repeat and to
    interrupt.

    [bold]Examples[/bold]

      vigie up inventories/demo

      vigie up inventories/demo --limit recorder-1,noc-1

      vigie up inventories/demo --full
    """
    from vigie.cli.deploy import demo_credentials, deploy

    planned = planned_city(city, as_json)
    hosts = chosen_hosts(planned, limit, as_json)
    need_machines(planned, as_json)
    need_root(as_json, planned.target)
    state = State.of(planned.city)
    state.prepare()
    keep_target_settings(planned, city, state, as_json)
    progress = Progress(ERR, quiet=as_json)
    with working(state, as_json), progress.shown():
        city_files.keep(state, city)
        deployment = deploy(planned, state, limit=hosts, full=full, progress=progress)
    if as_json:
        emit_json(deployment.as_json())
    else:
        report.show_deployment(OUT, deployment, demo_credentials(state), state)
    raise typer.Exit(int(Exit.FINE if deployment.good else Exit.DIFFERS))
