"""``vigie ledger``: what is recorded of a camera, and the store of a recorder made anew."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vigie.cli.arguments import EPILOG, CityArgument, JsonOption
from vigie.cli.console import ERR, OUT, Exit, emit_json, fail
from vigie.cli.inputs import deployed_plan
from vigie.cli.keepers import keepers_of
from vigie.plan import Plan
from vigie.plan.constants import LEDGER_CONFIG, LEDGER_PORT
from vigie.state import State

if TYPE_CHECKING:
    from vigie.recording.ledger.ask import Answer, Recorder
    from vigie.recording.ledger.configuration import LedgerConfiguration
    from vigie.recording.ledger.interval import Interval
    from vigie.recording.ledger.merge import Merged
    from vigie.recording.ledger.reconcile import Report

ledger = typer.Typer(
    name="ledger", help="What is recorded, per camera: ask recorders, or rebuild a store.", no_args_is_help=True
)

_DAY_SECONDS: Final = 86_400.0
_SHOWN: Final = 50  # stretches; all of them with --json

FromOption = Annotated[
    str,
    typer.Option(
        "--from", metavar="INSTANT", help="RFC 3339 or Unix seconds; one day before --to.", show_default=False
    ),
]
ToOption = Annotated[
    str, typer.Option("--to", metavar="INSTANT", help="RFC 3339 or Unix seconds; now.", show_default=False)
]


@ledger.command(epilog=EPILOG)
def show(
    city: CityArgument,
    camera: Annotated[str, typer.Argument(metavar="CAMERA", help="Id of the camera.", show_default=False)],
    begin: FromOption = "",
    end: ToOption = "",
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Ask every recorder, not only those that the plan names.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the recorders of a camera what they hold of it, and merge the answers.

    Footage on a recorder that does not answer is shown as unreachable, never as a gap. Exit 1 when anything of the
    window is not shown as recorded.

    [bold]Examples[/bold]

      vigie ledger show inventories/demo cam-0001

      vigie ledger show inventories/demo cam-0001 --from 2026-03-03T13:00:00Z --to 2026-03-03T15:00:00Z --json
    """
    from infra.automation import reach
    from vigie.recording.ledger.ask import holdings
    from vigie.recording.ledger.merge import LastTold, merge

    window = _window(begin, end, as_json)
    planned = deployed_plan(city, as_json)
    state = State.of(planned.city)
    recorders = _recorders(planned, camera, everywhere, as_json)
    answers = _ask(state, reach(planned, state), camera, window, recorders, as_json)
    told = LastTold(state.folder / "ledger")
    merged = merge(window, holdings(answers, told, camera, window, time.time()))
    if as_json:
        emit_json({"camera": camera, **asdict(merged), "errors": {a.recorder: a.error for a in answers if a.error}})
    else:
        _print(camera, merged, answers)
    whole = not (merged.gaps or merged.unreachable or merged.unknown)
    raise typer.Exit(int(Exit.FINE if whole else Exit.DIFFERS))


