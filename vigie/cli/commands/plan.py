"""``vigie plan``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vigie.cli import report
from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import OUT
from vigie.cli.inputs import planned_city
from vigie.plan import dump_plan


def plan(
    city: CityArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write plan.json there.", show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Plan as if nothing were deployed: cameras may move.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Compute the plan of a city and show it; touches nothing.

    What is deployed stays where it is. A city with mistakes, or one that does not fit, is refused with exit code 2.

    [bold]Examples[/bold]

      vigie plan inventories/demo

      vigie plan inventories/demo --json | jq .capacity

      vigie plan inventories/demo --output plan.json
    """
    planned = planned_city(city, as_json, fresh)
    if output:
        output.write_text(dump_plan(planned), encoding="utf-8")
    if as_json:
        sys.stdout.write(dump_plan(planned))
    else:
        report.show_plan(OUT, planned)
