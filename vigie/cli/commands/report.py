"""``vigie report``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import OUT, Exit, emit_json, fail
from vigie.cli.inputs import planned_city


def report(
    city: CityArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the page there.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Write the plan as one HTML page for people: map, capacity, lots and prices, sites, network, inventory.

    The page needs no network and runs no script; it prints well. Touches nothing else.

    [bold]Examples[/bold]

      vigie report inventories/fes --output fes.html

      vigie report inventories/demo -o demo.html --json
    """
    from vigie.report import render_page

    planned = planned_city(city, as_json)
    page = render_page(planned, datetime.now(UTC).date())
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        fail(Exit.WRONG_INPUT, f"--output: {error}: name a file in a folder that exists", as_json=as_json)
    if as_json:
        emit_json({"city": planned.city, "plan": planned.digest, "page": str(output), "bytes": len(page.encode())})
    else:
        OUT.print(f"{output}: {len(page.encode()) / 1000:.0f} kB, plan {planned.digest[:12]}", markup=False)
