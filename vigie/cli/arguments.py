"""Arguments and options that commands share, and the words about exit codes under each help text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

EPILOG: Final = "Exit codes: 0 fine · 1 the world differs or a check failed · 2 the input is wrong · 130 interrupted."

CityArgument = Annotated[
    Path,
    typer.Argument(
        metavar="CITY", help="Folder of the city: city.yaml, encoders.csv, cameras.csv.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines on standard output.")]
