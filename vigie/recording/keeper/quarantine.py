"""Broken files go out of the players' way, not away: into ``.quarantine/<camera>/<YYYY>/<MM>/<DD>/`` below the root.

A recorder that met a full disk leaves files of zero bytes, or with a header and no picture; one of them makes
MediaMTX's list of the whole camera fail. What is in a day folder and is no segment goes there when its day has passed
the ceiling: it may be a copy of footage, and nothing that cannot be read is erased at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from vigie.recording.fmp4 import SegmentReader
from vigie.recording.keeper.locks import LockedTime
from vigie.recording.keeper.store import DAY, DatedStore, Day
from vigie.recording.keeper.tree import Tree

FOLDER: Final = ".quarantine"
SMALL: Final = 1 << 16  # a file of this size holds a picture, or nothing that a recorder wrote
SETTLED_SEGMENTS: Final = 2.0  # segments' lengths after which nobody writes a file any more


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One file that was moved: what it was, where it is, and why."""

    camera: str
    key: tuple[str, ...]
    kept_as: tuple[str, ...]
    size: int
    reason: str

    def body(self) -> dict[str, object]:
        """The body of its journal entry."""
        return {
            "camera": self.camera,
            "file": "/".join(self.key),
            "kept_as": "/".join(self.kept_as),
            "bytes": self.size,
            "reason": self.reason,
        }


def broken(tree: Tree, key: tuple[str, ...], size: int) -> str | None:
    """Why the file of ``size`` bytes holds no footage; None when it holds some. Raises ``OSError``."""
    if size == 0:
        return "empty"
    if size >= SMALL:
        return None
    reader = SegmentReader()
    with tree.opened(key) as descriptor:
        parts = reader.advance(lambda offset, length: os.pread(descriptor, length, offset), size)
    if parts:
        return None
    return "header only" if reader.init is not None else f"no footage: {reader.broken or 'cut in its header'}"


def find_broken(store: DatedStore, camera: str, now: float, since: float, locked: LockedTime) -> Iterator[Quarantined]:
    """The broken segments of a camera in days that end after ``since``, not locked, and written by nobody now.

    What is found is moved before it is yielded. Raises ``OSError``.
    """
    for day, midnight in list(store.days(camera)):
        if midnight + DAY <= since or not store.tree.any_smaller(day, SMALL):
            continue
        for item in list(store.items(day, midnight)):
            settled = item.start + SETTLED_SEGMENTS * store.nominal + 60 <= now
            if item.size >= SMALL or not settled or store.protected(item, locked):
                continue
            if reason := broken(store.tree, item.key, item.size):
                kept_as = store.tree.move(item.key, (FOLDER, *day), item.key[-1])
                yield Quarantined(camera, item.key, kept_as, item.size, reason)


def set_stranger_aside(store: DatedStore, key: tuple[str, ...], now: float) -> Quarantined | None:
    """Moves what is no segment out of a day folder, to be kept for another ceiling from today on; None if it is gone.

    Raises ``OSError``.
    """
    status = store.tree.look(key)
    if status is None:
        return None
    today: Day = (key[0], *datetime.fromtimestamp(now, UTC).strftime("%Y/%m/%d").split("/"))  # type: ignore[assignment]
    kept_as = store.tree.move(key, (FOLDER, *today), f"stranger-{key[-1]}")
    return Quarantined(key[0], key, kept_as, status.st_size, "not a segment")
