"""What a pass of the keeper costs, by the number of segments kept: it must not grow with them.

``python -m tests.bench.keeper_pass [FOLDER]`` writes archives of 10,000, 100,000 and 1,000,000 files below FOLDER, prints a
table beside a plain walk over the names, and removes them. Files are sparse: names and sizes count, content does not.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vigie.recording.journal import Journal
from vigie.recording.keeper.clock import Anchor, HostClock, Reading, host_continuity
from vigie.recording.keeper.keeper import Keeper, Policy
from vigie.recording.keeper.locks import LockBook, LockRequest
from vigie.recording.keeper.quarantine import SMALL
from vigie.recording.keeper.rules import Keeping
from vigie.recording.keeper.store import DAY, SegmentStore

SIZES: Final = (10_000, 100_000, 1_000_000)
CAMERAS: Final = 100
SEGMENT: Final = 600.0
IDLE_PASSES: Final = 5


@dataclass(frozen=True, slots=True)
class Measurement:
    """Seconds of: a walk over all names; the first pass, which looks for broken files everywhere; a pass with nothing to
    do; a pass that erases one segment of each camera."""

    segments: int
    walk: float
    first: float
    idle: float
    erasing: float
    erased: int


class Confirming:
    """Two time servers, so that the measured clock is trusted."""

    def read(self, now: float) -> Reading:
        return Reading("servers", "confirms", f"agree on {now}", weight=2)


def build(root: Path, segments: int, now: float) -> None:
    """An archive without a gap of ``CAMERAS`` cameras that ends at ``now``."""
    each = segments // CAMERAS
    for number in range(CAMERAS):
        folder = Path()
        for back in range(each, 0, -1):
            start = datetime.fromtimestamp(now - back * SEGMENT, UTC)
            day = root / f"cam-{number:04}" / start.strftime("%Y/%m/%d")
            if day != folder:
                folder = day
                folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / start.strftime("%H-%M-%S-%f.mp4"), os.O_WRONLY | os.O_CREAT, 0o600)
            os.ftruncate(descriptor, SMALL)
            os.close(descriptor)


def measure(folder: Path, segments: int) -> Measurement:
    """One archive, made below ``folder`` and removed."""
    now = datetime(2027, 3, 1, tzinfo=UTC).timestamp()
    shown = [now]
    root, ledger = folder / "recordings", folder / "ledger"
    root.mkdir()
    ledger.mkdir()
    try:
        build(root, segments, now)
        keeping = Keeping(floor=DAY, ceiling=segments / CAMERAS * SEGMENT)  # the archive reaches back to the ceiling
        journal = Journal(ledger)
        book = LockBook(journal)
        book.add(LockRequest("cam-0001", now - 1800, now - 600, "bench", "bench"), now)
        continuity = host_continuity(None)
        continuity.anchor = Anchor(now, continuity.since_boot(), continuity.boot)
        clock = HostClock(continuity, [Confirming()], lambda: shown[0])
        policy = Policy({f"cam-{number:04}": keeping for number in range(CAMERAS)}, keeping)
        keeper = Keeper(
            SegmentStore(root, SEGMENT), policy, journal, book, clock, ledger / "keeper.json", lambda _: None
        )
        walk = _seconds(lambda: sum(len(names) for _, _, names in os.walk(root)))
        first = _seconds(keeper.run)
        idle = statistics.median(_seconds(keeper.run) for _ in range(IDLE_PASSES))
        shown[0] += SEGMENT
        clock.accept()
        erasing = _seconds(keeper.run)
        assert keeper.report is not None
        assert keeper.report.holds == {}
        return Measurement(segments, walk, first, idle, erasing, keeper.report.counters.erased)
    finally:
        shutil.rmtree(root)
        shutil.rmtree(ledger)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def table(found: list[Measurement]) -> str:
    """One line for each archive, in milliseconds."""
    lines = [f"{'segments':>9} {'walk ms':>9} {'first ms':>9} {'idle ms':>9} {'erasing ms':>11} {'erased':>7}"]
    for one in found:
        times = f"{one.walk * 1e3:>9.0f} {one.first * 1e3:>9.0f} {one.idle * 1e3:>9.1f} {one.erasing * 1e3:>11.1f}"
        lines.append(f"{one.segments:>9} {times} {one.erased:>7}")
    return "\n".join(lines)


def main(folder: str | None = None) -> list[Measurement]:
    """Measurements of every size, smallest first."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        return [measure(Path(scratch), size) for size in SIZES]


if __name__ == "__main__":
    print(table(main(*sys.argv[1:2])))