@ledger.command(epilog=EPILOG)
def rebuild(
    recordings: Annotated[
        Path | None, typer.Option(help="Folder of recordings.", metavar="DIR", file_okay=False, exists=True)
    ] = None,
    store: Annotated[Path | None, typer.Option(help="File of the store.", metavar="FILE")] = None,
    segment_seconds: Annotated[float | None, typer.Option(help="Nominal length of a segment.", min=1)] = None,
    keyframe_seconds: Annotated[float | None, typer.Option(help="Longest GOP of a camera.", min=0.1)] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every segment whole; slow, finds unlogged stalls.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the store of a recorder anew from the disk. Runs on the recorder; its service may go on meanwhile.

    What is not given is taken from the configuration of the recorder's ledger service. The journal is not touched.
    Exit 1 when a camera's folders could not be read.

    [bold]Examples[/bold]

      vigie ledger rebuild

      vigie ledger rebuild --recordings /mnt/old-disk --store /tmp/old.db --segment-seconds 60
    """
    from vigie.recording.ledger.reconcile import RootError
    from vigie.recording.ledger.reconcile import rebuild as rebuild_store
    from vigie.recording.ledger.scan import SegmentRule
    from vigie.recording.ledger.store import IntervalStore, StoreError

    if recordings is None or store is None or segment_seconds is None:
        service = _service_configuration(as_json)
        recordings, file = recordings or service.recordings, store or service.store
        segment_seconds = segment_seconds or service.segment_seconds
        keyframe_seconds = keyframe_seconds or service.keyframe_interval_seconds
    else:
        file = store
    rule = SegmentRule(segment_seconds, keyframe_seconds or 2.0, deep)
    try:
        opened, aside = IntervalStore.open(file)
    except (StoreError, OSError) as error:
        fail(Exit.WRONG_INPUT, f"--store: {error}", as_json=as_json)
    try:
        report = rebuild_store(recordings, opened, rule)
    except (RootError, OSError) as error:
        fail(Exit.WRONG_INPUT, f"--recordings: {error}", as_json=as_json)
    finally:
        opened.close()
    if as_json:
        emit_json(_report(report, aside))
    else:
        _print_report(file, report, aside)
    raise typer.Exit(int(Exit.DIFFERS if report.failed else Exit.FINE))


def _service_configuration(as_json: bool) -> LedgerConfiguration:
    from vigie.recording.ledger.configuration import LedgerConfiguration
    from vigie.web.configuration import ConfigurationError, load_model

    try:
        return load_model(Path(LEDGER_CONFIG), LedgerConfiguration)
    except ConfigurationError as error:
        fix = "on another machine give --recordings, --store and --segment-seconds"
        fail(Exit.WRONG_INPUT, f"{error}; fix: {fix}", as_json=as_json)


def _window(begin: str, end: str, as_json: bool) -> Interval:
    from vigie.recording.ledger.api import parse_instant
    from vigie.recording.ledger.interval import Interval

    option = "--to"
    try:
        last = parse_instant(end) if end else time.time()
        option = "--from"
        return Interval(parse_instant(begin) if begin else last - _DAY_SECONDS, last)
    except ValueError as error:
        fail(Exit.WRONG_INPUT, f"{option}: {error}; fix: for example 2026-03-03T13:00:00Z", as_json=as_json)


def _recorders(planned: Plan, camera: str, everywhere: bool, as_json: bool) -> list[Recorder]:
    """The hosts that hold the camera's identities, and those that stand by for them; a former one with ``everywhere``."""
    from vigie.recording.ledger.ask import Recorder

    if camera not in planned.cameras_by_id and not everywhere:
        fix = "one of the plan, or --everywhere for one that left it"
        fail(Exit.WRONG_INPUT, f"CAMERA: no camera {camera!r} in the plan; fix: {fix}", as_json=as_json)
    return [
        Recorder(host.name, host.address, LEDGER_PORT) for host in keepers_of(planned, camera, everywhere=everywhere)
    ]


def _ask(
    state: State, prefix: list[str], camera: str, window: Interval, recorders: list[Recorder], as_json: bool
) -> list[Answer]:
    from vigie.cli.ledgers import ask_ledgers

    try:
        return ask_ledgers(state, prefix, camera, window, recorders)
    except OSError as error:
        fail(Exit.DIFFERS, str(error), as_json=as_json)


def _print(camera: str, merged: Merged, answers: list[Answer]) -> None:
    from rich.table import Table

    from vigie.recording.ledger.interval import coverage

    stretches = sorted(
        (stretch, words)
        for words, found in (
            ("recorded", merged.recorded),
            ("unreachable", merged.unreachable),
            ("unknown", merged.unknown),
            ("gap", merged.gaps),
        )
        for stretch in found
    )
    table = Table(title=f"{camera}, {_text(merged.window.start)} to {_text(merged.window.end)}", title_justify="left")
    for heading in ("from", "to", "seconds", ""):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for stretch, words in stretches[:_SHOWN]:
        table.add_row(_text(stretch.start), _text(stretch.end), f"{stretch.seconds:.1f}", words)
    OUT.print(table)
    if len(stretches) > _SHOWN:
        OUT.print(f"… and {len(stretches) - _SHOWN} more; --json has all.", markup=False)
    OUT.print(f"Coverage {coverage(merged.recorded, merged.window):.3%}, {len(merged.gaps)} gaps.", markup=False)
    if merged.silent:
        OUT.print(
            "What is unreachable or unknown is told when the silent recorders return; it is no gap.", markup=False
        )
    for answer in answers:
        if answer.error:
            ERR.print(f"{answer.recorder} does not answer: {answer.error}", markup=False, soft_wrap=True)


def _text(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _report(report: Report, aside: Path | None) -> dict[str, Any]:
    return {
        "cameras": report.cameras,
        "segments": report.segments,
        "opened": report.opened,
        "seconds": report.seconds,
        "differences": [json.loads(json.dumps(asdict(difference))) for difference in report.differences],
        "anomalies": [{"path": str(a.path), "kind": a.kind, "detail": a.detail} for a in report.anomalies],
        "failed": report.failed,
        "damaged_store_set_aside": str(aside) if aside else None,
    }


def _print_report(file: Path, report: Report, aside: Path | None) -> None:
    if aside:
        OUT.print(f"The store was damaged; it lies now at {aside}.", markup=False)
    OUT.print(
        f"{file}: {report.cameras} cameras, {report.segments} segments, {report.opened} opened, {report.seconds:.1f} s; "
        f"{len(report.differences)} cameras differed.",
        markup=False,
        soft_wrap=True,
    )
    for kind, count in report.anomaly_counts().items():
        OUT.print(f"  {count} {kind}: e.g. {next(a.path for a in report.anomalies if a.kind == kind)}", markup=False)
    for camera, error in report.failed.items():
        ERR.print(f"{camera}: not read, left as it was: {error}", markup=False, soft_wrap=True)
