"""An import from its inputs to its outcome, without touching a file: the city as it is, a list, and its mapping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vigie.city.importing.additions import render_additions
from vigie.city.importing.devices import sort_devices
from vigie.city.importing.mapping import FieldName, Mapping, proposed
from vigie.city.importing.merge import Merged, merge, refused_rows
from vigie.city.importing.present import SERVICE_FILE, Present, ServiceRow, render_rows
from vigie.city.importing.recognition import Column, Headed, propose
from vigie.city.importing.references import Placed, References, propose_values
from vigie.city.importing.report import Change, Finding, Report
from vigie.city.importing.settle import Settled, changes, prune, settle, vanished
from vigie.city.importing.tables import UnreadableError
from vigie.city.importing.understanding import Understood, located, understand
from vigie.city.importing.values import redacted
from vigie.city.load import CAMERAS_FILE, ENCODERS_FILE
from vigie.city.model import CameraRow, EncoderRow


@dataclass(frozen=True, slots=True)
class Outcome:
    """``files``: what the files of the city would hold, by name; ``additions``: blocks that ``city.yaml`` lacks."""

    report: Report
    files: dict[str, str]
    additions: str


def propose_mapping(present: Present, headed: Headed, source: str) -> Mapping:
    """The mapping that the headings and cells of a list suggest, for a person to check."""
    columns = propose(headed.columns)
    samples: dict[str, tuple[str, ...]] = {}
    for name in ("site", "model", "profile"):
        column = headed.column(columns[name]) if name in columns else None
        samples[name] = column.samples if column else ()
    return proposed(source, headed, columns, propose_values(present.file, samples))


def import_list(
    present: Present, headed: Headed, mapping: Mapping, *, descriptive: bool = False, pruning: bool = False
) -> Outcome:
    """What ``headed`` makes of the city. ``descriptive``: it says what is there (a search of the network), not what
    shall be. Raises ``UnreadableError`` for a mapping that does not fit the list."""
    places = _places(present, headed, mapping)
    understood = understand(headed, mapping, places)
    references = References(present, mapping, places, descriptive)
    placed = [row for row in map(references.place, understood.listed) if row is not None]
    devices = sort_devices(present.file, _without_refused(placed, references.findings))
    merged = merge(devices, present, mapping, authoritative=not descriptive)
    settled = settle(present, merged)
    findings = [*understood.findings, *references.findings, *devices.findings, *merged.findings, *settled.findings]
    done = changes(present, settled, merged.rows_of)
    gone, said = _gone(present, merged, settled, mapping, pruning, refused_rows(findings))
    report = _report(headed, places, understood, [*findings, *said], [*done, *gone])
    return Outcome(report, _files(settled), render_additions(present.file, mapping, references.wanted))


def _places(present: Present, headed: Headed, mapping: Mapping) -> dict[FieldName, Column]:
    try:
        places = located(headed, mapping)
    except KeyError as error:
        have = ", ".join(repr(column.heading) for column in headed.columns)[:600]
        raise UnreadableError(
            headed.table.name,
            f"has no column {error.args[0]!r}",
            f"correct columns in the mapping; the list has {have}",
        ) from error
    if not {"name", "address", "id", "serial", "mac"} & set(places):
        raise UnreadableError(
            headed.table.name,
            "no column is known to hold names or addresses",
            "fill columns in the mapping: at least name or address",
        )
    profile = mapping.defaults.get("profile")
    if profile is not None and profile not in {known.id for known in present.file.profiles}:
        raise UnreadableError(
            "the mapping", f"defaults.profile: the city has no profile {profile!r}", "name one it has"
        )
    for name, column in places.items():
        if column.secret:
            raise UnreadableError(
                headed.table.name,
                f"column {column.heading!r} holds passwords",
                f"take {name} out of columns in the mapping",
            )
    return places


def _without_refused(rows: Iterable[Placed], findings: Iterable[Finding]) -> list[Placed]:
    refused = refused_rows(findings)
    return [row for row in rows if row.listed.row not in refused]


def _gone(
    present: Present, merged: Merged, settled: Settled, mapping: Mapping, pruning: bool, refused: frozenset[int]
) -> tuple[list[Change], list[Finding]]:
    """What the list no longer has. Nothing is deleted while a row is not understood: it may be the one that is missed."""
    gone = vanished(present, merged, mapping.source)
    if not gone:
        return [], []
    if pruning and not refused:
        return prune(settled, gone), []
    message = f"{len(gone)} rows of the city are no longer in the list; they stay"
    fix = "mend the refused rows first: they may be these" if refused else "`--prune` deletes them"
    return gone, [Finding(0, "", "", "note", "", message, fix)]


def _files(settled: Settled) -> dict[str, str]:
    return {
        ENCODERS_FILE: render_rows(EncoderRow, settled.encoders.values()),
        CAMERAS_FILE: render_rows(CameraRow, settled.cameras.values()),
        SERVICE_FILE: render_rows(ServiceRow, settled.service.values()),
    }


def _report(
    headed: Headed,
    places: dict[FieldName, Column],
    understood: Understood,
    findings: list[Finding],
    done: list[Change],
) -> Report:
    refused = refused_rows(findings) - {0}
    skipped = understood.skipped
    used = {column.place for column in places.values()}
    return Report(
        list_name=headed.table.name,
        sheet=headed.table.sheet,
        heading_row=headed.heading_row,
        assumed=headed.table.assumed,
        columns=tuple(
            (name, column.letter, column.heading, tuple(map(redacted, column.samples[:3])))
            for name, column in places.items()
        ),
        unused=tuple((column.letter, column.heading) for column in headed.columns if column.place not in used),
        rows=len(headed.rows),
        understood=len(headed.rows) - len(refused) - len(skipped - refused),
        refused=len(refused),
        skipped=len(skipped - refused),
        findings=tuple(sorted(set(findings))),
        changes=tuple(done),
    )
