"""``vigie diff``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import OUT, Exit, emit_json, fail
from vigie.cli.inputs import planned_after, previous_plan, read_city
from vigie.plan import load_plan
from vigie.state import State


def diff(
    city: CityArgument,
    origin: Annotated[
        Path | None,
        typer.Option("--from", metavar="PLAN.JSON", help="Compare with this plan, not with the deployed one."),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="PLAN.JSON", help="Compare that with this plan, not with the city as written."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a change of the city would move, restart, interrupt and delete, before `vigie up` does it.

    Touches nothing. Exit code 0: no difference; 1: differences; 2: the input is wrong or the city does not fit.

    [bold]Examples[/bold]

      vigie diff inventories/demo

      vigie diff inventories/demo --json | jq '.interruptions'

      vigie diff inventories/fes --from last-year.json

      vigie diff inventories/fes --from /var/lib/vigie/fes/history/20261124T120000Z-0123456789ab.json.gz
    """
    from dataclasses import asdict

    from vigie.cli.differences import show_difference
    from vigie.plan.difference import difference, nothing_yet

    written = read_city(city, as_json)
    try:
        before = load_plan(origin) if origin else previous_plan(State.of(written.file.city.id))
        given = load_plan(to) if to else None
    except (OSError, ValueError) as error:
        fail(Exit.WRONG_INPUT, str(error), as_json=as_json)
    for path, plan in ((origin, before), (to, given)):
        if path and plan and plan.city != written.file.city.id:
            said = f"{path}: city: a plan of {plan.city!r}, but {city} describes {written.file.city.id!r}"
            fail(Exit.WRONG_INPUT, f"{said}: give a plan of the same city", as_json=as_json)
    after = given or planned_after(written, before, as_json)
    found = difference(before or nothing_yet(after), after)
    if as_json:
        emit_json(
            asdict(found)
            | {"empty": found.empty, "interrupted": found.interrupted, "loses_footage": found.loses_footage}
        )
    else:
        if before is None:
            OUT.print("Nothing is deployed yet: all of it would be made.", markup=False)
        show_difference(OUT, found, after.currency)
    raise typer.Exit(int(Exit.FINE if found.empty else Exit.DIFFERS))
