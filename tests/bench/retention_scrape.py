"""What a scrape of the retention metrics costs for 2,000 cameras and 30 days, and what it costs to take a sample of them.

``python -m tests.bench.retention_scrape [CAMERAS]`` prints the figures. The books are real (store of intervals, APIs of ledger
and keeper over mutual TLS, exporter and its web server), in one process on loopback; a gap a day for each camera.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from exporters.retention.books import Books as Asker
from exporters.retention.configuration import TlsFiles
from tests.unit.exporters.archive import DAY, Books
from tests.unit.exporters.serving import get, serving
from vigie.recording.ledger.interval import Interval

CAMERAS: Final = 2000
DAYS: Final = 30
BUDGET_SECONDS: Final = 0.2
_SCRAPES: Final = 9


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds, medians of several runs but for `scrape_worst`; `series` and `size` (bytes) of the page."""

    cameras: int
    rows: int
    series: int
    size: int
    scrape: float
    scrape_worst: float
    summary: float
    first_sample: float
    next_sample: float


def measure(folder: Path, cameras: int = CAMERAS) -> Figures:
    """Makes the books of ``cameras`` cameras in ``folder`` and asks."""
    books = Books.open(folder, planned_for=2 * DAYS * DAY)
    names = [f"cam-{number:05d}" for number in range(cameras)]
    rows = _fill(books, names)
    books.pass_all()
    books.service.owed = dict.fromkeys(names, time.time() - 2 * DAYS * DAY)
    promised = [
        {"id": name, "site": "s", "floor_seconds": DAYS * DAY, "ceiling_seconds": (DAYS + 1) * DAY} for name in names
    ]
    return asyncio.run(_measure(books, promised, rows))


def _fill(books: Books, names: list[str]) -> int:
    now, rows = time.time(), 0
    with books.store.transaction():
        for name in names:
            for day in range(DAYS + 1, 0, -1):
                books.store.extend(name, now - day * DAY, now - (day - 1) * DAY - (300 if day > 1 else 0))
                rows += 1
    return rows


async def _measure(books: Books, promised: list[dict[str, Any]], rows: int) -> Figures:
    async with books.serving():
        exporter = books.exporter(cameras=promised)
        async with serving("retention", exporter) as (sampler, _, port):
            samples = [await _timed(sampler.once) for _ in range(4)]
            scrapes, text = [], ""
            for _ in range(_SCRAPES):
                began = time.perf_counter()
                _, text = await get(port)
                scrapes.append(time.perf_counter() - began)
            series = sum(1 for line in text.splitlines() if line and not line.startswith("#"))
        summary = await _summary(books)
    return Figures(
        len(promised),
        rows,
        series,
        len(text),
        statistics.median(scrapes),
        max(scrapes),
        summary,
        samples[0],
        statistics.median(samples[1:]),
    )


async def _timed(action: Any) -> float:
    began = time.perf_counter()
    await action()
    return time.perf_counter() - began


async def _summary(books: Books) -> float:
    files = {"certificate": "exporter", "key": "exporter-key", "authority": "ca"}
    tls = TlsFiles.model_validate({name: f"{books.folder}/{stem}.pem" for name, stem in files.items()})
    now = time.time()
    async with Asker(f"https://127.0.0.1:{books.ports['ledger']}", "https://127.0.0.1:1", tls) as asker:
        return statistics.median(
            [await _timed(lambda: asker.summary(Interval(now - DAYS * DAY, now))) for _ in range(3)]
        )


def table(found: Figures) -> str:
    """The figures as lines of text."""
    return "\n".join(
        (
            f"{found.cameras} cameras x {DAYS} days, {found.rows} intervals: {found.series} series, {found.size / 1e6:.1f} MB",
            f"scrape            {found.scrape * 1e3:7.1f} ms median, {found.scrape_worst * 1e3:.1f} ms worst of {_SCRAPES}",
            f"ledger's summary  {found.summary * 1e3:7.1f} ms",
            f"sample, all asked {found.first_sample * 1e3:7.1f} ms",
            f"sample, between   {found.next_sample * 1e3:7.1f} ms",
        )
    )


def main() -> None:
    """Prints the table."""
    cameras = int(sys.argv[1]) if len(sys.argv) > 1 else CAMERAS
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(Path(folder), cameras)))


if __name__ == "__main__":
    main()
