"""The manifest of an export: `manifest.json`, format 1 (docs/how-to/export-footage.md). Instants are RFC 3339 in UTC."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from vigie.recording.export.declaration import Declaration
from vigie.recording.export.film import Written
from vigie.recording.export.places import path_of
from vigie.recording.export.selection import Listed
from vigie.recording.export.timeline import Film, Footage
from vigie.recording.journal.parts import fsync_directory
from vigie.recording.ledger.interval import Interval

NAME: Final = "manifest.json"
FORMAT: Final = 1
LATER: Final = ("unreachable", "unknown", "unfinished", "not_filmed")  # what another run may bring


@dataclass(frozen=True, slots=True)
class Fetched:
    """A segment in the export: its bytes, SHA-256 as recorder and copy agree on, and what its frames show (None: nothing)."""

    recorder: str
    file: str
    size: int
    sha256: str
    footage: Footage | None

    def as_json(self) -> dict[str, Any]:
        shown = self.footage
        return {
            "path": str(path_of(Path(), self.recorder, self.file)),
            "recorder": self.recorder,
            "file": self.file,
            "from": text(shown.start) if shown else None,
            "to": text(shown.end) if shown else None,
            "bytes": self.size,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class Made:
    """A film in the export."""

    name: str
    size: int
    sha256: str
    written: Written
    film: Film

    def as_json(self) -> dict[str, Any]:
        pieces = [
            {
                "offset": round(piece.offset, 6),
                "seconds": round(piece.seconds, 6),
                "from": text(piece.instant),
                "segment": str(path_of(Path(), piece.footage.recorder, piece.footage.file)),
            }
            for piece in self.film
        ]
        return {
            "path": self.name,
            "bytes": self.size,
            "sha256": self.sha256,
            "seconds": round(self.written.seconds, 6),
            "sound_left_out": self.written.silent,
            "pieces": pieces,
        }


def manifest(
    facts: Mapping[str, Any],
    declared: Declaration,
    segments: Sequence[Fetched],
    films: Iterable[Made],
    left: Iterable[Listed],
    silent: Mapping[str, str],
) -> dict[str, Any]:
    """The manifest. ``facts`` are who, why, when, of what city and camera; ``silent`` says why a recorder did not answer."""
    value: dict[str, Any] = {
        "format": FORMAT,
        **facts,
        "asked": _span(declared.window),
        "covered": _spans(declared.covered),
        "gaps": [{**_span(gap.interval), "cause": gap.cause} for gap in declared.gaps],
        "unreachable": _spans(declared.unreachable),
        "unknown": _spans(declared.unknown),
        "unfinished": _spans(declared.unfinished),
        "silent": [{"recorder": name, "error": error} for name, error in sorted(silent.items())],
        "segments": [segment.as_json() for segment in segments],
        "not_copied": [
            {"recorder": s.recorder, "file": s.file, "bytes": s.size, "why": "another segment shows the same time"}
            for s in left
        ],
        "films": [film.as_json() for film in films],
    }
    return value | {"digest": digest_of(value)}


def is_whole(value: Mapping[str, Any]) -> bool:
    """Whether making the export again cannot bring more."""
    return not any(value[kind] for kind in LATER)


def digest_of(value: Mapping[str, Any]) -> str:
    """SHA-256 of a manifest without its digest: JSON with sorted keys and no spaces."""
    plain = {key: entry for key, entry in value.items() if key != "digest"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write(folder: Path, value: Mapping[str, Any]) -> None:
    """Whole or not at all. Raises ``OSError``."""
    partial = folder / f".{NAME}.partial"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / NAME)
    fsync_directory(folder)


def read(folder: Path) -> dict[str, Any] | None:
    """The manifest; None when there is none. Raises ``ValueError`` for one that is no JSON object, ``OSError``."""
    try:
        content = (folder / NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    value = json.loads(content)
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - what a file holds, not what a caller gave
    return value


def hashed(path: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file. Raises ``OSError``."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


def text(instant: float) -> str:
    """Unix seconds as RFC 3339 in UTC, to the microsecond."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _span(interval: Interval) -> dict[str, str]:
    return {"from": text(interval.start), "to": text(interval.end)}


def _spans(intervals: Iterable[Interval]) -> list[dict[str, str]]:
    return [_span(interval) for interval in intervals]
