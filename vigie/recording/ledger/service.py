"""The ledger service of a recorder: feeder, comparison with the disk, and the read API."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from vigie.recording.ledger.api import LedgerApi
from vigie.recording.ledger.configuration import LedgerConfiguration
from vigie.recording.ledger.feed import Feeder
from vigie.recording.ledger.interval import seconds
from vigie.recording.ledger.reconcile import Report
from vigie.recording.ledger.scan import SegmentRule
from vigie.recording.ledger.store import IntervalStore
from vigie.recording.ledger.work import Comparison, FeederThread, ReconcileThread
from vigie.web.configuration import parse_listen_address
from vigie.web.server import WebServer

_LOG: Final = logging.getLogger(__name__)
_LATE_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0


class LedgerService:
    """Everything of one recorder. `told` gets the report of each comparison: whoever keeps the journal passes it.

    Raises StoreError when the store cannot be used.
    """

    def __init__(
        self, configuration: LedgerConfiguration, told: Callable[[Report], None] = lambda _report: None
    ) -> None:
        self._configuration = configuration
        rule = SegmentRule(configuration.segment_seconds, configuration.keyframe_interval_seconds)
        self._store, aside = IntervalStore.open(configuration.store)
        self._set_aside = aside.name if aside else None
        self._stop = threading.Event()
        self._feeder = FeederThread(Feeder(configuration.recordings, self._store, rule), self._stop)
        self._reconcile = ReconcileThread(
            configuration.recordings,
            configuration.store,
            rule,
            configuration.reconcile_seconds,
            configuration.history_days,
            self._stop,
            told,
        )
        api = LedgerApi(configuration.store, self.health)
        self._server = WebServer(api.application(), "ledger", configuration.web_config_file, mutual=True)

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT; what is known then is in the store. Raises ConfigurationError and OSError."""
        port = await self._server.start(*parse_listen_address(self._configuration.listen))
        self._feeder.start()
        self._reconcile.start()
        _LOG.info("ledger of %s listens on port %d", self._configuration.recordings, port)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        notify("READY=1")
        watching = [asyncio.ensure_future(task()) for task in (self._server.watch, self._watchdog)]
        await stop.wait()
        notify("STOPPING=1")
        for task in watching:
            task.cancel()
        self._stop.set()
        await self._server.stop()
        await asyncio.to_thread(self._feeder.join, _STOP_SECONDS)
        await asyncio.to_thread(self._reconcile.join, _STOP_SECONDS)
        self._store.close()

    def health(self) -> tuple[dict[str, Any], bool]:
        """The answer of /v1/health, and whether the feeder keeps up."""
        feeder, fed = self._feeder, self._feeder.feeder
        well = time.monotonic() - feeder.ticked < _LATE_SECONDS
        answer = {
            "status": "ok" if well else "late",
            "fed": fed.flushed,
            "cameras": fed.cameras,
            "opened": fed.opened,
            "stalls": fed.stalls,
            "disk_errors": fed.errors,
            "store_errors": feeder.store_errors,
            "damaged_store_set_aside": self._set_aside,
            "comparison_errors": self._reconcile.errors,
            "compared": _told(self._reconcile.last),
        }
        return answer, well

    async def _watchdog(self) -> None:
        """Tells systemd that the service lives, as long as the feeder does."""
        interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
        while interval:
            if self.health()[1]:
                notify("WATCHDOG=1")
            await asyncio.sleep(interval)


def notify(state: str) -> None:
    """Tells systemd (sd_notify(3)); without one that listens, nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.setblocking(False)  # a systemd that does not read must not stop the ledger
        channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


def _told(comparison: Comparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    report = comparison.report
    return {
        "finished": comparison.finished,
        "seconds": report.seconds,
        "cameras": report.cameras,
        "segments": report.segments,
        "opened": report.opened,
        "differing_cameras": len(report.differences),
        "lost_seconds": sum(seconds(difference.lost) for difference in report.differences),
        "found_seconds": sum(seconds(difference.found) for difference in report.differences),
        "anomalies": report.anomaly_counts(),
        "unreadable_cameras": sorted(report.failed),
    }
