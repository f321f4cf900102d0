"""``vigie verify``."""

from __future__ import annotations

from typing import Annotated

import typer

from vigie.cli import report
from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import ERR, OUT, Exit, emit_json
from vigie.cli.inputs import chosen_hosts, deployed_plan, working
from vigie.cli.progress import Progress
from vigie.state import State


def verify(
    city: CityArgument,
    limit: Annotated[str, typer.Option(help="Verify only these hosts, comma-separated.", show_default=False)] = "",
    as_json: JsonOption = False,
) -> None:
    """Ask every host whether it is what the plan says (testinfra); changes nothing.

    [bold]Examples[/bold]

      vigie verify inventories/demo

      vigie verify inventories/demo --limit recorder-1 --json
    """
    from infra.automation import reach
    from vigie.cli.verification import verify as run_verification

    planned = deployed_plan(city, as_json)
    hosts = chosen_hosts(planned, limit, as_json) or {host.name for host in planned.deployed_hosts}
    state = State.of(planned.city)
    progress = Progress(ERR, quiet=as_json)
    with working(state, as_json), progress.shown(), progress.stage("verify"):
        result = run_verification(state, reach(planned, state), hosts, progress)
    if as_json:
        emit_json(
            {"green": sorted(result.green), "red": {host: result.failures.get(host, []) for host in sorted(result.red)}}
        )
    else:
        report.show_verification(OUT, result)
    raise typer.Exit(int(Exit.DIFFERS if result.red else Exit.FINE))
