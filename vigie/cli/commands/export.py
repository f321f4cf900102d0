"""``vigie export``: footage of a camera as files that play, with a manifest of what is there and what is missing."""

from __future__ import annotations

import getpass
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from vigie.city import City
from vigie.city.quantity import human_bytes
from vigie.cli.arguments import JsonOption
from vigie.cli.console import ERR, OUT, Exit, emit_json, fail
from vigie.cli.inputs import deployed_plan, need_root, read_city
from vigie.cli.instants import instant
from vigie.plan import Plan
from vigie.state import State

if TYPE_CHECKING:
    from vigie.cli.exports import EmptyError, Order, Progress
    from vigie.recording.export.folder import Asked, ExportFolder

_LONGEST_SECONDS: Final = 31 * 86_400.0
_LOCK_SECONDS: Final = 6 * 3600.0  # enough for a month of footage over a city's network; resuming locks anew
_SHOWN: Final = 10  # stretches on the terminal; the manifest has all
_KINDS: Final = {
    "gaps": "no recorder has",
    "unreachable": "lies on a recorder that does not answer:",
    "unknown": "may lie on a recorder that does not answer:",
    "unfinished": "is recorded, in segments that cannot be copied yet:",
}


def export(
    city: Annotated[Path | None, typer.Argument(metavar="CITY", help="Folder of the city.", show_default=False)] = None,
    camera: Annotated[str, typer.Option("--camera", help="Id of the camera.", show_default=False)] = "",
    from_: Annotated[
        str, typer.Option("--from", help="RFC 3339 with zone: 2027-03-03T14:00+01:00.", show_default=False)
    ] = "",
    to: Annotated[str, typer.Option("--to", help="Likewise; at most 31 days later.", show_default=False)] = "",
    output: Annotated[
        Path | None, typer.Option("--output", help="Folder to make, or one to go on with.", show_default=False)
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Case, authority, reference.")] = "export",
    who: Annotated[str, typer.Option("--who", help="Who asks; default: your login.", show_default=False)] = "",
    approved_by: Annotated[
        list[str] | None,
        typer.Option("--approved-by", help="Who agrees that the lock ends with the export.", show_default=False),
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="For a camera that left the plan: ask every recorder.")
    ] = False,
    verify: Annotated[
        Path | None, typer.Option("--verify", metavar="DIR", help="Check an export, offline.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Export footage of a camera: the original segments, a film that plays, and a manifest with checksums and gaps.

    The interval is locked while it is copied, and the lock released in the end. Run again after an interruption, it goes on.
    Exit 1 when footage exists that could not be had now; gaps that are declared are no failure.

    [bold]Examples[/bold]

      vigie export inventories/demo --camera cam-gate --from 2027-03-03T14:00+01:00 --to 2027-03-03T15:00+01:00 --output case-7 --reason "case 7"

      vigie export --verify case-7
    """
    if verify is not None:
        _verify(verify, as_json)
    if city is None or output is None or not (camera and from_ and to):
        fail(
            Exit.WRONG_INPUT,
            "An export needs CITY, --camera, --from, --to and --output; a check of one needs --verify DIR.",
            as_json=as_json,
        )
    os.umask(0o077)  # evidence
    now = time.time()
    begin, stop = _window(from_, to, now, as_json)
    need_root(as_json)
    plan = deployed_plan(city, as_json)
    described = _facts(read_city(city, as_json), plan, camera, everywhere, as_json)
    _need_programs(as_json)
    from vigie.cli.exports import Order
    from vigie.recording.export.folder import Asked
    from vigie.recording.export.manifest import text

    approvals = tuple(approved_by or ())
    order = Order(secrets.token_hex(8), who or getpass.getuser(), reason, now + _LOCK_SECONDS, now, approvals)
    facts = described | {"who": order.who, "reason": reason, "lock": order.lock, "made": text(now)}
    with closing(_folder(output, Asked(plan.city, camera, begin, stop), as_json)) as folder:
        _export(plan, output, folder, order, facts, as_json)


def _window(begin: str, end: str, now: float, as_json: bool) -> tuple[float, float]:
    try:
        start, stop = instant(begin, "--from"), instant(end, "--to")
        if start >= stop:
            raise ValueError("--to: it must lie after --from")  # noqa: TRY301 - all mistakes end in one place
        if stop > now:
            raise ValueError(f"--to: {end} lies in the future; nothing is recorded then")  # noqa: TRY301
        if stop - start > _LONGEST_SECONDS:
            raise ValueError("--to: more than 31 days after --from; export shorter intervals, each to its own folder")  # noqa: TRY301
    except (ValueError, OverflowError) as error:
        fail(Exit.WRONG_INPUT, str(error), as_json=as_json)
    return start, stop


def _facts(city: City, plan: Plan, camera: str, everywhere: bool, as_json: bool) -> dict[str, Any]:
    """What the manifest says of the camera and where it comes from."""
    planned = plan.cameras_by_id.get(camera)
    if planned is None and not everywhere:
        near = get_close_matches(camera, plan.cameras_by_id, n=3)
        hint = f"near: {', '.join(near)}" if near else f"vigie plan {plan.city} lists them"
        said = f"--camera: no camera {camera!r} in the deployed plan; {hint}; --everywhere for one that left it"
        fail(Exit.WRONG_INPUT, said, as_json=as_json)
    entry = next((entry for entry in city.cameras if entry.id == camera), None)
    return {
        "tool": f"vigie {version('vigie')}",
        "city": plan.city,
        "plan": plan.digest,
        "camera": {
            "id": camera,
            "site": planned.site if planned else None,
            "description": entry.description if entry else None,
        },
    }


def _need_programs(as_json: bool) -> None:
    from vigie.recording.export.film import missing_programs

    if missing := missing_programs():
        said = f"{' and '.join(missing)} not found: install the Debian package ffmpeg on this machine"
        fail(Exit.WRONG_INPUT, said, as_json=as_json)


def _export(
    plan: Plan, output: Path, folder: ExportFolder, order: Order, facts: dict[str, Any], as_json: bool
) -> NoReturn:
    from infra.automation import reach
    from vigie.cli.exports import EmptyError, Exporter, ExportError
    from vigie.recording.export.folder import FolderError
    from vigie.recording.export.manifest import is_whole
    from vigie.recording.export.verify import differences

    state = State.of(plan.city)
    earlier = folder.manifest()
    if earlier is not None and is_whole(earlier) and not any(differences(folder.folder)):
        folder.finish([film["path"] for film in earlier["films"]])
        _end(output, earlier, ["It was whole already; nothing was changed."], as_json)
    facts |= {"replaces": earlier["digest"] if earlier else None}
    exporter = Exporter(plan, state, reach(plan, state), folder, order)
    try:
        with _bar(as_json) as progress:
            manifest = exporter.run(facts, progress)
    except EmptyError as error:
        fail(Exit.DIFFERS, _nothing(error), as_json=as_json, details=error.silent)
    except (ExportError, FolderError, OSError) as error:
        fail(Exit.DIFFERS, f"{error}\nRun the same command again and it goes on.", as_json=as_json)
    _end(output, manifest, exporter.notes, as_json)


def _end(output: Path, manifest: dict[str, Any], notes: list[str], as_json: bool) -> NoReturn:
    from vigie.recording.export.manifest import is_whole

    if as_json:
        emit_json({"folder": str(output), "manifest": manifest, "notes": notes})
    else:
        _print(output, manifest, notes)
        if not is_whole(manifest):
            ERR.print("Run the same command again later: it fetches what is missing now.", markup=False)
    raise typer.Exit(int(Exit.FINE if is_whole(manifest) else Exit.DIFFERS))


def _folder(output: Path, asked: Asked, as_json: bool) -> ExportFolder:
    from vigie.recording.export.folder import ExportFolder, FolderError

    try:
        return ExportFolder.open(output.resolve(), asked)
    except (FolderError, OSError) as error:
        fail(Exit.WRONG_INPUT, f"--output: {error}", as_json=as_json)


@contextmanager
def _bar(quiet: bool) -> Iterator[Progress]:
    """A bar on a terminal; silence elsewhere."""
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Bars(*columns, console=ERR, transient=True, disable=quiet or not ERR.is_terminal) as bars:
        bar = bars.add_task("segments", total=None)
        yield lambda here, total: bars.update(bar, completed=here, total=total)


def _nothing(error: EmptyError) -> str:
    from vigie.recording.export.manifest import text

    declared = error.declared
    found = {
        "gaps": tuple(gap.interval for gap in declared.gaps),
        "unreachable": declared.unreachable,
        "unknown": declared.unknown,
        "unfinished": declared.unfinished,
    }
    causes = {gap.interval: gap.cause for gap in declared.gaps}
    lines = ["There is no footage to export, and nothing was written."]
    for kind, words in _KINDS.items():
        for span in found[kind][:_SHOWN]:
            cause = f" ({causes[span]})" if causes.get(span) else ""
            lines.append(f"  {words} {text(span.start)} … {text(span.end)}{cause}")
    lines += [f"  {recorder} does not answer: {why}" for recorder, why in sorted(error.silent.items())]
    return "\n".join(lines)


def _print(output: Path, manifest: dict[str, Any], notes: list[str]) -> None:
    segments, films = manifest["segments"], manifest["films"]
    size = human_bytes(sum(segment["bytes"] for segment in segments))
    OUT.print(f"{output}: {len(segments)} segments, {size}", markup=False, soft_wrap=True)
    for film in films:
        OUT.print(f"  {film['path']}: {film['seconds']:.1f} s in {len(film['pieces'])} pieces", markup=False)
    for kind, words in _KINDS.items():
        for span in manifest[kind][:_SHOWN]:
            cause = f" ({span['cause']})" if span.get("cause") else ""
            OUT.print(f"  {words} {span['from']} … {span['to']}{cause}", markup=False, soft_wrap=True)
        if len(manifest[kind]) > _SHOWN:
            OUT.print(f"  … and {len(manifest[kind]) - _SHOWN} more in the manifest", markup=False)
    for silent in manifest["silent"]:
        ERR.print(f"{silent['recorder']} does not answer: {silent['error']}", markup=False, soft_wrap=True)
    for note in (*manifest["not_filmed"], *notes):
        ERR.print(note, markup=False, soft_wrap=True)


def _verify(folder: Path, as_json: bool) -> NoReturn:
    """Ends the command: 0 as the manifest says, 1 with the first difference, 2 when there is no export."""
    from vigie.recording.export.verify import NotAnExportError, differences

    try:
        first = next(differences(folder), None)
    except (NotAnExportError, OSError) as error:
        fail(Exit.WRONG_INPUT, f"--verify: {error}", as_json=as_json)
    if first is not None:
        fail(Exit.DIFFERS, f"{folder}: {first}", as_json=as_json)
    if as_json:
        emit_json({"folder": str(folder), "verified": True})
    else:
        OUT.print(f"{folder} is what its manifest says.", markup=False, soft_wrap=True)
    raise typer.Exit(int(Exit.FINE))
