"""Only what the whole city can bear is imported: rows that would break one of its rules are taken back and said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vigie.city.check import CAMERAS, ENCODERS, check
from vigie.city.errors import Problem
from vigie.city.importing.merge import Merged
from vigie.city.importing.present import Present, ServiceRow
from vigie.city.importing.report import Change, Finding
from vigie.city.importing.tables import UnreadableError
from vigie.city.model import CameraRow, EncoderRow, channel_camera_id

FIRST_LINE = 2  # of rows in a CSV file, below the columns


@dataclass(slots=True)
class Settled:
    """The rows of the city after the import, each kind by id in the order of its file."""

    encoders: dict[str, EncoderRow]
    cameras: dict[str, CameraRow]
    service: dict[str, ServiceRow]
    findings: list[Finding]


def settle(present: Present, merged: Merged) -> Settled:
    """The city with every row of ``merged`` that breaks none of its rules."""
    encoders, cameras = dict(merged.encoders), dict(merged.cameras)
    findings: list[Finding] = []
    while True:
        all_encoders, all_cameras = present.encoders | encoders, present.cameras | cameras
        problems = _problems(present, all_encoders, all_cameras)
        if not problems:
            break
        before = len(encoders) + len(cameras)
        order = {ENCODERS: list(all_encoders), CAMERAS: list(all_cameras)}
        for problem in problems:
            blamed = order[problem.file][problem.line - FIRST_LINE]
            for identity in _culprits(blamed, encoders, cameras, all_encoders, all_cameras):
                encoders.pop(identity, None)
                cameras.pop(identity, None)
                findings += _refusals(merged.rows_of.get(identity, (0,)), problem)
        if len(encoders) + len(cameras) == before:
            raise UnreadableError(problems[0].file, problems[0].message, problems[0].fix)
    kept = {identity: row for identity, row in merged.service.items() if identity in encoders or identity in cameras}
    return Settled(all_encoders, all_cameras, present.service | kept, findings)


def _problems(present: Present, encoders: dict[str, EncoderRow], cameras: dict[str, CameraRow]) -> list[Problem]:
    """What ``vigie plan`` would say of the files; lines are those that they would have."""
    return check(
        present.document,
        present.file,
        list(encoders.values()),
        {identity: line for line, identity in enumerate(encoders, FIRST_LINE)},
        list(cameras.values()),
        {identity: line for line, identity in enumerate(cameras, FIRST_LINE)},
    )


def _culprits(
    blamed: str,
    encoders: dict[str, EncoderRow],
    cameras: dict[str, CameraRow],
    all_encoders: dict[str, EncoderRow],
    all_cameras: dict[str, CameraRow],
) -> list[str]:
    """The imported rows to take back for a problem of ``blamed``: itself, or, where it was there before, those that
    came into its way."""
    if blamed in encoders or blamed in cameras:
        return [blamed]
    row = all_cameras.get(blamed) or all_encoders[blamed]
    found = [
        identity
        for identity, other in (encoders | cameras).items()
        if (row.address is not None and other.address == row.address) or identity == getattr(row, "encoder", None)
    ]
    found += [
        identity
        for identity, camera in cameras.items()
        if isinstance(row, CameraRow) and row.encoder and (camera.encoder, camera.channel) == (row.encoder, row.channel)
    ]
    number = blamed.rpartition("-ch")[2]
    channel = int(number) if number.isdecimal() and len(number) < 6 else 0
    return found + [identity for identity in encoders if blamed == channel_camera_id(identity, channel)]


def _refusals(rows: Iterable[int], problem: Problem) -> list[Finding]:
    return [Finding(row, "", problem.field, "refused", "", problem.message, problem.fix) for row in rows]


def changes(present: Present, settled: Settled, rows_of: dict[str, tuple[int, ...]]) -> list[Change]:
    """What became new or different, in the order of the files."""
    found: list[Change] = []
    for file, before, after in (
        (ENCODERS, present.encoders, settled.encoders),
        (CAMERAS, present.cameras, settled.cameras),
    ):
        for identity, row in after.items():
            old = before.get(identity)
            number = rows_of.get(identity, (0,))[0]
            if old is None:
                found.append(Change("added", file, identity, number, ""))
            elif old != row:
                found.append(Change("changed", file, identity, number, _difference(old, row)))
    return found


def _difference(old: EncoderRow | CameraRow, new: EncoderRow | CameraRow) -> str:
    return ", ".join(
        f"{name}: {getattr(old, name) or 'none'} -> {getattr(new, name) or 'none'}"
        for name in type(new).model_fields
        if getattr(old, name) != getattr(new, name)
    )


def vanished(present: Present, merged: Merged, source: str) -> list[Change]:
    """Rows of the city that came from ``source`` and are no longer in it."""
    found = []
    for identity, row in present.service.items():
        if row.source != source or identity in merged.encoders or identity in merged.cameras:
            continue
        if identity in present.encoders:
            found.append(Change("vanished", ENCODERS, identity, 0, row.name or ""))
        elif identity in present.cameras:
            found.append(Change("vanished", CAMERAS, identity, 0, row.name or ""))
    return found


def prune(settled: Settled, gone: Iterable[Change]) -> list[Change]:
    """Take ``gone`` out of ``settled``, and with an encoder its channels. Says what goes."""
    deleted: list[Change] = []
    for change in gone:
        if change.file == ENCODERS:
            del settled.encoders[change.id]
            wired = [identity for identity, camera in settled.cameras.items() if camera.encoder == change.id]
            for identity in wired:
                del settled.cameras[identity]
                deleted.append(Change("deleted", CAMERAS, identity, 0, f"channel of {change.id}"))
        elif change.id in settled.cameras:
            camera = settled.cameras.pop(change.id)
            goes_on = f"goes on as {channel_camera_id(camera.encoder, camera.channel)}" if camera.encoder else ""
            deleted.append(Change("deleted", CAMERAS, change.id, 0, goes_on))
            continue
        else:
            continue
        deleted.append(Change("deleted", ENCODERS, change.id, 0, ""))
    for change in deleted:
        settled.service.pop(change.id, None)
    return sorted(deleted)
