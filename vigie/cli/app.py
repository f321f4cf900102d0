"""``vigie``: one command line for the whole life of a city."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from vigie.city import CityError, load_city
from vigie.cli import report
from vigie.cli.console import ERR, OUT, Exit, emit_json, fail
from vigie.cli.progress import Progress
from vigie.plan import Plan, PlanRefused, dump_plan, load_plan
from vigie.plan import plan as make_plan
from vigie.state import State, StateBusy, cache_home

EPILOG: Final = "Exit codes: 0 fine · 1 the world differs or a check failed · 2 the input is wrong · 130 interrupted."
app = typer.Typer(
    name="vigie",
    help="City video surveillance as code: plan it, make it, prove it.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

CityArgument = Annotated[
    Path,
    typer.Argument(
        metavar="CITY", help="Folder of the city: city.yaml, encoders.csv, cameras.csv.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines on standard output.")]


def main() -> None:
    """Entry point of the ``vigie`` command."""
    try:
        app()
    except SystemExit as end:
        if end.code == Exit.INTERRUPTED:  # typer turns Ctrl-C into this code and says no more than that it aborted
            ERR.print("Interrupted. Nothing is lost: run the same command again and it goes on.", markup=False)
        raise


@app.command(epilog=EPILOG)
def plan(
    city: CityArgument,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write plan.json there.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compute the plan of a city and show it; touches nothing.

    A city with mistakes, or one that does not fit, is refused with exit code 2.

    [bold]Examples[/bold]

      vigie plan inventories/demo

      vigie plan inventories/demo --json | jq .capacity

      vigie plan inventories/demo --output plan.json
    """
    planned = _plan(city, as_json)
    if output:
        output.write_text(dump_plan(planned), encoding="utf-8")
    if as_json:
        sys.stdout.write(dump_plan(planned))
    else:
        report.show_plan(OUT, planned)


@app.command(epilog=EPILOG)
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

    planned = _plan(city, as_json)
    hosts = _chosen(planned, limit, as_json)
    _need_root(as_json)
    state = State.of(planned.city)
    state.prepare()
    progress = Progress(ERR, quiet=as_json)
    with _working(state, as_json), progress.shown():
        deployment = deploy(planned, state, limit=hosts, full=full, progress=progress)
    if as_json:
        emit_json(deployment.as_json())
    else:
        report.show_deployment(OUT, deployment, demo_credentials(state), state)
    raise typer.Exit(int(Exit.FINE if deployment.good else Exit.DIFFERS))


@app.command(epilog=EPILOG)
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

    planned = _deployed_plan(city, as_json)
    hosts = _chosen(planned, limit, as_json) or {host.name for host in planned.hosts}
    state = State.of(planned.city)
    progress = Progress(ERR, quiet=as_json)
    with _working(state, as_json), progress.shown(), progress.stage("verify"):
        result = run_verification(state, reach(planned, state), hosts, progress)
    if as_json:
        emit_json(
            {"green": sorted(result.green), "red": {host: result.failures.get(host, []) for host in sorted(result.red)}}
        )
    else:
        report.show_verification(OUT, result)
    raise typer.Exit(int(Exit.DIFFERS if result.red else Exit.FINE))


@app.command(epilog=EPILOG)
def status(city: CityArgument, as_json: JsonOption = False) -> None:
    """Look at every host at once: reachable, units running, files as deployed. Answers within ten seconds.

    [bold]Examples[/bold]

      vigie status inventories/demo

      watch vigie status inventories/demo
    """
    from dataclasses import asdict

    from infra.automation import reach
    from vigie.cli.inspection import inspect

    planned = _deployed_plan(city, as_json)
    state = State.of(planned.city)
    found = inspect(planned, state, reach(planned, state))
    if as_json:
        emit_json([asdict(host) for host in found])
    else:
        report.show_status(OUT, found)
    raise typer.Exit(int(Exit.FINE if all(host.verdict == "fine" for host in found) else Exit.DIFFERS))


