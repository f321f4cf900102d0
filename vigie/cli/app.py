"""``vigie``: one command line for the whole life of a city."""

from __future__ import annotations

import typer

from vigie.cli.arguments import EPILOG
from vigie.cli.commands.adopt import adopt
from vigie.cli.commands.bundle import bundle
from vigie.cli.commands.diff import diff
from vigie.cli.commands.down import down
from vigie.cli.commands.export import export
from vigie.cli.commands.import_ import import_list
from vigie.cli.commands.ledger import ledger
from vigie.cli.commands.lock import lock
from vigie.cli.commands.plan import plan
from vigie.cli.commands.report import report
from vigie.cli.commands.state import app as state
from vigie.cli.commands.status import status
from vigie.cli.commands.up import up
from vigie.cli.commands.upgrade import upgrade
from vigie.cli.commands.verify import verify
from vigie.cli.console import ERR, Exit

app = typer.Typer(
    name="vigie",
    help="City video surveillance as code: plan it, make it, prove it.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for command in (plan, diff, report, up, verify, status, upgrade, down, bundle, adopt, export):
    app.command(epilog=EPILOG)(command)
app.add_typer(ledger)
app.add_typer(lock, name="lock", epilog=EPILOG)
app.command("import", epilog=EPILOG)(import_list)
app.add_typer(state, name="state")


def main() -> None:
    """Entry point of the ``vigie`` command."""
    try:
        app()
    except SystemExit as end:
        if end.code == Exit.INTERRUPTED:  # typer turns Ctrl-C into this code and says no more than that it aborted
            ERR.print("Interrupted. Nothing is lost: run the same command again and it goes on.", markup=False)
        raise
