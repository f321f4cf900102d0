"""What lies in the folder of an old recorder. Reads names and sizes; footage only where a name leaves two instants."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, tzinfo
from pathlib import Path

from vigie.recording.adoption.assign import Found
from vigie.recording.adoption.clock import instants
from vigie.recording.adoption.media import footage_seconds
from vigie.recording.adoption.pattern import Pattern


def scan(root: Path, pattern: Pattern, zone: tzinfo) -> list[Found]:
    """Every file below ``root``, by path. Links are not followed. Raises ``OSError`` when ``root`` cannot be read."""
    files = sorted(_files(root), key=lambda found: found.path)
    days = {found.path: _day(found.path, pattern, zone) for found in files}
    unclear = {day for day, twice in days.values() if twice and day}
    return [
        replace(found, duration=footage_seconds(root / found.path)) if days[found.path][0] in unclear else found
        for found in files
    ]


def _files(root: Path) -> Iterator[Found]:
    def refuse(error: OSError) -> None:
        raise error

    for folder, _, names in os.walk(root, onerror=refuse):
        for name in names:
            path = Path(folder) / name
            status = path.lstat()
            if path.is_file() and not path.is_symlink():
                yield Found(path.relative_to(root).as_posix(), status.st_size, status.st_mtime, None)


def _day(path: str, pattern: Pattern, zone: tzinfo) -> tuple[date | None, bool]:
    """The day that a name gives, and whether its clock showed that time twice."""
    try:
        named = pattern.read(path)
        return (named.written.date(), len(instants(named.written, zone)) > 1) if named else (None, False)
    except (ValueError, OverflowError):
        return None, False
