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
    """The city with every row of ``merged`` that breaks none of its rules. Raises ``UnreadableError`` where no row of
    the list is to blame."""
    new = _New(present, dict(merged.encoders), dict(merged.cameras))
    findings: list[Finding] = []
    while problems := new.problems():
        encoders, cameras = list(present.encoders | new.encoders), list(present.cameras | new.cameras)
        taken_back = False
        for problem in problems:
            blamed = (encoders if problem.file == ENCODERS else cameras)[problem.line - FIRST_LINE]
            for identity in new.culprits(blamed):
                taken_back = True
                new.encoders.pop(identity, None)
                new.cameras.pop(identity, None)
                said = {finding.row for finding in findings}  # what follows from a refusal is no news
                way = "" if identity == blamed else f"in the way of {blamed!r}: "
                findings += [
                    Finding(row, "", problem.field, "refused", "", f"{way}{problem.message}", problem.fix)
                    for row in sorted(set(merged.rows_of[identity]) - said)
                ]
        if not taken_back:
            raise UnreadableError(problems[0].file, problems[0].message, problems[0].fix)
    kept = {row: told for row, told in merged.service.items() if row in new.encoders or row in new.cameras}
    return Settled(present.encoders | new.encoders, present.cameras | new.cameras, present.service | kept, findings)


@dataclass(slots=True)
class _New:
    """Rows that the list brings and nobody has taken back yet."""

    present: Present
    encoders: dict[str, EncoderRow]
    cameras: dict[str, CameraRow]

    def problems(self) -> list[Problem]:
        """What ``vigie plan`` would say of the files; lines are those that they would have."""
        encoders, cameras = self.present.encoders | self.encoders, self.present.cameras | self.cameras
        return check(
            self.present.document,
            self.present.file,
            list(encoders.values()),
            {identity: line for line, identity in enumerate(encoders, FIRST_LINE)},
            list(cameras.values()),
            {identity: line for line, identity in enumerate(cameras, FIRST_LINE)},
        )

    def culprits(self, blamed: str) -> list[str]:
        """The rows to take back for a problem of ``blamed``: itself where it is new, or those that came into the way
        of what was there before."""
        old = self.present.cameras.get(blamed) or self.present.encoders.get(blamed)
        row = self.cameras.get(blamed) or self.encoders.get(blamed)
        if row is not None and row != old:
            return [blamed]
        found = [one for one in (*self.encoders, *self.cameras) if one != blamed and self._meets(one, blamed, old)]
        return found or ([blamed] if row is not None else [])

    def _meets(self, identity: str, blamed: str, old: EncoderRow | CameraRow | None) -> bool:
        """Whether the new row ``identity`` wants the address, the channel or the name of ``blamed``, or is its encoder."""
        row = self.cameras.get(identity) or self.encoders[identity]
        number = blamed.rpartition("-ch")[2]
        if identity in self.encoders and number.isdecimal() and blamed == channel_camera_id(identity, int(number[:5])):
            return True
        if old is None or row == (self.present.cameras.get(identity) or self.present.encoders.get(identity)):
            return False
        same_channel = (
            isinstance(row, CameraRow)
            and isinstance(old, CameraRow)
            and old.encoder is not None
            and (row.encoder, row.channel) == (old.encoder, old.channel)
        )
        return (
            same_channel
            or (old.address is not None and row.address == old.address)
            or identity == getattr(old, "encoder", None)
        )


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
