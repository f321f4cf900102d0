"""Why a camera is recorded where it is, for a person."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vigie.city.quantity import human_bit_rate, human_bytes, human_duration
from vigie.plan.explanation import Bound, Explanation, RecordedBy
from vigie.plan.model import Stream


def show_explanation(console: Console, found: Explanation) -> None:
    """The device, what it sends, who records it and why there, what a loss means, and who watches."""
    camera, site = found.camera, found.site
    console.print(Text(f"{camera.id} at {camera.site}", "bold"))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    encoder = f", channel {camera.channel} of encoder {camera.encoder}" if camera.encoder else ""
    rows = [
        ("device", f"{camera.address}:{camera.port}{encoder}"),
        ("main stream", _stream(camera.main)),
        ("sub-stream", _stream(camera.sub) + (", analysed" if camera.analysed else "")),
        ("footage", f"{human_bytes(camera.bytes_per_day)} a day; up to {human_bytes(found.kept_bytes)} kept"),
        (
            "retention",
            f"at least {human_duration(camera.retention_floor_seconds)}, "
            f"erased after {human_duration(camera.retention_ceiling_seconds)}",
        ),
        (
            "uplink",
            f"{human_bit_rate(found.uplink_bits_per_second)} of {human_bit_rate(site.uplink_bits_per_second)} "
            f"({found.uplink_share:.1%}); the site's {site.cameras} cameras send {human_bit_rate(site.bits_per_second)}",
        ),
        ("lot", _lot(found)),
        ("placed", _placed(found)),
        ("recorder lost", found.loss),
    ]
    rows += [("scraped by", f"{', '.join(one.watchers)}: {one.job} exporter of {one.target}") for one in found.scrapes]
    rows.append(("alerts", ", ".join(found.alerts) or "none: it is not deployed"))
    for heading, text in rows:
        table.add_row(heading, Text(text))
    console.print(table)
    for recorder in found.recorded_by:
        _bounds(console, recorder)


def _stream(stream: Stream) -> str:
    return (
        f"{stream.codec} {stream.width}x{stream.height} at {stream.frames_per_second}/s, "
        f"{human_bit_rate(stream.bits_per_second)}, a keyframe every {stream.keyframe_interval_seconds:g} s, {stream.path}"
    )


def _lot(found: Explanation) -> str:
    kind = found.lot_kind + (", exercised" if found.lot_exercised else "")
    state = "deployed" if found.camera.deployed else "planned, counted and priced, not deployed until it is exercised"
    return f"{found.camera.lot} ({found.lot_title}; {kind}): {state}"


def _placed(found: Explanation) -> str:
    groups = ", ".join(dict.fromkeys(one.group for one in found.recorded_by))
    twice = "; mirrored, on two hosts" if len(found.recorded_by) > 1 else ""
    near = found.neighbour
    if near is None:
        return f"{groups}, which records this site alone{twice}"
    return (
        f"{groups}, because near sites share a group: it also records {near.sites} other sites, the nearest "
        f"{near.site}, {near.kilometres:.2f} km away{twice}"
    )


def _bounds(console: Console, recorder: RecordedBy) -> None:
    console.print(
        Text(
            f"\n{recorder.identity} on {recorder.host} ({recorder.host_address}; identity {recorder.identity_address}), "
            f"{recorder.group} of {recorder.members} recorders, spares: {', '.join(recorder.standby) or 'none'}",
            "bold",
        )
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("bound", "today", "can do", "used", "a spare that took over the fullest member"):
        table.add_column(heading, justify="left" if heading == "bound" else "right")
    spare: Sequence[Bound | None] = recorder.taken_over or [None] * len(recorder.bounds)
    for bound, taken in zip(recorder.bounds, spare, strict=True):
        table.add_row(
            bound.name, *(_amount(bound, value) for value in (bound.load, bound.limit)), _used(bound), _used(taken)
        )
    console.print(table)


def _amount(bound: Bound, value: int) -> str:
    return {"bit/s": human_bit_rate, "B": human_bytes}.get(bound.unit, lambda number: f"{number:g}")(value)


def _used(bound: Bound | None) -> str:
    if bound is None:
        return "-"
    return f"{bound.load / bound.limit:.0%}" if bound.limit else "-"
