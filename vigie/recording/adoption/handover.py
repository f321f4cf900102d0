"""Lets the old recorder go once ours is seen to record every camera: footage overlaps, and never has a gap."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vigie.recording.adoption.assign import Move
from vigie.recording.layout import newest_segments, parse_path
from vigie.recording.tail import FootageTail

# New footage in so many looks, a second apart: one late part is no recording.
LOOKS: Final = 3
STILL_WRITTEN: Final = "still being written"
NEWER_THAN_OURS: Final = "newer than our own newest segment: it comes with the next one"
WAITS: Final = frozenset({STILL_WRITTEN, NEWER_THAN_OURS})  # reasons that pass by themselves
QUIET_SECONDS: Final = 5.0  # a recorder writes every second; what has not changed for so long is closed


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Whether ours records every camera; ``missing`` are those of which no complete part reached the disk."""

    missing: tuple[str, ...]
    seconds: float


def confirm_recording(
    root: Path,
    cameras: Collection[str],
    deadline: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Confirmation:
    """Wait until complete parts of every camera were seen to reach the disk ``LOOKS`` times, or ``deadline`` seconds
    passed. What the recorder says of itself is not asked. Raises ``OSError``."""
    began = clock()
    tails = {camera: FootageTail(root, camera) for camera in sorted(cameras)}
    seen = dict.fromkeys(tails, 0)
    frames = {camera: tail.advance().frames for camera, tail in tails.items()}
    while True:
        sleep(1.0)
        for camera, tail in tails.items():
            now = tail.advance().frames
            seen[camera] += now > frames[camera]
            frames[camera] = now
        missing = tuple(camera for camera, looks in seen.items() if looks < LOOKS)
        if not missing or clock() - began > deadline:
            return Confirmation(missing, clock() - began)


def too_fresh(
    old_root: Path, root: Path, adopted: Iterable[str], now: Callable[[], float] = time.time
) -> Callable[[Move], str | None]:
    """The ``defer`` of :func:`move`: files that are still written, and files newer than our own newest segment.

    The newest name of a camera is what watches its recording: an old file there would look like a recorder that
    stopped. ``adopted`` are the absolute new paths of earlier moves, which are no segments of our own.
    """
    taken = frozenset(adopted)
    newest: dict[str, datetime | None] = {}

    def own_newest(camera: str) -> datetime | None:
        if camera not in newest:
            own = (path for path in newest_segments(root, camera) if str(path) not in taken)
            first = next(own, None)
            newest[camera] = parse_path(first, root).start if first else None
        return newest[camera]

    def defer(one: Move) -> str | None:
        try:
            quiet = now() - (old_root / one.old).stat().st_mtime
        except FileNotFoundError:
            return "gone since it was looked at"
        if quiet < QUIET_SECONDS:
            return STILL_WRITTEN
        own = own_newest(one.camera)
        if own is not None and one.start >= own:
            return NEWER_THAN_OURS
        return None

    return defer


def overlap_seconds(old_end: float, own_start: datetime) -> float:
    """Seconds that both recorders recorded; negative is a gap."""
    return old_end - own_start.astimezone(UTC).timestamp()
