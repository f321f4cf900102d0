"""Stalls inside segments, kept beside the footage: names and sizes do not show them, and a rebuild must know them.

`<root>/.ledger/<camera>/<YYYY-MM-DD>.stalls`, a line for each: start and end in Unix milliseconds, and how it was seen.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from vigie.plan.constants import STALLS_DIR
from vigie.recording.ledger.interval import Interval

FOLDER: Final = STALLS_DIR.name
SUFFIX: Final = ".stalls"
_LOG: Final = logging.getLogger(__name__)

# "frames": the frames of the file show it. "clock": the file's time stood still with the stream, so that what follows
# lies later than the file says by the length of the stall.
Kind = Literal["frames", "clock"]


@dataclass(frozen=True, slots=True)
class Stall:
    """No footage came in `interval`, and the segment went on after it."""

    interval: Interval
    kind: Kind


class StallLog:
    """The stalls of all cameras under a recordings root."""

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER

    def add(self, camera: str, stall: Stall) -> None:
        """Appends a stall; one write, so that a crash leaves whole lines. Raises OSError when the disk refuses."""
        day = datetime.fromtimestamp(stall.interval.start, UTC).strftime("%Y-%m-%d")
        folder = self._folder / camera
        folder.mkdir(parents=True, exist_ok=True)
        line = f"{round(stall.interval.start * 1000)} {round(stall.interval.end * 1000)} {stall.kind}\n"
        descriptor = os.open(folder / f"{day}{SUFFIX}", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def of(self, camera: str) -> list[Stall]:
        """All stalls of a camera, by start; lines that cannot be read are logged and left out."""
        found: set[Stall] = set()
        for file in sorted((self._folder / camera).glob(f"*{SUFFIX}")):
            for number, line in enumerate(file.read_text("ascii", errors="replace").splitlines(), 1):
                stall = _parse(line)
                if stall is None:
                    _LOG.warning("%s line %d: not a stall: %r", file, number, line[:80])
                else:
                    found.add(stall)
        return sorted(found, key=lambda stall: stall.interval)

    def forget_before(self, camera: str, instant: float) -> None:
        """Removes the files of days that ended before `instant`: their footage is erased."""
        day = datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d")
        for file in (self._folder / camera).glob(f"*{SUFFIX}"):
            if file.name.removesuffix(SUFFIX) < day:
                file.unlink(missing_ok=True)


def _parse(line: str) -> Stall | None:
    try:
        start, end, kind = line.split(" ")
        if kind not in ("frames", "clock"):
            return None
        return Stall(Interval(int(start) / 1000, int(end) / 1000), "clock" if kind == "clock" else "frames")
    except ValueError:
        return None