@app.command(epilog=EPILOG)
def down(
    city: CityArgument,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove the state folder too: CA, secrets, recordings.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove every host of the city. Leaves nothing outside the state folder, and keeps that unless told to purge it.

    [bold]Examples[/bold]

      vigie down inventories/demo

      vigie down inventories/demo --purge
    """
    from infra.automation import down as remove

    _need_root(as_json)
    state = State.of(_load(city, as_json))
    if not state.folder.exists():
        fail(Exit.FINE, f"Nothing to remove: {state.folder} does not exist.", as_json=as_json)
    progress = Progress(ERR, quiet=as_json)
    with _working(state, as_json), progress.shown(), progress.stage("down"):
        left = remove(state, purge, lambda event: progress.step(event.name, event.message, loud=event.loud))
    if as_json:
        emit_json({"left": left})
    elif left:
        OUT.print("Still there:", *left, sep="\n  ", markup=False)
    raise typer.Exit(int(Exit.DIFFERS if left else Exit.FINE))


@app.command(epilog=EPILOG)
def bundle(
    list_: Annotated[bool, typer.Option("--list", help="Print component, version, licence and checksum.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build everything that hosts need without internet, or list it.

    [bold]Examples[/bold]

      vigie bundle

      vigie bundle --list
    """
    from vigie.cli.deploy import build_bundle

    _need_root(as_json)
    progress = Progress(ERR, quiet=as_json)
    state = State(cache_home())
    state.folder.mkdir(parents=True, exist_ok=True)
    with _working(state, as_json), progress.shown(), progress.stage("bundle"):
        built = build_bundle(progress)
    if as_json:
        emit_json([vars(entry) for entry in built.entries()])
    elif list_:
        report.show_bundle(OUT, built.entries())
    else:
        OUT.print(progress.stage_times(), markup=False)


def _load(folder: Path, as_json: bool) -> str:
    """The id of the city in ``folder``."""
    return _plan(folder, as_json).city


def _plan(folder: Path, as_json: bool) -> Plan:
    """The plan of ``folder``; mistakes end the command with exit code 2."""
    try:
        return make_plan(load_city(folder))
    except CityError as error:
        details = [
            {"file": p.file, "line": p.line, "field": p.field, "message": p.message, "fix": p.fix}
            for p in error.problems
        ]
        count = len(error.problems)
        fail(
            Exit.WRONG_INPUT,
            f"{error}\n{count} problem{'s' if count > 1 else ''}; nothing was changed.",
            as_json=as_json,
            details=details,
        )
    except PlanRefused as refused:
        from dataclasses import asdict

        fail(
            Exit.WRONG_INPUT,
            f"Refused: the city does not fit.\n{refused}\nNothing was changed.",
            as_json=as_json,
            details=[asdict(shortfall) for shortfall in refused.shortfalls],
        )


def _deployed_plan(folder: Path, as_json: bool) -> Plan:
    """The plan that was last deployed for the city in ``folder``: what the world is compared with."""
    state = State.of(_load(folder, as_json))
    if not state.plan.exists():
        fail(Exit.DIFFERS, f"Nothing is deployed: {state.plan} does not exist. Run: vigie up {folder}", as_json=as_json)
    try:
        deployed = load_plan(state.plan)
    except ValueError as error:
        fail(Exit.WRONG_INPUT, str(error), as_json=as_json)
    from infra.automation import is_up

    if not is_up(deployed):
        fail(Exit.DIFFERS, f"The city is down: no host of it runs. Run: vigie up {folder}", as_json=as_json)
    return deployed


def _chosen(planned: Plan, limit: str, as_json: bool) -> set[str]:
    """The hosts that ``--limit`` names; an unknown one ends the command with exit code 2."""
    known = {host.name for host in planned.hosts}
    chosen = {name.strip() for name in limit.split(",") if name.strip()}
    if unknown := sorted(chosen - known):
        fail(
            Exit.WRONG_INPUT,
            f"--limit: no host is called {', '.join(unknown)}; the plan has {', '.join(sorted(known))}",
            as_json=as_json,
        )
    return chosen


def _need_root(as_json: bool) -> None:
    if os.geteuid() != 0:
        fail(Exit.WRONG_INPUT, "This command makes namespaces, mounts and hosts: run it as root.", as_json=as_json)


@contextmanager
def _working(state: State, as_json: bool) -> Iterator[None]:
    """Hold the city, and turn what can go wrong out there into words and exit code 1."""
    from infra.automation import InfrastructureError
    from infra.bundle import BundleError

    try:
        with state.locked():
            yield
    except StateBusy as busy:
        fail(Exit.DIFFERS, f"{busy}; wait for it to end.", as_json=as_json)
    except (InfrastructureError, BundleError) as error:
        fail(Exit.DIFFERS, str(error), as_json=as_json)
