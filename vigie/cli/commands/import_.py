"""``vigie import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table as Grid

from vigie.city import CityError
from vigie.cli.arguments import CityArgument, JsonOption
from vigie.cli.console import OUT, Exit, emit_json, fail

if TYPE_CHECKING:
    from vigie.city.importing.engine import Outcome
    from vigie.city.importing.report import Report

SHOWN_FINDINGS = 40
SHOWN_CHANGES = 20


def import_list(
    city: CityArgument,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="List of cameras (.xlsx, .csv, text) or result of `vigie devices discover` (.json).",
            show_default=False,
        ),
    ],
    apply: Annotated[bool, typer.Option("--apply", help="Write encoders.csv, cameras.csv and existing.csv.")] = False,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping",
            help="Mapping of this list; default: CITY/import.yaml, for a discovery CITY/import-discovery.yaml.",
            show_default=False,
        ),
    ] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help="Sheet of the workbook.", show_default=False)] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete rows that came from this list and are no longer in it.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Write what was not understood there, as CSV for Excel.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the cameras that a city has already into its folder, from a spreadsheet of any form.

    The first run proposes a mapping of the columns: check it, correct it, run again. Without --apply no row is written.
    Exit code 1 means that some rows were not understood (the others are written); 2 that nothing could be read.

    [bold]Examples[/bold]

      vigie import inventories/fes cameras.xlsx

      vigie import inventories/fes cameras.xlsx --apply --report refused.csv

      vigie import inventories/fes discovery.json --apply
    """
    from vigie.city.importing.folder import write_additions, write_city, write_file
    from vigie.city.importing.report import report_csv
    from vigie.city.importing.tables import UnreadableError

    try:
        outcome, mapping_path, new = _import(city, file, mapping, sheet, prune)
        lacking = write_additions(city, outcome.additions)
        if report:
            write_file(report, report_csv(outcome.report.findings).encode())
        written = write_city(city, outcome.files) if apply else None
    except CityError as error:
        details = [
            {"file": p.file, "line": p.line, "field": p.field, "message": p.message, "fix": p.fix}
            for p in error.problems
        ]
        fail(Exit.WRONG_INPUT, f"{error}\nNo row was changed.", as_json=as_json, details=details)
    except UnreadableError as error:
        fail(Exit.WRONG_INPUT, f"{error}\nNo row was changed.", as_json=as_json, details=[vars_of(error)])
    except OSError as error:
        fail(Exit.WRONG_INPUT, f"{error.filename}: {error.strerror}\nfix: check its rights.", as_json=as_json)
    if as_json:
        files = {"written": written.files if written else (), "backups": written.backups if written else ()}
        emit_json(outcome.report.as_json() | files | {"mapping": str(mapping_path), "additions": outcome.additions})
    else:
        show_report(outcome.report)
        _say_next(city, mapping_path, new, lacking, written.files if written else None)
    raise typer.Exit(Exit.FINE if outcome.report.complete else Exit.DIFFERS)


def vars_of(error: Exception) -> dict[str, str]:
    """An ``UnreadableError`` for machines."""
    return {name: str(getattr(error, name)) for name in ("where", "message", "fix")}


def _import(city: Path, file: Path, mapping: Path | None, sheet: str | None, prune: bool) -> tuple[Outcome, Path, bool]:
    """The outcome, the mapping's path, and whether the mapping was proposed now. Writes that proposal, nothing else."""
    from vigie.city.importing.engine import import_list as imported
    from vigie.city.importing.engine import propose_mapping
    from vigie.city.importing.folder import write_file
    from vigie.city.importing.mapping import TableSettings, dump_mapping, load_mapping
    from vigie.city.importing.present import read_present
    from vigie.city.importing.sources import is_discovery, read_bytes, read_list

    present = read_present(city)
    raw = read_bytes(file)
    found = is_discovery(file.name, raw)
    path = mapping or city / ("import-discovery.yaml" if found else "import.yaml")
    known = load_mapping(path) if path.exists() else None
    settings = known.table if known else TableSettings()
    if sheet is not None:
        settings = settings.model_copy(update={"sheet": sheet})
    headed = read_list(file.name, raw, settings)
    chosen = known or propose_mapping(present, headed, file.stem)
    outcome = imported(present, headed, chosen, descriptive=found, pruning=prune)
    if known is None:
        write_file(path, dump_mapping(chosen, headed).encode())
    return outcome, path, known is None


