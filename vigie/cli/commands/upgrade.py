"""``vigie upgrade``."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from vigie.cli import report
from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import ERR, OUT, Exit, emit_json, fail
from vigie.cli.inputs import deployed_plan, need_root, planned_city, working
from vigie.cli.progress import Progress
from vigie.cli.upgrade import Outlook, Step, Upgrade, moves, outlook, pending, run, steps
from vigie.plan import Plan, dump_plan
from vigie.state import State, city_files, read_json

if TYPE_CHECKING:
    from vigie.cli.deploy import Deployment

SETTLE_SECONDS: Final = 15.0  # longer than footage may be old (tests/hosts) after a recorder has started again


def upgrade(
    city: CityArgument,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say the order and what restarts; change nothing.")
    ] = False,
    canary: Annotated[int, typer.Option(min=0, help="Upgrade so many hosts and stop; 0 for all.")] = 0,
    at_once: Annotated[
        int, typer.Option(min=1, help="So many hosts of a stage together, never two recorders of one group.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Move a running city to this version of Vigie, host by host, recordings go on.

    Spare recorders first, then recorders of each group in turn (the next only when every camera of the last is written
    again), then the other tiers. Stops at the first host that is not green. Safe to repeat: hosts that are done are
    skipped.

    [bold]Examples[/bold]

      vigie upgrade inventories/demo --dry-run

      vigie upgrade inventories/demo --canary 1

      vigie upgrade inventories/demo
    """
    from vigie.cli.deploy import build_bundle, deploy, expected_parts, remembered_parts

    need_root(as_json)
    running = deployed_plan(city, as_json)
    planned = planned_city(city, as_json)
    state = State.of(planned.city)
    _refuse_changes(city, state, running, planned, as_json)
    progress = Progress(ERR, quiet=as_json)
    with working(state, as_json), progress.shown():
        with progress.stage("bundle"):
            bundle = build_bundle(progress)
        looks = outlook(
            planned, remembered_parts(state), expected_parts(planned, state, bundle), _units(planned, state)
        )
        todo = pending(steps(planned, at_once), looks, canary)
        if dry_run:
            _show_outlook(todo, looks, as_json)
            raise typer.Exit(int(Exit.FINE))
        _keep_before(state, planned)

        def act(hosts: Collection[str]) -> Deployment:
            return deploy(planned, state, limit=hosts, full=False, progress=progress, apart=True)

        def say(step: Step, number: int) -> None:
            ERR.print(
                f"Step {number} of {len(todo)}, {step.stage}: {', '.join(step.hosts)}", markup=False, soft_wrap=True
            )

        result = run(todo, act, lambda: time.sleep(SETTLE_SECONDS), (lambda *_: None) if as_json else say)
    still = [host for host, look in looks.items() if look.pending and host not in result.done]
    _show_result(result, still, city, state, as_json)
    raise typer.Exit(int(Exit.DIFFERS if result.failed else Exit.FINE))


def _refuse_changes(folder: Path, state: State, running: Plan, planned: Plan, as_json: bool) -> None:
    """One change at a time: an edited city, or a plan that moves something, is for ``vigie up``."""
    changed = city_files.edited(state, folder) if state.city.is_dir() else []
    found = [f"{name} was edited since it was deployed" for name in changed] or moves(running, planned)
    if found:
        fail(
            Exit.WRONG_INPUT,
            "\n".join([*found[:10], *([f"and {len(found) - 10} more"] if len(found) > 10 else [])])
            + f"\nAn upgrade changes the version and nothing else. Deploy the change first: vigie up {folder}\n"
            "Nothing was changed.",
            as_json=as_json,
            details=found,
        )


def _units(plan: Plan, state: State) -> dict[str, object]:
    return {host.name: read_json(state.manifest(host.name), {}).get("units", {}) for host in plan.deployed_hosts}


def _keep_before(state: State, planned: Plan) -> None:
    """Keep plan.json as the version before wrote it: that version may not read one of today's format."""
    if state.plan.read_text(encoding="utf-8") != dump_plan(planned):
        shutil.copy2(state.plan, _before(state))


def _before(state: State) -> Path:
    return state.folder / "plan.before-upgrade.json"


def _show_outlook(todo: Sequence[Step], looks: Mapping[str, Outlook], as_json: bool) -> None:
    rows = [(number, step, looks[host]) for number, step in enumerate(todo, 1) for host in step.hosts]
    if as_json:
        emit_json(
            [
                {
                    "step": number,
                    "stage": step.stage,
                    "host": look.host,
                    "changed": look.changed,
                    "made_anew": look.anew,
                    "restarts": look.restarts,
                    "may_restart": look.may_restart,
                    "interrupts_recording": look.interrupts,
                    "cameras": look.cameras,
                }
                for number, step, look in rows
            ]
        )
    else:
        report.show_outlook(OUT, rows, version("vigie"))


def _show_result(result: Upgrade, still: Sequence[str], city: Path, state: State, as_json: bool) -> None:
    if as_json:
        failed = result.deployment.as_json() if result.failed and result.deployment else None
        emit_json({"vigie": version("vigie"), "done": result.done, "left": still, "failed": failed})
        return
    if result.failed and result.deployment:
        report.show_verification(OUT, result.deployment.verification)
        for host, reason in (result.deployment.playbook.failures if result.deployment.playbook else {}).items():
            OUT.print(f"{host}: {reason}", style="red", markup=False, soft_wrap=True)
        before = f" (first: cp {_before(state)} {state.plan})" if _before(state).exists() else ""
        OUT.print(
            f"Stopped at {', '.join(result.failed.hosts)}; not touched: {', '.join(result.left[len(result.failed.hosts) :]) or 'none'}.\n"
            f"On: mend the cause, then again: vigie upgrade {city}\n"
            f"Back: with the Vigie from before: vigie up {city} --limit {','.join([*result.done, *result.failed.hosts])}{before}\n"
            f"Logs: {state.events}",
            markup=False,
            soft_wrap=True,
        )
    elif still:
        OUT.print(
            f"{len(result.done)} upgraded: {', '.join(result.done)}. Look at them; then the other {len(still)}: "
            f"vigie upgrade {city}",
            markup=False,
            soft_wrap=True,
        )
    else:
        done = f"{len(result.done)} upgraded: {', '.join(result.done)}" if result.done else "nothing to do"
        OUT.print(f"Every host is of Vigie {version('vigie')}; {done}.", markup=False, soft_wrap=True)
