"""What commands take in: the city, its plan, the deployed plan, the right to work. Mistakes end the command here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from vigie.city import City, CityError, load_city
from vigie.city.load import MACHINES_FILE
from vigie.cli.console import Exit, fail
from vigie.plan import Plan, PlanRefused, load_plan
from vigie.plan import plan as make_plan
from vigie.plan.machines import hosts_without_machine, unknown_hosts
from vigie.state import State, StateBusy


def read_city(folder: Path, as_json: bool) -> City:
    """The city in ``folder``; mistakes end the command with exit code 2."""
    try:
        return load_city(folder)
    except CityError as error:
        _fail_city(error, as_json)


def _fail_city(error: CityError, as_json: bool) -> NoReturn:
    details = [
        {"file": p.file, "line": p.line, "field": p.field, "message": p.message, "fix": p.fix} for p in error.problems
    ]
    count = len(error.problems)
    fail(
        Exit.WRONG_INPUT,
        f"{error}\n{count} problem{'s' if count > 1 else ''}; nothing was changed.",
        as_json=as_json,
        details=details,
    )


def planned_city(folder: Path, as_json: bool, fresh: bool = False) -> Plan:
    """The plan of ``folder``; mistakes end the command with exit code 2.

    What the last deployment placed stays where it is, unless ``fresh`` says to plan as if nothing were there.
    """
    city = read_city(folder, as_json)
    try:
        previous = None if fresh else previous_plan(State.of(city.file.city.id))
    except ValueError as error:
        fail(Exit.WRONG_INPUT, str(error), as_json=as_json)
    return planned_after(city, previous, as_json)


def planned_after(city: City, previous: Plan | None, as_json: bool) -> Plan:
    """The plan of ``city`` after ``previous``; a refusal ends the command with exit code 2."""
    try:
        planned = make_plan(city, previous)
    except PlanRefused as refused:
        from dataclasses import asdict

        fail(
            Exit.WRONG_INPUT,
            f"Refused: the city does not fit.\n{refused}\nNothing was changed.",
            as_json=as_json,
            details=[asdict(shortfall) for shortfall in refused.shortfalls],
        )
    if problems := unknown_hosts(city, planned):
        _fail_city(CityError(problems), as_json)
    return planned


def previous_plan(state: State) -> Plan | None:
    """The plan that was last deployed, if any. Raises ``ValueError`` for one that this version cannot read."""
    return load_plan(state.plan) if state.plan.exists() else None


def deployed_plan(folder: Path, as_json: bool) -> Plan:
    """The plan that was last deployed for the city in ``folder``: what the world is compared with."""
    state = State.of(read_city(folder, as_json).file.city.id)
    try:
        deployed = previous_plan(state)
    except ValueError as error:
        fail(Exit.WRONG_INPUT, str(error), as_json=as_json)
    if deployed is None:
        fail(Exit.DIFFERS, f"Nothing is deployed: {state.plan} does not exist. Run: vigie up {folder}", as_json=as_json)
    from infra.automation import is_up

    if not is_up(deployed, state):
        fail(Exit.DIFFERS, f"The city is down: no host of it is deployed. Run: vigie up {folder}", as_json=as_json)
    return deployed


def chosen_hosts(planned: Plan, limit: str, as_json: bool) -> set[str]:
    """The hosts that ``--limit`` names; an unknown one ends the command with exit code 2."""
    known = {host.name for host in planned.deployed_hosts}
    chosen = {name.strip() for name in limit.split(",") if name.strip()}
    if unknown := sorted(chosen - known):
        fail(
            Exit.WRONG_INPUT,
            f"--limit: no host is called {', '.join(unknown)}; the plan has {', '.join(sorted(known))}",
            as_json=as_json,
        )
    return chosen


def need_machines(planned: Plan, as_json: bool) -> None:
    """Every deployed host of a city on racked machines has one; else the command ends with exit code 2."""
    if lacking := hosts_without_machine(planned):
        said = f"{MACHINES_FILE}: no line for {', '.join(lacking)}: add one for each (docs/how-to/adopt-racked-machines.md)"
        fail(Exit.WRONG_INPUT, f"{said}\nNothing was changed.", as_json=as_json, details=lacking)


def keep_target_settings(planned: Plan, folder: Path, state: State, as_json: bool) -> None:
    """Check and keep what the city says of its hypervisor; mistakes end the command with exit code 2."""
    from infra.components.hypervisor import Hypervisor, SettingsError
    from infra.targets import environment

    target = environment(planned.target)
    if isinstance(target, Hypervisor):
        try:
            target.keep(planned, folder, state)
        except CityError as error:
            _fail_city(error, as_json)
        except SettingsError as error:
            fail(Exit.WRONG_INPUT, f"{error}\nNothing was changed.", as_json=as_json)


def need_root(as_json: bool, target: str = "lab") -> None:
    """The lab makes namespaces and mounts; other targets are reached over the network by whoever may read the state."""
    if target == "lab" and os.geteuid() != 0:
        fail(Exit.WRONG_INPUT, "This command makes namespaces, mounts and hosts: run it as root.", as_json=as_json)


@contextmanager
def working(state: State, as_json: bool) -> Iterator[None]:
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
