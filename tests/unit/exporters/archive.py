"""A recorder's books on loopback: the real APIs of ledger and keeper over mutual TLS, with footage that can be made."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from exporters.retention.collector import build
from exporters.retention.configuration import RetentionConfiguration
from exporters.web import Exporter
from tests.unit.exporters.serving import scrape
from tests.unit.recording.keeper.serving import configuration
from vigie.pki import CityCA
from vigie.recording.keeper.api import KeeperApi, Role
from vigie.recording.keeper.configuration import load_configuration
from vigie.recording.keeper.service import KeeperService
from vigie.recording.keeper.tls import server_context
from vigie.recording.ledger.api import LedgerApi
from vigie.recording.ledger.store import IntervalStore

DAY = 86_400.0
FLOOR, CEILING = 4 * DAY, 5 * DAY


@dataclass
class Books:
    """The books of one host in `folder`. `health` is what the ledger says of itself."""

    folder: Path
    authority: CityCA
    service: KeeperService
    store: IntervalStore
    ports: dict[str, int] = field(default_factory=dict)
    health: dict[str, Any] = field(default_factory=dict)
    well: bool = True

    @classmethod
    def open(cls, folder: Path, planned_for: float = 10 * DAY) -> Books:
        """Camera cam-1, planned `planned_for` seconds ago; the ledger has just compared."""
        authority = CityCA.open(folder / "ca", "test")
        (folder / "recordings").mkdir()
        file = configuration(folder, authority, time_servers=False, evidence_bytes=1000)
        service = KeeperService(load_configuration(file))
        since = time.time() - planned_for
        rule = {"floor_seconds": FLOOR, "ceiling_seconds": CEILING}
        service.journal.append("planned_day", {"camera": "cam-1", "from": since, "to": None, **rule}, since)
        service.owed = service._note_planned()
        store, _ = IntervalStore.open(folder / "intervals.db")
        books = cls(folder, authority, service, store)
        books.compared()
        return books

    def compared(self) -> None:
        """The ledger compared its store with the disk just now."""
        now = time.time()
        compared = {"finished": now, "seconds": 1.0}
        self.health = {"status": "ok", "fed": now, "compared": compared, "damaged_store_set_aside": None}

    def record(self, begin: float, end: float, camera: str = "cam-1") -> None:
        """Footage from `begin` to `end` seconds before now, in the ledger."""
        self.store.extend(camera, time.time() - begin, time.time() - end)

    def erase(self, begin: float, end: float, camera: str = "cam-1") -> None:
        """The ledger saw that it is gone."""
        self.store.replace(camera, time.time() - begin, time.time() - end, ())

    def pass_all(self) -> None:
        """One pass of each keeper."""
        for keeper in self.service.keepers.values():
            keeper.run()

    def exporter(self, **changes: Any) -> Exporter:
        """The exporter of this host, with a certificate of its own whose name the keeper admits."""
        certificate, key = self.authority.issue("noc-1", [])
        for name, pem in (("exporter", certificate), ("exporter-key", key)):
            (self.folder / f"{name}.pem").write_bytes(pem)
        camera = {"id": "cam-1", "site": "medina", "floor_seconds": FLOOR, "ceiling_seconds": CEILING}
        content = {
            "ledger_url": f"https://127.0.0.1:{self.ports.get('ledger', 1)}",
            "keeper_url": f"https://127.0.0.1:{self.ports.get('keeper', 1)}",
            "tls": {
                "certificate": f"{self.folder}/exporter.pem",
                "key": f"{self.folder}/exporter-key.pem",
                "authority": f"{self.folder}/ca.pem",
            },
            "segment_seconds": 600,
            "evidence_bytes": 1000,
            "cameras": [camera],
            **changes,
        }
        return build(RetentionConfiguration.model_validate(content))

    @asynccontextmanager
    async def serving(self, *only: str) -> AsyncIterator[None]:
        """Both services, or `only` those named, on free ports."""
        service = self.service
        roles: dict[Role, frozenset[str]] = {"read": frozenset({"noc-1"})}
        keeper = KeeperApi(
            service.keepers, service.journal, service.book, service.store, roles, 0.2, owed=lambda: service.owed
        )
        ledger = LedgerApi(self.folder / "intervals.db", lambda: (self.health, self.well))
        applications = {"keeper": keeper.application(), "ledger": ledger.application()}
        context = server_context(self.folder / "cert.pem", self.folder / "key.pem", self.folder / "ca.pem")
        runners = [await self._start(n, a, context) for n, a in applications.items() if not only or n in only]
        try:
            yield
        finally:
            for runner in runners:
                await runner.cleanup()

    async def _start(self, name: str, application: web.Application, context: ssl.SSLContext) -> web.AppRunner:
        runner = web.AppRunner(application, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        self.ports[name] = runner.addresses[0][1]
        return runner

    def page(self, *only: str, **changes: Any) -> str:
        """The exporter's /metrics after one sample."""

        async def sampled() -> str:
            async with self.serving(*only):
                return await scrape("retention", self.exporter(**changes))

        return asyncio.run(sampled())
