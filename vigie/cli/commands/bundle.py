"""``vigie bundle``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vigie.cli import report
from vigie.cli.arguments import JsonOption
from vigie.cli.console import ERR, OUT, Exit, emit_json, fail
from vigie.cli.inputs import need_root, working
from vigie.cli.progress import Progress
from vigie.state import State, cache_home

if TYPE_CHECKING:
    from infra.bundle import Bundle


def bundle(
    list_: Annotated[bool, typer.Option("--list", help="Print component, version, licence and checksum.")] = False,
    sbom: Annotated[
        Path | None,
        typer.Option("--sbom", help="Write the bill of materials there (CycloneDX 1.6, JSON).", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Build everything that hosts need without internet, or list it.

    [bold]Examples[/bold]

      vigie bundle

      vigie bundle --list

      vigie bundle --sbom vigie.cdx.json
    """
    from vigie.cli.deploy import build_bundle

    need_root(as_json)
    progress = Progress(ERR, quiet=as_json)
    state = State(cache_home())
    state.folder.mkdir(parents=True, exist_ok=True)
    with working(state, as_json), progress.shown(), progress.stage("bundle"):
        built = build_bundle(progress)
    if sbom:
        _write_sbom(built, sbom, as_json)
    if as_json:
        emit_json([vars(entry) for entry in built.entries()])
    elif list_:
        report.show_bundle(OUT, built.entries())
    else:
        OUT.print(progress.stage_times(), markup=False)


def _write_sbom(built: Bundle, target: Path, as_json: bool) -> None:
    from infra.bundle import contents, sbom

    parts = contents.collect(built)
    try:
        target.write_text(sbom.render(parts, built.digest), encoding="utf-8")
    except OSError as error:
        fail(Exit.WRONG_INPUT, f"--sbom {target}: {error.strerror}", as_json=as_json)
    if not as_json:
        OUT.print(f"{target}: {len(parts)} components", markup=False, soft_wrap=True)
