"""The difference between two plans for a person: what is lost first, then what moves and stops, then the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vigie.city.quantity import human_bytes, human_duration
from vigie.plan.changes import Change, Difference, HostChange, NamedChange, VolumeChange

MOST_ROWS: Final = 20
FEW_NAMES: Final = 4
KIND_STYLES: Final = {"added": "green", "removed": "red", "changed": "yellow"}


def show_difference(console: Console, found: Difference, currency: str | None) -> None:
    """Every category that has something in it; long ones are cut, and say so."""
    console.print(Text(f"{found.city}: plan {found.before[:12]} → {found.after[:12]}", "bold"))
    if found.empty:
        console.print("No difference: nothing would be touched.")
        return
    for line in _losses(found):
        console.print(Text(line, "bold red"), soft_wrap=True)
    _lots(console, found, currency)
    _rows(console, ("host", "", "what changes", "units"), [_host_row(one) for one in found.hosts])
    _rows(console, ("volume", "", "from", "to"), [_volume_row(one) for one in found.volumes])
    _cameras(console, found)
    _rows(
        console,
        ("stops and starts again on", "cameras", "at most", "because"),
        [(one.where, str(len(one.cameras)), _seconds(one.seconds), one.cause) for one in found.interruptions],
    )
    _footage(console, found)
    _rows(
        console,
        ("firewall of", "", "opened to", "closed to", "for"),
        [
            (one.host, f"{one.chain} {one.protocol}/{one.port}", _few(one.opened), _few(one.closed), one.purpose)
            for one in found.firewall
        ],
    )
    _named(console, "identity", found.identities)
    _named(console, "site", found.sites)
    _named(console, "scrape target", found.targets)
    _named(console, "load of", found.loads)
    _named(console, "forward", found.forwards)
    _named(console, "planned, not deployed", found.planned)
    _rows(
        console, ("setting", "from", "to"), [(one.field, _text(one.before), _text(one.after)) for one in found.settings]
    )
    _rows(
        console,
        ("alert to expect", "for", "because"),
        [(one.alert, _few(one.subjects), one.reason) for one in found.notices],
    )
    console.print(summary(found), markup=False)


def summary(found: Difference) -> str:
    """One sentence of counts."""
    cameras, hosts = Counter(one.kind for one in found.cameras), Counter(one.kind for one in found.hosts)
    return (
        f"Hosts: {hosts['added']} made, {hosts['removed']} removed, {hosts['changed']} configured anew. "
        f"Cameras: {cameras['added']} added, {cameras['removed']} removed, {len(found.moves)} moved, "
        f"{found.interrupted} interrupted."
    )


def _losses(found: Difference) -> Iterable[str]:
    for one in found.retention:
        if one.erased_bytes:
            yield (
                f"ERASES FOOTAGE: the ceiling of {one.cameras} cameras falls from "
                f"{human_duration(one.ceiling_before_seconds)} to {human_duration(one.ceiling_after_seconds)}: "
                f"up to {human_bytes(one.erased_bytes)}, the oldest {human_duration(one.erased_seconds)}."
            )
    for volume in found.volumes:
        if volume.footage_bytes:
            yield _loss(volume)
    for left in found.remainders:
        if not left.fits:
            yield (
                f"TOO FULL: {left.host} keeps up to {human_bytes(left.footage_bytes)} of cameras that left it, which does "
                "not fit beside what it is to keep."
            )


def _loss(volume: VolumeChange) -> str:
    size = human_bytes(volume.footage_bytes)
    fate = {
        "out of reach": "nobody can play it, and nothing erases it at its ceiling: copy it, or wipe the disks by hand",
        "protected": "the target refuses to delete it: take off the protection once the footage may go",
        "refused": "the target refuses to shrink a volume that holds footage",
    }[volume.fate or "refused"]
    return f"LOSES FOOTAGE: volume {volume.volume} of {volume.host} {volume.kind} with up to {size} on it; {fate}."


def _lots(console: Console, found: Difference, currency: str | None) -> None:
    def price(amount: int | None) -> str:
        return "" if amount is None else f"{amount:,} {currency or ''}".strip()

    rows = [
        (
            one.lot,
            one.step,
            price(one.price_before),
            price(one.price_after),
            _changes(one.changes, leave_out=("price",)),
        )
        for one in found.lots
    ]
    _rows(console, ("lot", "", "price before", "price after", "what changes"), rows)


def _host_row(one: HostChange) -> tuple[str | Text, ...]:
    told = _changes(one.changes) if one.changes else ", ".join(name.removeprefix("vigie_") for name in one.variables)
    units = Counter(effect.verb for effect in one.units)
    named = [f"{effect.unit.removesuffix('.service')} {effect.verb}" for effect in one.units]
    text = (
        ", ".join(named) if len(named) <= FEW_NAMES else ", ".join(f"{count} {verb}" for verb, count in units.items())
    )
    return one.host, _kind(one.kind), told, text


def _volume_row(one: VolumeChange) -> tuple[str, ...]:
    return f"{one.host}:{one.volume}", one.kind, human_bytes(one.before_bytes), human_bytes(one.after_bytes)


def _cameras(console: Console, found: Difference) -> None:
    grouped = Counter((one.site, one.kind, one.recorders, _changes(one.changes)) for one in found.cameras)
    rows = [
        (site, _kind(kind), str(count), ", ".join(recorders), told)
        for (site, kind, recorders, told), count in grouped.items()
    ]
    _rows(console, ("cameras of", "", "count", "recorded on", "what changes"), rows)
    moved = Counter((", ".join(one.before), ", ".join(one.after), one.interrupted, one.seconds) for one in found.moves)
    _rows(
        console,
        ("move from", "to", "cameras", "each misses"),
        [
            (
                before,
                after,
                str(count),
                f"up to {seconds:g} s, and while the run goes from host to host" if stops else "nothing",
            )
            for (before, after, stops, seconds), count in moved.items()
        ],
    )


def _footage(console: Console, found: Difference) -> None:
    _rows(
        console,
        ("footage that stays on", "of cameras that left", "up to", "erased there after"),
        [
            (one.host, str(len(one.cameras)), human_bytes(one.footage_bytes), human_duration(one.seconds))
            for one in found.remainders
        ],
    )
    _rows(
        console,
        ("retention of", "floor", "ceiling", "erased"),
        [
            (
                f"{one.cameras} cameras",
                f"{human_duration(one.floor_before_seconds)} → {human_duration(one.floor_after_seconds)}",
                f"{human_duration(one.ceiling_before_seconds)} → {human_duration(one.ceiling_after_seconds)}",
                human_bytes(one.erased_bytes),
            )
            for one in found.retention
        ],
    )


def _named(console: Console, heading: str, changes: Sequence[NamedChange]) -> None:
    _rows(
        console, (heading, "", "what changes"), [(one.name, _kind(one.kind), _changes(one.changes)) for one in changes]
    )


def _rows(console: Console, headings: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    if not rows:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows[:MOST_ROWS]:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    console.print(table)
    if len(rows) > MOST_ROWS:
        console.print(f"… and {len(rows) - MOST_ROWS} more; --json names all.", style="dim")
    console.print()


def _kind(kind: str) -> Text:
    return Text(kind, KIND_STYLES[kind])


def _changes(changes: Iterable[Change], leave_out: Sequence[str] = ()) -> str:
    return ", ".join(
        f"{one.field} {_text(one.before)} → {_text(one.after)}" for one in changes if one.field not in leave_out
    )


def _text(value: object) -> str:
    return _few(value) if isinstance(value, tuple) else str(value)


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:FEW_NAMES])
    return f"{shown} and {len(names) - FEW_NAMES} more" if len(names) > FEW_NAMES else shown or "-"


def _seconds(seconds: float | None) -> str:
    return "until it is back" if seconds is None else f"{seconds:g} s"
