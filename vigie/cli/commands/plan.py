"""``vigie plan``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vigie.cli import report
from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import OUT, Exit, emit_json, fail
from vigie.cli.inputs import planned_city
from vigie.plan import Plan, dump_plan


def plan(
    city: CityArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write plan.json there.", show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Plan as if nothing were deployed: cameras may move.")] = False,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="CAMERA", help="Say why this camera is recorded where it is."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compute the plan of a city and show it; touches nothing.

    What is deployed stays where it is. A city with mistakes, or one that does not fit, is refused with exit code 2.

    [bold]Examples[/bold]

      vigie plan inventories/demo

      vigie plan inventories/demo --json | jq .capacity

      vigie plan inventories/demo --output plan.json

      vigie plan inventories/fes --explain cam-gare-01
    """
    planned = planned_city(city, as_json, fresh)
    if output:
        output.write_text(dump_plan(planned), encoding="utf-8")
    if explain is not None:
        _explain(planned, explain, as_json)
    elif as_json:
        sys.stdout.write(dump_plan(planned))
    else:
        report.show_plan(OUT, planned)


def _explain(planned: Plan, camera: str, as_json: bool) -> None:
    from dataclasses import asdict

    from vigie.cli.explanations import show_explanation
    from vigie.plan.explanation import UnknownCamera, explain

    try:
        found = explain(planned, camera)
    except UnknownCamera as unknown:
        near = f"did you mean {', '.join(unknown.near)}?" if unknown.near else "`vigie plan --json` lists them."
        fail(Exit.WRONG_INPUT, f"--explain: {unknown}: {near}", as_json=as_json, details=list(unknown.near))
    if as_json:
        emit_json(asdict(found))
    else:
        show_explanation(OUT, found)
