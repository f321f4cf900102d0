"""Takes a sample every few seconds in the background, so that a scrape never waits for what is measured."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from vigie.metrics.thresholds import EXPORTER_STALE

Sample = TypeVar("Sample")

_LOG: Final = logging.getLogger(__name__)


class Sampler(Generic[Sample]):
    """Runs `measure` every `interval` seconds and keeps the last complete sample.

    One that hangs (a dead disk) is neither cancelled nor doubled: it counts as an error each `timeout` seconds and is
    taken when it ends. `errors` counts by stage and may be added to by what measures.
    """

    def __init__(self, measure: Callable[[], Awaitable[Sample]], interval: float, timeout: float) -> None:
        self._measure = measure
        self._interval = interval
        self._timeout = timeout
        self._pending: asyncio.Future[Sample] | None = None
        self._began = 0.0
        self._sample: Sample | None = None
        self.taken: float | None = None
        self.duration: float | None = None
        self.errors: Counter[str] = Counter()

    @property
    def fresh(self) -> Sample | None:
        """The last sample, or None when it is too old to be repeated."""
        if self.taken is None or time.time() - self.taken > EXPORTER_STALE.value:
            return None
        return self._sample

    async def run(self) -> None:
        """Samples for ever, at a steady pace."""
        due = time.monotonic()
        while True:
            await self.once()
            due = max(due + self._interval, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def once(self) -> None:
        """Takes one sample, or waits `timeout` for the one that is under way."""
        if self._pending is None:
            self._began = time.monotonic()
            self._pending = asyncio.ensure_future(self._measure())
        done, _ = await asyncio.wait({self._pending}, timeout=self._timeout)
        if not done:
            self.errors["timeout"] += 1
            _LOG.warning("a sample has been under way for %.0f s", time.monotonic() - self._began)
            return
        finished, self._pending = self._pending, None
        try:
            self._sample = finished.result()
        except Exception:  # whatever fails, the exporter lives on and says so
            self.errors["collect"] += 1
            _LOG.exception("sample failed")
            return
        self.taken = time.time()
        self.duration = time.monotonic() - self._began
