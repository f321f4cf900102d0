"""``vigie lock``: evidence locks on the recorders that hold a camera's footage."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from vigie.city.quantity import human_bytes
from vigie.cli.arguments import EPILOG, CityArgument, JsonOption
from vigie.cli.console import ERR, OUT, Exit, emit_json, fail
from vigie.cli.inputs import deployed_plan, need_root
from vigie.cli.instants import instant, shown
from vigie.cli.keepers import ask_keepers, keepers_of, merged_locks, url_of
from vigie.plan.model import Host, Plan
from vigie.recording.keeper.question import Answer, Request
from vigie.state import State

lock = typer.Typer(help="Keep footage as evidence, whatever its age.", no_args_is_help=True, rich_markup_mode="rich")

CameraOption = Annotated[str, typer.Option("--camera", help="Id of the camera.", show_default=False)]
EverywhereOption = Annotated[
    bool, typer.Option("--everywhere", help="Ask every recorder: for a camera that was moved between recorders.")
]
WhoOption = Annotated[str, typer.Option("--who", help="Who asks for it; default: your login.", show_default=False)]
ApprovedOption = Annotated[
    list[str] | None, typer.Option("--approved-by", help="Who agrees; may be given several times.", show_default=False)
]
IdArgument = Annotated[str, typer.Argument(metavar="LOCK", help="Id of the lock.", show_default=False)]
_CREATED: Final = 201


@lock.command(epilog=EPILOG)
def add(
    city: CityArgument,
    camera: CameraOption,
    from_: Annotated[
        str, typer.Option("--from", help="ISO 8601 with zone: 2027-03-03T14:00+01:00.", show_default=False)
    ],
    to: Annotated[str, typer.Option("--to", help="Likewise; footage that overlaps is kept whole.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Case, authority, reference.", show_default=False)],
    until: Annotated[
        str, typer.Option("--until", help="When the lock ends by itself: ISO 8601 or '90 days'; default: never.")
    ] = "",
    who: WhoOption = "",
    approved_by: ApprovedOption = None,
    id_: Annotated[str, typer.Option("--id", help="Repeat a lock that did not reach every host.")] = "",
    everywhere: EverywhereOption = False,
    as_json: JsonOption = False,
) -> None:
    """Lock footage of a camera: it is not erased until the lock is released or ends.

    [bold]Examples[/bold]

      vigie lock add inventories/demo --camera cam-gate --from 2027-03-03T14:00+01:00 --to 2027-03-03T15:00+01:00 --reason "case 7" --until "90 days"
    """
    try:
        body: dict[str, Any] = {
            "camera": camera,
            "from": instant(from_, "--from"),
            "to": instant(to, "--to"),
            "until": instant(until, "--until", datetime.now(UTC)) if until else None,
        }
        if body["from"] >= body["to"]:
            raise ValueError("--to: it must lie after --from")  # noqa: TRY301 - all mistakes end in one place
    except ValueError as error:
        fail(Exit.WRONG_INPUT, str(error), as_json=as_json)
    name = id_ or secrets.token_hex(8)
    body |= {"id": name, "reason": reason, "who": who or getpass.getuser(), "approvals": approved_by or []}
    plan = deployed_plan(city, as_json)
    hosts = keepers_of(plan, camera, everywhere=everywhere)
    answers = _ask(plan, hosts, lambda host: Request(host.name, "POST", url_of(host, "/v1/locks"), body), as_json)
    if not any(answer.value.get("footage", {}).get("segments") for answer in answers):
        ERR.print(
            f"No recorder has footage of {camera} in this interval now; what appears there is kept.", markup=False
        )
    _end(answers, as_json, f"Run the same command with --id {name} until every host has it.")


@lock.command("list", epilog=EPILOG)
def list_(
    city: CityArgument,
    camera: Annotated[str, typer.Option("--camera", help="Only of this camera.", show_default=False)] = "",
    all_: Annotated[bool, typer.Option("--all", help="The released, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the locks of the city.

    [bold]Examples[/bold]

      vigie lock list inventories/demo

      vigie lock list inventories/demo --camera cam-gate --all --json
    """
    plan = deployed_plan(city, as_json)
    path = "/v1/locks?" + "&".join([*(["all=1"] if all_ else []), *([f"camera={camera}"] if camera else [])])
    hosts = keepers_of(plan, camera, everywhere=not camera)
    _end(_ask(plan, hosts, lambda host: Request(host.name, "GET", url_of(host, path)), as_json), as_json)


