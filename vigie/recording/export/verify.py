"""Checks an export offline: every checksum, nothing missing, nothing extra, and a manifest that agrees with itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from vigie.recording.export.manifest import FORMAT, NAME, digest_of, hashed, read
from vigie.recording.ledger.interval import Interval, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS

_ROUNDING: Final = 1e-4  # offsets and instants are written to the microsecond
_FILM_SLACK: Final = 1.0  # a film may differ from the sum of its pieces by a frame at either end


class NotAnExportError(ValueError):
    """There is no export that this version can check; says why."""


def differences(folder: Path) -> Iterator[str]:
    """What is not as the manifest says, in words, cheapest first. Raises ``NotAnExportError``."""
    try:
        value = read(folder)
    except (ValueError, OSError) as error:
        yield f"{NAME}: cannot be read: {error}"
        return
    if value is None:
        raise NotAnExportError(f"{folder / NAME} does not exist: this is no finished export")
    if value.get("format") != FORMAT:
        raise NotAnExportError(f"{NAME}: format {value.get('format')!r}; this version of Vigie knows {FORMAT}")
    if digest_of(value) != value.get("digest"):
        yield f"{NAME}: its digest does not match: it was changed"
        return
    try:
        yield from _inconsistencies(value)
        yield from _strangers(folder, value)
        for entry in (*value["segments"], *value["films"]):
            yield from _changed(folder, entry)
    except (KeyError, TypeError, ValueError) as error:
        yield f"{NAME}: not in the shape of format {FORMAT}: {error!r}"


def _changed(folder: Path, entry: Mapping[str, Any]) -> Iterator[str]:
    path = folder / entry["path"]
    if path.is_symlink() or not path.is_file():
        yield f"{entry['path']}: missing"
        return
    try:
        size, digest = hashed(path)
    except OSError as error:
        yield f"{entry['path']}: cannot be read: {error}"
        return
    if size != entry["bytes"]:
        yield f"{entry['path']}: {size} bytes, {entry['bytes']} in the manifest"
    elif digest != entry["sha256"]:
        yield f"{entry['path']}: its SHA-256 does not match: it was changed"


def _strangers(folder: Path, value: Mapping[str, Any]) -> Iterator[str]:
    named = {NAME, *(entry["path"] for entry in (*value["segments"], *value["films"]))}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if (path.is_symlink() or not path.is_dir()) and name not in named:
            yield f"{name}: not in the manifest"


def _inconsistencies(value: Mapping[str, Any]) -> Iterator[str]:
    segments = {segment["path"]: segment for segment in value["segments"]}
    extents = {path: _interval(segment) for path, segment in segments.items() if segment["from"] is not None}
    for film in value["films"]:
        offset = 0.0
        for piece in film["pieces"]:
            where = f"{NAME}: {film['path']} at {piece['offset']} s"
            extent = extents.get(piece["segment"])
            begin = _instant(piece["from"])
            if abs(piece["offset"] - offset) > _ROUNDING:
                yield f"{where}: the pieces before end at {offset:.3f} s"
            if extent is None:
                yield f"{where}: of a segment that the manifest does not list: {piece['segment']}"
            elif begin < extent.start - _ROUNDING or begin + piece["seconds"] > extent.end + _ROUNDING:
                yield f"{where}: outside of its segment {piece['segment']}"
            offset += piece["seconds"]
        if abs(film["seconds"] - offset) > _FILM_SLACK:
            yield f"{NAME}: {film['path']} lasts {film['seconds']} s, its pieces {offset:.3f} s"
    covered = [_interval(span) for span in value["covered"]]
    if left := subtract(covered, union(extents.values(), GAP_SECONDS)):
        yield f"{NAME}: no segment shows {left[0].seconds:.3f} s that are covered"


def _interval(span: Mapping[str, str]) -> Interval:
    return Interval(_instant(span["from"]), _instant(span["to"]))


def _instant(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
