"""``vigie status``."""

from __future__ import annotations

import typer

from vigie.cli import report
from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import OUT, Exit, emit_json
from vigie.cli.inputs import deployed_plan
from vigie.state import State


def status(city: CityArgument, as_json: JsonOption = False) -> None:
    """Look at every host at once: reachable, units running, files as deployed. Answers within ten seconds.

    [bold]Examples[/bold]

      vigie status inventories/demo

      watch vigie status inventories/demo
    """
    from dataclasses import asdict

    from infra.automation import reach
    from vigie.cli.inspection import inspect

    planned = deployed_plan(city, as_json)
    state = State.of(planned.city)
    found = inspect(planned, state, reach(planned, state))
    if as_json:
        emit_json([asdict(host) for host in found])
    else:
        report.show_status(OUT, found)
    raise typer.Exit(int(Exit.FINE if all(host.verdict == "fine" for host in found) else Exit.DIFFERS))
