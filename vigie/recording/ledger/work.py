"""The two threads of the ledger service: one feeds the store, one compares it with the disk. Either may hang on a dead disk
without stopping the other or the answers of the API."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie.recording.ledger.feed import Feeder
from vigie.recording.ledger.limits import TICK_SECONDS
from vigie.recording.ledger.reconcile import Report, RootError, reconcile
from vigie.recording.ledger.scan import SegmentRule
from vigie.recording.ledger.store import IntervalStore, StoreError

_LOG: Final = logging.getLogger(__name__)
_DAY_SECONDS: Final = 86_400.0
# After each directory the comparison rests for so many times what the directory took: 2 % of a core, and of the disk.
# The first pass after a start closes what was missed meanwhile, so it rests less.
_REST: Final = 49.0
_FIRST_REST: Final = 3.0
_LONGEST_REST: Final = 5.0


class _Stopped(Exception):  # noqa: N818 - no error
    """The service ends."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The last complete comparison with the disk: when it ended (Unix seconds) and what it saw."""

    finished: float
    report: Report


class FeederThread(threading.Thread):
    """Ticks the feeder about every second until `stop`; the last flush happens before it ends."""

    def __init__(self, feeder: Feeder, stop: threading.Event) -> None:
        super().__init__(name="feeder", daemon=True)
        self.feeder = feeder
        self.ticked: float = time.monotonic()
        self.store_errors = 0
        self._stop_event = stop

    def run(self) -> None:
        """The loop."""
        due = time.monotonic()
        while not self._stop_event.wait(max(0.0, due - time.monotonic())):
            due = max(due + TICK_SECONDS, time.monotonic())
            self._try(self.feeder.tick)
            self.ticked = time.monotonic()
        self._try(self.feeder.flush)

    def _try(self, action: Callable[[float], None]) -> None:
        try:
            action(time.time())
        except sqlite3.OperationalError as error:
            # A full system disk: what is pending waits, and the disk of recordings has it all.
            self.store_errors += 1
            _LOG.warning("store not written: %s", error)


class ReconcileThread(threading.Thread):
    """Compares store and disk, the first time at once, then every `every` seconds. `told` gets each report."""

    def __init__(
        self,
        root: Path,
        store: Path,
        rule: SegmentRule,
        every: float,
        history_days: float,
        stop: threading.Event,
        told: Callable[[Report], None],
    ) -> None:
        super().__init__(name="reconcile", daemon=True)
        self._root, self._store, self._rule = root, store, rule
        self._every, self._history = every, history_days * _DAY_SECONDS
        self._stop_event = stop
        self._told = told
        self._began = 0.0
        self._rest = _FIRST_REST
        self.last: Comparison | None = None
        self.errors = 0

    def run(self) -> None:
        """The loop."""
        while not self._stop_event.is_set():
            try:
                self._compare()
                self._rest = _REST
            except _Stopped:
                return
            except (OSError, RootError, StoreError, sqlite3.OperationalError) as error:
                self.errors += 1
                _LOG.warning("not compared with the disk: %s", error)
            self._stop_event.wait(self._every)

    def _compare(self) -> None:
        store, _ = IntervalStore.open(self._store)
        try:
            self._began = time.monotonic()
            report = reconcile(self._root, store, self._rule, pace=self._pace)
            store.drop_history(time.time() - self._history)
        finally:
            store.close()
        self.last = Comparison(time.time(), report)
        for difference in report.differences:
            _LOG.warning("camera %s: the disk differed: %s", difference.camera, difference)
        self._told(report)

    def _pace(self) -> None:
        spent = time.monotonic() - self._began
        if self._stop_event.wait(min(_LONGEST_REST, spent * self._rest)):
            raise _Stopped
        self._began = time.monotonic()
