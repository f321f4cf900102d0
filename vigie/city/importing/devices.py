"""From listed cameras to devices: which rows are channels of one encoder, which are cameras of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from vigie.city.importing.fields import slug
from vigie.city.importing.references import Placed
from vigie.city.importing.report import Finding
from vigie.city.importing.understanding import Listed
from vigie.city.model import CityFile


@dataclass(frozen=True, slots=True)
class EncoderDraft:
    """An encoder of the list: its own row if it has one, else what its channels say of it. ``name`` may be empty."""

    name: str
    head: Placed
    channels: tuple[Placed, ...] = ()
    own_row: bool = False

    @property
    def address(self) -> IPv4Address | None:
        told = (row.listed.address for row in (self.head, *self.channels))
        return next((address for address in told if address is not None), None)

    @property
    def profile(self) -> str | None:
        """That of its own row, else what most of its channels send."""
        if self.own_row and self.head.profile:
            return self.head.profile
        sent = Counter(row.profile for row in self.channels if row.profile)
        return sent.most_common(1)[0][0] if sent else None


@dataclass(frozen=True, slots=True)
class Devices:
    encoders: tuple[EncoderDraft, ...]
    cameras: tuple[Placed, ...]
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Sorting:
    inputs: dict[str, int]  # model -> channels
    findings: list[Finding] = field(default_factory=list)
    encoders: list[EncoderDraft] = field(default_factory=list)
    cameras: list[Placed] = field(default_factory=list)

    def refuse(self, row: Placed, name: str, value: object, message: str, fix: str) -> None:
        self.findings.append(Finding(row.listed.row, "", name, "refused", str(value), message, fix))


def sort_devices(file: CityFile, rows: Iterable[Placed]) -> Devices:
    """Rows as devices. Rows that name one encoder are its channels; so are rows of one address with channels that
    differ, and rows of a model with several channels."""
    sorting = _Sorting({model.id: model.channels for model in file.models})
    all_rows = list(rows)
    named = {slug(row.listed.encoder) for row in all_rows if row.listed.encoder}
    by_name: dict[str, list[Placed]] = {}
    by_address: dict[IPv4Address, list[Placed]] = {}
    for row in all_rows:
        if row.listed.encoder:
            by_name.setdefault(slug(row.listed.encoder), []).append(row)
        elif row.listed.channel is None and slug(row.listed.name or row.listed.id or "") in named:
            by_name.setdefault(slug(row.listed.name or row.listed.id or ""), []).append(row)
        elif row.listed.address is not None:
            by_address.setdefault(row.listed.address, []).append(row)
        else:
            sorting.cameras.append(row)
    for group in by_name.values():
        _named_encoder(sorting, group)
    for group in by_address.values():
        _one_address(sorting, group)
    return Devices(tuple(sorting.encoders), tuple(sorting.cameras), tuple(sorting.findings))


def _named_encoder(sorting: _Sorting, group: list[Placed]) -> None:
    heads = [row for row in group if not row.listed.encoder]
    channels = _channels(sorting, [row for row in group if row.listed.encoder])
    for row in heads[1:]:
        sorting.refuse(row, "name", row.listed.name, f"row {heads[0].listed.row} is this encoder already", "keep one")
    addresses = {row.listed.address: row for row in reversed([*heads[:1], *channels]) if row.listed.address}
    if len(addresses) > 1:
        first = next(row.listed.address for row in [*heads[:1], *channels] if row.listed.address)
        for row in channels:
            if row.listed.address not in {first, None}:
                message = f"its encoder answers at {first} in an earlier row, here at {row.listed.address}"
                sorting.refuse(
                    row, "address", row.listed.address, message, "one address for all channels of an encoder"
                )
        channels = [row for row in channels if row.listed.address in {first, None}]
    if heads or channels:
        name = (channels[0].listed.encoder if channels else heads[0].listed.name) or ""
        head = heads[0] if heads else channels[0]
        sorting.encoders.append(EncoderDraft(name, head, tuple(channels), bool(heads)))


def _one_address(sorting: _Sorting, group: list[Placed]) -> None:
    """Rows that share an address: an encoder and its channels, or one device written more than once."""
    whole = [row for row in group if row.listed.channel is None]
    numbered = [row for row in group if row.listed.channel is not None]
    encoder = len(numbered) > 1 or any(_is_encoder(sorting, row.listed, row.model) for row in group)
    first = (whole or numbered)[0]
    for row in whole[1:]:
        sorting.refuse(
            row,
            "address",
            row.listed.address,
            f"{row.listed.address} stands in row {first.listed.row} already",
            "correct one of the two; channels of one encoder need a column with their numbers",
        )
    if not encoder:
        # A camera whose list says "channel 1" is a camera still.
        sorting.cameras.append(replace(first, listed=replace(first.listed, channel=None)))
        for row in numbered if whole else ():
            sorting.refuse(
                row,
                "address",
                row.listed.address,
                f"{row.listed.address} stands in row {first.listed.row} already",
                "keep one",
            )
        return
    channels = _channels(sorting, numbered)
    if whole or channels:
        head = whole[0] if whole else channels[0]
        name = (head.listed.name or "") if whole else ""
        sorting.encoders.append(EncoderDraft(name, head, tuple(channels), bool(whole)))


def _is_encoder(sorting: _Sorting, listed: Listed, model: str | None) -> bool:
    inputs = sorting.inputs.get(model or "", 1)
    return inputs > 1 or (listed.channel or 1) > 1 or (listed.channels or 1) > 1


def _channels(sorting: _Sorting, rows: list[Placed]) -> list[Placed]:
    """The rows whose channel is told and is theirs alone; the others are refused."""
    kept: dict[int, Placed] = {}
    for row in rows:
        channel = row.listed.channel
        if channel is None:
            sorting.refuse(row, "channel", "", "a channel of an encoder without its number", "fill the channel")
        elif channel in kept:
            taken = kept[channel].listed.row
            sorting.refuse(row, "channel", channel, f"channel {channel} stands in row {taken} already", "correct one")
        else:
            kept[channel] = row
    return list(kept.values())