@lock.command(epilog=EPILOG)
def show(city: CityArgument, id_: IdArgument, as_json: JsonOption = False) -> None:
    """Show one lock: who, why, until when, and how much footage it keeps on which host.

    [bold]Examples[/bold]

      vigie lock show inventories/demo 5f3a9c0d1e2b4a67
    """
    plan = deployed_plan(city, as_json)
    hosts = keepers_of(plan, "", everywhere=True)
    answers = _ask(
        plan, hosts, lambda host: Request(host.name, "GET", url_of(host, f"/v1/locks/{_id(id_, as_json)}")), as_json
    )
    _end(_without_strangers(answers, id_, as_json), as_json)


@lock.command(epilog=EPILOG)
def release(
    city: CityArgument,
    id_: IdArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why it may go.", show_default=False)],
    who: WhoOption = "",
    approved_by: ApprovedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a lock on every recorder that has it: its footage goes when its age says so.

    [bold]Examples[/bold]

      vigie lock release inventories/demo 5f3a9c0d1e2b4a67 --reason "case closed" --approved-by Youssef
    """
    plan = deployed_plan(city, as_json)
    path = f"/v1/locks/{_id(id_, as_json)}/release"
    body = {"who": who or getpass.getuser(), "reason": reason, "approvals": approved_by or []}
    hosts = keepers_of(plan, "", everywhere=True)
    answers = _ask(plan, hosts, lambda host: Request(host.name, "POST", url_of(host, path), body), as_json)
    _end(_without_strangers(answers, id_, as_json), as_json, "Run the same command again until every host answers.")


def _id(text: str, as_json: bool) -> str:
    if not text.isalnum():
        fail(Exit.WRONG_INPUT, f"LOCK: {text!r} is no lock's id; vigie lock list prints them", as_json=as_json)
    return text


def _ask(plan: Plan, hosts: Sequence[Host], request: Callable[[Host], Request], as_json: bool) -> list[Answer]:
    from infra.automation import reach

    need_root(as_json)
    state = State.of(plan.city)
    if not hosts:
        fail(Exit.DIFFERS, "No recorder of the deployed city can hold that camera.", as_json=as_json)
    try:
        return ask_keepers(plan, state, reach(plan, state), [request(host) for host in hosts])
    except OSError as error:
        fail(Exit.DIFFERS, str(error), as_json=as_json)


def _without_strangers(answers: list[Answer], name: str, as_json: bool) -> list[Answer]:
    """A host that never had the lock is no failure, unless none has it."""
    found = [answer for answer in answers if answer.status != 404]
    if not found:
        fail(Exit.WRONG_INPUT, f"No recorder has a lock {name}; vigie lock list --all prints them.", as_json=as_json)
    return found


def _end(answers: list[Answer], as_json: bool, hint: str = "") -> None:
    """Print what the hosts said. Exit 0 when all agreed, 2 when the request was wrong, 1 when a host failed."""
    failed = [answer for answer in answers if answer.status not in {200, _CREATED}]
    locks = merged_locks(answers)
    if as_json:
        emit_json({"locks": locks, "failed": {answer.host: answer.value["error"] for answer in failed}})
    else:
        _print(locks)
        for answer in failed:
            ERR.print(f"{answer.host}: {answer.value['error']}", markup=False, soft_wrap=True)
        if failed and len(failed) < len(answers) and hint:
            ERR.print(hint, markup=False)
    refused = [answer for answer in failed if 400 <= answer.status < 500]
    raise typer.Exit(int(Exit.WRONG_INPUT if refused else Exit.DIFFERS if failed else Exit.FINE))


def _print(locks: list[dict[str, Any]]) -> None:
    for found in locks:
        OUT.print(f"{found['id']}  {found['camera']}  {shown(found['from'])} … {shown(found['to'])}", markup=False)
        OUT.print(f"  {found['reason']} ({found['who']}, {shown(found['created'])})", markup=False)
        ended = found["released"]
        end = (
            f"released {shown(ended['at'])} by {ended['who']}: {ended['reason']}"
            if ended
            else f"until {shown(found['until'])}"
        )
        kept = found["footage"]
        size = f"; {kept['segments']} segments, {human_bytes(kept['bytes'])}" if kept["segments"] else ""
        OUT.print(f"  {end}; on {', '.join(found['hosts'])}{size}", markup=False)