def show_report(report: Report) -> None:
    """The report as tables: columns, what was not understood, what changes, counts."""
    sheet = f", sheet {report.sheet}" if report.sheet else ""
    heading = f", headings in row {report.heading_row}" if report.heading_row else ""
    OUT.print(f"{report.list_name}{sheet}: {report.rows} rows{heading}", markup=False)
    for assumption in report.assumed:
        OUT.print(f"  assumed: {assumption}", markup=False)
    columns = Grid("field", "column", "heading", "for example", title="What the columns mean")
    for name, letter, title, samples in report.columns:
        columns.add_row(name, letter, _plain(title), _plain(", ".join(samples)))
    OUT.print(columns)
    if report.unused:
        OUT.print("not used: " + ", ".join(f"{letter} {title}" for letter, title in report.unused), markup=False)
    if report.findings:
        _show_findings(report)
    if report.changes:
        _show_changes(report)
    OUT.print(
        f"{report.understood} rows understood, {report.refused} refused, {report.skipped} are no cameras", markup=False
    )
    if counts := report.counts():
        OUT.print(", ".join(f"{number} {what}" for what, number in sorted(counts.items())), markup=False)


def _show_findings(report: Report) -> None:
    """One line for what many rows have in common, the refused first."""
    grid = Grid("rows", "column", "what", "cell", "why", "fix", title="What was not understood, or is worth knowing")
    groups: dict[tuple[str, ...], list[int]] = {}
    for finding in sorted(report.findings, key=lambda finding: (finding.outcome != "refused", finding)):
        column = f"{finding.column} {finding.heading}".strip()
        said: tuple[str, ...] = (column, finding.outcome, finding.value, finding.message, finding.fix)
        groups.setdefault(said, []).append(finding.row)
    for cells, rows in list(groups.items())[:SHOWN_FINDINGS]:
        grid.add_row(_numbers(rows), *map(_plain, cells))
    OUT.print(grid)
    if len(groups) > SHOWN_FINDINGS:
        OUT.print(f"… and {len(groups) - SHOWN_FINDINGS} more: --report FILE writes them all", markup=False)


def _numbers(rows: list[int]) -> str:
    """``5, 6, 7, … (20 rows)``; empty for what concerns the whole list."""
    shown = ", ".join(str(row) for row in rows[:4] if row)
    return f"{shown}, … ({len(rows)} rows)" if len(rows) > 4 else shown


def _show_changes(report: Report) -> None:
    grid = Grid("change", "file", "id", "row", "what", title="What changes in the city")
    for change in report.changes[:SHOWN_CHANGES]:
        grid.add_row(change.kind, change.file, change.id, str(change.row or ""), _plain(change.what))
    OUT.print(grid)
    if len(report.changes) > SHOWN_CHANGES:
        OUT.print(f"… and {len(report.changes) - SHOWN_CHANGES} more: --json lists them all", markup=False)


def _plain(text: str) -> str:
    """Text of others, which may hold what rich takes for markup."""
    from rich.markup import escape

    return escape(text)


def _say_next(city: Path, mapping: Path, new: bool, lacking: bool, written: tuple[str, ...] | None) -> None:
    if new:
        OUT.print(f"Proposed {mapping}: check that every column means what it says there.", markup=False)
    if lacking:
        OUT.print(
            f"{city / 'import-additions.yaml'}: blocks that city.yaml lacks; check, complete, paste.", markup=False
        )
    if written is None:
        OUT.print("Nothing was written into the city: add --apply.", markup=False)
    elif written:
        OUT.print(f"Written: {', '.join(written)}; what they held is in *.bak.", markup=False)
    else:
        OUT.print("The city has all of it already: nothing changed.", markup=False)
