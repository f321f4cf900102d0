"""How the command line speaks: tables and words for people, JSON for machines, one exit code for each outcome."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from typing import Any, NoReturn

import typer
from rich.console import Console

OUT = Console(highlight=False)
ERR = Console(stderr=True, highlight=False)


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    FINE = 0
    DIFFERS = 1  # the world differs from the plan, or a check failed
    WRONG_INPUT = 2
    INTERRUPTED = 130  # 128 + SIGINT, as shells count


def emit_json(value: Any) -> None:
    """Print ``value`` as JSON on standard output and nothing else."""
    json.dump(value, sys.stdout, indent=1, sort_keys=True, default=str)
    sys.stdout.write("\n")


def fail(code: Exit, message: str, *, as_json: bool = False, details: Any = None) -> NoReturn:
    """Say ``message`` on standard error (or as JSON on standard output) and leave with ``code``."""
    if as_json:
        emit_json({"error": message, "details": details})
    else:
        ERR.print(message, markup=False, soft_wrap=True)
    raise typer.Exit(int(code))
