"""``vigie adopt``."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from vigie.city import CityError
from vigie.city.documents import read_csv
from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import OUT, Exit, emit_json, fail
from vigie.cli.inputs import chosen_hosts, deployed_plan, working
from vigie.cli.inspection import ssh_command
from vigie.plan import Plan
from vigie.plan.constants import RECORDINGS, VENV_DIR
from vigie.plan.variables import cameras_of, identities_on
from vigie.recording.adoption.pattern import Pattern, PatternError
from vigie.recording.adoption.takeover import Request
from vigie.state import State

COLUMNS: Final = ("name", "camera")


def adopt(
    city: CityArgument,
    recorder: Annotated[str, typer.Option(help="Host of the plan on which the old recorder runs.", show_default=False)],
    source: Annotated[str, typer.Option("--from", help="Folder of the old recordings there.", show_default=False)],
    pattern: Annotated[
        str,
        typer.Option(
            help="How the old recorder names files below it: MediaMTX's recordPath, or strftime with %path for the camera.",
            show_default=False,
        ),
    ],
    time_zone: Annotated[
        str, typer.Option(help="Of the old recorder's clock, such as Africa/Casablanca.", show_default=False)
    ],
    cameras: Annotated[Path, typer.Option(help="CSV with the columns name (the old one) and camera (the id here).")],
    move: Annotated[bool, typer.Option("--move", help="Move what is closed. Without it nothing is touched.")] = False,
    hand_over: Annotated[
        str, typer.Option(help="systemd unit of the old recorder: stopped once ours records.", show_default=False)
    ] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Give every file its old name again.")] = False,
    paths: Annotated[
        Path | None,
        typer.Option(help="Write a CSV of every file: old name, new name, or why it stays.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take over the footage of a recorder in service, and then its work, without losing a second.

    Shows what would be where; moves only when told to. Files are renamed on their own disk, never copied; a journal
    beside them lets [bold]--undo[/bold] bring every old name back.

    [bold]Examples[/bold]

      vigie adopt inventories/fes --recorder recorder-1 --from /data/rec --pattern '%path/%Y-%m-%d_%H-%M-%S-%f' --time-zone Africa/Casablanca --cameras old.csv

      vigie adopt … --move

      vigie adopt … --hand-over mediamtx.service

      vigie adopt … --undo
    """
    if sum((move, bool(hand_over), undo)) > 1:
        fail(Exit.WRONG_INPUT, "--move, --hand-over and --undo are three different acts: give one", as_json=as_json)
    planned = deployed_plan(city, as_json)
    chosen_hosts(planned, recorder, as_json)
    request = _request(planned, recorder, source, pattern, time_zone, cameras, as_json)
    action = "hand-over" if hand_over else "undo" if undo else "adopt" if move else "survey"
    state = State.of(planned.city)
    with working(state, as_json):
        report = _on_host(planned, state, recorder, action, hand_over, request, as_json)
    if paths:
        _write_paths(paths, report)
    if as_json:
        emit_json(report)
    else:
        _show(report, action)
    raise typer.Exit(int(Exit.FINE if report["good"] else Exit.DIFFERS))


def _request(
    planned: Plan, recorder: str, source: str, pattern: str, time_zone: str, cameras: Path, as_json: bool
) -> Request:
    """The request, every input checked here, before the host is asked; mistakes end the command with exit code 2."""
    names = _camera_names(planned, recorder, cameras, as_json)
    request = Request(source, str(RECORDINGS), pattern, time_zone, names, planned.segment_seconds)
    try:
        Pattern.compile(pattern)
        request.zone()
    except PatternError as error:
        fail(Exit.WRONG_INPUT, f"--pattern: {error}", as_json=as_json)
    except ValueError as error:
        fail(Exit.WRONG_INPUT, f"--time-zone: {error}", as_json=as_json)
    if not source.startswith("/"):
        fail(Exit.WRONG_INPUT, f"--from: {source!r} is no absolute path", as_json=as_json)
    return request


def _camera_names(planned: Plan, recorder: str, path: Path, as_json: bool) -> dict[str, str]:
    recorded = {c.id for identity in identities_on(planned, recorder) for c in cameras_of(planned, identity)}
    names: dict[str, str] = {}
    problems = []
    try:
        rows = read_csv(path, COLUMNS)
    except CityError as error:
        fail(Exit.WRONG_INPUT, str(error), as_json=as_json)
    for row in rows:
        name, camera = row.cells["name"] or "", row.cells["camera"] or ""
        if camera not in recorded:
            problems.append(f"{path.name}:{row.line}: camera: {camera!r} is not recorded by {recorder} in the plan")
        if name in names:
            problems.append(f"{path.name}:{row.line}: name: {name!r} stands there twice")
        names[name] = camera
    if problems or not names:
        said = problems or [f"{path.name}: names no camera"]
        fail(Exit.WRONG_INPUT, "\n".join([*said, "Nothing was changed."]), as_json=as_json, details=problems)
    return names


def _on_host(
    planned: Plan, state: State, recorder: str, action: str, service: str, request: Request, as_json: bool
) -> dict[str, Any]:
    from dataclasses import asdict

    from infra.automation import reach

    login = planned.host(recorder).login
    words = ["sudo", "-n", str(VENV_DIR / "current/bin/python"), "-m", "vigie.recording.adoption", action]
    words += ["--service", service] if service else []
    argv = [*reach(planned, state), *ssh_command(state, login.address, login.port, login.user), shlex.join(words)]
    done = subprocess.run(argv, input=json.dumps(asdict(request)), capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        code = Exit.WRONG_INPUT if done.returncode == Exit.WRONG_INPUT else Exit.DIFFERS
        fail(code, f"{recorder}: {done.stderr.strip() or f'ssh ended with {done.returncode}'}", as_json=as_json)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _write_paths(path: Path, report: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("old", "new", "instant from", "stays because"))
        writer.writerows((old, new, basis, "") for old, new, basis in report["paths"])
        writer.writerows((old, "", "", reason) for old, reason in report["left"])


def _show(report: dict[str, Any], action: str) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("camera", "files", "first (UTC)", "last (UTC)", "both recorded"):
        table.add_column(column)
    for camera, found in report["cameras"].items():
        both = report["overlap_seconds"].get(camera)
        shown = "" if both is None else f"{both:.1f} s" if both >= 0 else f"[red]gap of {-both:.1f} s[/red]"
        table.add_row(camera, str(found["files"]), found["first"], found["last"], shown)
    OUT.print(table)
    stays = Counter(reason for _, reason in report["left"])
    for reason, count in stays.most_common():
        OUT.print(f"{count} stay: {reason}", markup=False)
    if report["not_recording"]:
        lacking = ", ".join(report["not_recording"])
        OUT.print(f"Nothing was stopped: no footage of ours reaches the disk for {lacking}", style="red", markup=False)
    ends = {
        "survey": "Nothing was touched. Go on with --move.",
        "undo": f"{report['moved']} files have their old names.",
    }
    OUT.print(ends.get(action, f"{report['moved']} files moved."), markup=False)
