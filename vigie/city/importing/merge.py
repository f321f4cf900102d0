"""Devices of a list become rows of the city: known ones keep their id, new ones get one, nothing else is touched."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import ValidationError

from vigie.city.importing.devices import Devices, EncoderDraft
from vigie.city.importing.fields import slug
from vigie.city.importing.identity import MAX_CAMERA_ID, MAX_ENCODER_ID, Matched, Standing, Traits, derive, free, match
from vigie.city.importing.mapping import Mapping
from vigie.city.importing.present import Present, ServiceRow
from vigie.city.importing.references import Placed
from vigie.city.importing.report import Finding
from vigie.city.importing.tables import harmless
from vigie.city.importing.understanding import Listed
from vigie.city.model import CameraRow, EncoderRow, channel_camera_id

RowModel = TypeVar("RowModel", EncoderRow, CameraRow)


@dataclass(slots=True)
class Merged:
    """The rows that the import wants, by id; ``rows_of`` names the rows of the list that each came from."""

    encoders: dict[str, EncoderRow] = field(default_factory=dict)
    cameras: dict[str, CameraRow] = field(default_factory=dict)
    service: dict[str, ServiceRow] = field(default_factory=dict)
    rows_of: dict[str, tuple[int, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def merge(devices: Devices, present: Present, mapping: Mapping, authoritative: bool) -> Merged:
    """``authoritative``: the list says what the city shall be (a schedule); otherwise it says what is there (a search
    of the network), and of known devices only the address follows it."""
    return _Merging(present, mapping, authoritative).run(devices)


class _Merging:
    def __init__(self, present: Present, mapping: Mapping, authoritative: bool) -> None:
        self.present, self.mapping, self.authoritative = present, mapping, authoritative
        self.merged = Merged()
        self.counts: dict[str, int] = {}
        self.taken = set(present.encoders) | set(present.cameras)
        self.channels = {model.id: model.channels for model in present.file.models}
        for encoder in present.encoders.values():
            self.taken |= self._generated(encoder.id, encoder.model)

    def _generated(self, identity: str, model: str | None) -> set[str]:
        """Names of channels that ``cameras.csv`` may not name: no camera may take one."""
        return {channel_camera_id(identity, channel) for channel in range(1, self.channels.get(model or "", 0) + 1)}

    def run(self, devices: Devices) -> Merged:
        encoders = self._encoders(devices.encoders)
        cameras: list[tuple[Placed, str | None]] = [(row, None) for row in devices.cameras]
        for draft, identity in zip(devices.encoders, encoders, strict=True):
            if identity is not None:
                cameras += [(row, identity) for row in draft.channels]
            else:
                for row in draft.channels:
                    self._refuse(row.listed, "its encoder is not understood", f"mend row {draft.head.listed.row}")
        self._cameras(sorted(cameras, key=lambda pair: pair[0].listed.row))
        return self.merged

    def _encoders(self, drafts: tuple[EncoderDraft, ...]) -> list[str | None]:
        standing = [
            Standing(row.id, row.site, row.address, self.present.service.get(row.id))
            for row in self.present.encoders.values()
        ]
        traits = [self._encoder_traits(draft) for draft in drafts]
        return [
            self._encoder(draft, trait, found)
            for draft, trait, found in zip(drafts, traits, match(traits, standing, self.mapping.source), strict=True)
        ]

    def _encoder_traits(self, draft: EncoderDraft) -> Traits:
        head = draft.head.listed
        own = head if draft.own_row else Listed(head.row)
        named = slug(draft.name)
        identity = own.id or (named if named in self.present.encoders else None)
        parts = {
            "name": draft.name or str(draft.address or ""),
            "site": draft.head.site or "",
            "address": str(draft.address or ""),
            "encoder": draft.name,
            "serial": own.serial or "",
        }
        derived = derive(self.mapping.ids.encoder, parts, MAX_ENCODER_ID)
        return Traits(identity, draft.name or None, draft.head.site, own.serial, own.mac, draft.address, derived)

    def _encoder(self, draft: EncoderDraft, traits: Traits, found: Matched | None) -> str | None:
        head = draft.head
        values = {"model": head.model, "site": head.site, "address": draft.address, "profile": draft.profile}
        before = self.present.encoders.get(found.id) if found else None
        identity = self._identity(
            head.listed if draft.own_row else Listed(head.listed.row), traits, found, MAX_ENCODER_ID
        )
        row = self._row(EncoderRow, head.listed, identity, values, before)
        if row is None:
            return None
        self.taken |= self._generated(row.id, row.model)
        self.merged.encoders[row.id] = row
        self._remember(row.id, head.listed if draft.own_row else Listed(head.listed.row), draft.name)
        rows = (
            {head.listed.row, *(channel.listed.row for channel in draft.channels)}
            if not draft.own_row
            else {head.listed.row}
        )
        self.merged.rows_of[row.id] = tuple(sorted(rows))
        self._unlisted_channels(draft, row)
        return row.id

    def _unlisted_channels(self, draft: EncoderDraft, row: EncoderRow) -> None:
        """A channel that the list leaves out is recorded all the same: better said than wondered at."""
        listed = {channel.listed.channel for channel in draft.channels}
        listed |= {camera.channel for camera in self.present.cameras.values() if camera.encoder == row.id}
        silent = [channel for channel in range(1, self.channels.get(row.model, 0) + 1) if channel not in listed]
        if silent and listed:
            numbers = ", ".join(map(str, silent[:8])) + (", …" if len(silent) > 8 else "")
            message = (
                f"{row.id} has {self.channels[row.model]} channels; {numbers} are not in the list and are planned too"
            )
            self._note(draft.head.listed, message)

    def _cameras(self, rows: list[tuple[Placed, str | None]]) -> None:
        standing = [
            Standing(
                row.id,
                row.site,
                (row.encoder, row.channel) if row.encoder else row.address,
                self.present.service.get(row.id),
            )
            for row in self.present.cameras.values()
        ]
        traits = [self._camera_traits(row, encoder) for row, encoder in rows]
        matches = match(traits, standing, self.mapping.source)
        for (row, encoder), trait, found in zip(rows, traits, matches, strict=True):
            self._camera(row, encoder, trait, found)

    def _camera_traits(self, row: Placed, encoder: str | None) -> Traits:
        listed = row.listed
        place: Hashable | None = (encoder, listed.channel) if encoder else listed.address
        fallback = f"{encoder}-{listed.channel}" if encoder else str(listed.address or "")
        parts = {
            "name": listed.name or fallback,
            "site": row.site or "",
            "address": str(listed.address or ""),
            "encoder": encoder or "",
            "channel": str(listed.channel or ""),
            "serial": listed.serial or "",
        }
        if not slug(parts["name"]):
            parts["name"] = fallback
        derived = derive(self.mapping.ids.camera, parts, MAX_CAMERA_ID)
        return Traits(listed.id, listed.name, row.site, listed.serial, listed.mac, place, derived)

    def _camera(self, row: Placed, encoder: str | None, traits: Traits, found: Matched | None) -> None:
        before = self.present.cameras.get(found.id) if found else None
        values: dict[str, Any] = {
            "site": row.site,
            "profile": row.profile,
            "description": self._description(row.listed, before),
        }
        if encoder:
            values |= {"encoder": encoder, "channel": row.listed.channel, "site": self.merged.encoders[encoder].site}
        else:
            values |= {"model": row.model, "address": row.listed.address}
        if before is not None and self.authoritative:
            before = _rewired(before, encoder)
        identity = self._identity(row.listed, traits, found, MAX_CAMERA_ID)
        made = self._row(CameraRow, row.listed, identity, values, before)
        if made is not None:
            self.merged.cameras[made.id] = made
            self.merged.rows_of[made.id] = (row.listed.row,)
            self._remember(made.id, row.listed, row.listed.name)

    def _description(self, listed: Listed, before: CameraRow | None) -> str | None:
        """Name and place as one text; what a person wrote into the city stays where the list has but a name."""
        if listed.name and listed.description and slug(listed.name) not in slug(listed.description):
            return harmless(f"{listed.name}: {listed.description}")
        if before is not None and before.description and not listed.description:
            service = self.present.service.get(before.id)
            if service is None or service.source != self.mapping.source:
                return before.description
        text = listed.description or listed.name
        return harmless(text) if text else None

    def _identity(self, listed: Listed, traits: Traits, found: Matched | None, longest: int) -> str:
        """The id that it has, or a new one; empty where nothing makes one."""
        if found:
            return found.id
        wanted = slug(listed.id)[:longest].strip("-") if listed.id else traits.derived
        if listed.id and wanted != listed.id:
            self._note(listed, f"{listed.id[:80]!r} is no id of a city: {wanted!r} is taken")
        identity = free(wanted, self.taken, longest, self.counts) if wanted else ""
        if identity != wanted:
            self._note(listed, f"the id {wanted!r} belongs to another device: this one is {identity!r}")
        self.taken.add(identity)
        return identity

    def _row(
        self, model: type[RowModel], listed: Listed, identity: str, values: dict[str, Any], before: RowModel | None
    ) -> RowModel | None:
        """The row that the list makes of ``before``; a row that would not load is refused, and ``before`` stays."""
        told = {name: value for name, value in values.items() if value is not None}
        if before is not None and not self.authoritative:
            told = self._observed(listed, told, before)
        cells: dict[str, Any] = dict.fromkeys(model.model_fields) | (before.model_dump() if before else {}) | told
        cells["id"] = identity
        if missing := [name for name in self._needed(model, cells) if cells[name] is None]:
            for name in missing:
                self._refuse(listed, f"nothing says its {name}", _fix_of(name), name)
            return None
        try:
            return model.model_validate({name: None if value is None else str(value) for name, value in cells.items()})
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                name = str(detail["loc"][0]) if detail["loc"] else ""
                self._refuse(listed, str(detail["msg"]).removeprefix("Value error, "), "correct it in the list", name)
            return None

    @staticmethod
    def _needed(model: type[EncoderRow] | type[CameraRow], cells: dict[str, Any]) -> tuple[str, ...]:
        if model is CameraRow and cells["encoder"]:
            return ("site", "channel")
        return ("site", "model", "address", "profile")

    def _observed(self, listed: Listed, told: dict[str, Any], before: EncoderRow | CameraRow) -> dict[str, Any]:
        """Of a known device only its address follows what was seen; where it differs from the plan is said."""
        for name in ("model", "profile"):
            if name in told and getattr(before, name) not in {None, told[name]}:
                self._note(listed, f"{before.id} is {told[name]!r} there, the city says {getattr(before, name)!r}")
        return {"address": told["address"]} if "address" in told else {}

    def _remember(self, identity: str, listed: Listed, name: str | None) -> None:
        """What the next list is compared with; what this one does not tell stays."""
        before = self.present.service.get(identity)
        known = before.model_dump() if before else dict.fromkeys(ServiceRow.model_fields)
        told = {"serial": listed.serial, "mac": listed.mac, "firmware": listed.firmware, "recorder": listed.recorder}
        if before is None or self.authoritative:
            told |= {"source": self.mapping.source, "name": name}
        texts = {field: harmless(value) for field, value in told.items() if value}
        self.merged.service[identity] = ServiceRow.model_validate(known | texts | {"id": identity})

    def _refuse(self, listed: Listed, message: str, fix: str, name: str = "") -> None:
        self.merged.findings.append(Finding(listed.row, "", name, "refused", "", message, fix))

    def _note(self, listed: Listed, message: str) -> None:
        self.merged.findings.append(Finding(listed.row, "", "", "note", "", message, ""))


def _rewired(before: CameraRow, encoder: str | None) -> CameraRow:
    """``before`` without what only a camera of the other wiring has."""
    other = {"model": None, "address": None} if encoder else {"encoder": None, "channel": None}
    return before.model_copy(update=other)


def _fix_of(name: str) -> str:
    if name == "address":
        return "fill the address, or name its encoder and channel"
    return f"fill it in the list, or set defaults.{name} in the mapping"


def refused_rows(findings: Iterable[Finding]) -> frozenset[int]:
    """The numbers of the rows that ``findings`` refuse."""
    return frozenset(finding.row for finding in findings if finding.outcome == "refused")
