"""Measures how the promises of the archive are kept."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping
from typing import Final, TypeVar

from prometheus_client.core import Metric as Family

from exporters.retention import keeping
from exporters.retention.accounts import Accounts, take_accounts
from exporters.retention.books import BookError, Books, KeeperState, LedgerHealth
from exporters.retention.configuration import PromisedCamera, RetentionConfiguration
from exporters.web import Exporter, Families
from vigie.metrics import families as m
from vigie.recording.compliance import Compliance, Promise, assess

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)
STAGES: Final = ("certificate", "ledger", "keeper")


class RetentionCollector:
    """Coverage, floor and ceiling of each camera, and the state of ledger, keeper and evidence of the host.

    vigie_retention_coverage_ratio{camera="cam-0001",site="medina",window="retention"} 0.9993
    vigie_retention_floor_compliant{camera="cam-0001",site="medina"} 1
    vigie_keeper_overdue_items{store="recordings"} 0
    vigie_evidence_bytes 2.1e+09
    """

    def __init__(self, configuration: RetentionConfiguration) -> None:
        self._configuration = configuration
        self._books = Books(configuration.ledger_url, configuration.keeper_url, configuration.tls)
        self._promises = {camera.id: _promise(camera, configuration) for camera in configuration.cameras}
        # From when on footage is owed changes with the plan only: a keeper that is away for a moment greys no coverage.
        self._owed: Mapping[str, float] | None = None
        self._accounts: Accounts | None = None
        self.errors: Counter[str] = Counter()

    async def measure(self) -> Iterable[Family]:
        """One sample. A service that does not answer counts as an error, and what it would tell has no samples."""
        found = Families()
        found.add(m.EVIDENCE_ROOM, self._configuration.evidence_bytes)
        try:
            async with self._books as books:
                keeper = await self._ask("keeper", books.keeper())
                health = await self._ask("ledger", books.ledger_health())
                self._owed = self._owed if keeper is None or keeper.owed_since is None else keeper.owed_since
                accounts = await self._take_accounts(books, health)
        except BookError as error:
            self.errors["certificate"] += 1
            _LOG.warning("%s", error)
            return list(found)
        _add_ledger(found, health)
        keeping.add(found, keeper)
        fresh = keeper if keeper is not None and keeping.is_fresh(keeper, time.time()) else None
        for camera in self._configuration.cameras:
            self._judge(found, camera, accounts, health, fresh)
        return list(found)

    async def _ask(self, stage: str, question: Awaitable[T]) -> T | None:
        try:
            return await question
        except BookError as error:
            self.errors[stage] += 1
            _LOG.warning("%s", error)
            return None

    async def _take_accounts(self, books: Books, health: LedgerHealth | None) -> Accounts | None:
        """What the ledger says of all cameras, asked anew when it is old; nothing of a ledger that is late or not whole."""
        if health is None or not health.well or not health.whole or self._owed is None:
            self._accounts = None
            return None
        now = time.time()
        age = None if self._accounts is None else now - self._accounts.now
        if age is None or not 0 <= age < self._configuration.summary_interval_seconds:
            question = take_accounts(books.summary, self._configuration.cameras, self._owed, now)
            self._accounts = await self._ask("ledger", question)
        return self._accounts

    def _judge(
        self,
        found: Families,
        camera: PromisedCamera,
        accounts: Accounts | None,
        health: LedgerHealth | None,
        keeper: KeeperState | None,
    ) -> None:
        account = accounts.cameras.get(camera.id) if accounts else None
        compared = health.comparison_began if health else None
        kept = keeper.kept(camera.id) if keeper else None
        _add(found, camera, assess(self._promises[camera.id], account, compared, kept))


def _promise(camera: PromisedCamera, configuration: RetentionConfiguration) -> Promise:
    return Promise(camera.floor_seconds, camera.ceiling_seconds, configuration.segment_seconds)


def _add_ledger(found: Families, health: LedgerHealth | None) -> None:
    found.add(m.LEDGER_UP, health is not None)
    found.add(m.LEDGER_FED, health.fed if health else None)
    found.add(m.LEDGER_COMPARED, health.compared if health else None)


def _add(found: Families, camera: PromisedCamera, judged: Compliance) -> None:
    labels = {"camera": camera.id, "site": camera.site}
    for window, coverage in (("retention", judged.retention), ("hour", judged.hour)):
        found.add(m.RETENTION_COVERAGE, coverage.ratio if coverage else None, **labels, window=window)
    found.add(m.RETENTION_GAPS, judged.retention.gaps if judged.retention else None, **labels)
    found.add(m.RETENTION_GAP_SECONDS, judged.retention.gap_seconds if judged.retention else None, **labels)
    found.add(m.RETENTION_KEPT, judged.kept_seconds, **labels)
    found.add(m.RETENTION_GOAL, judged.goal_seconds, **labels)
    found.add(m.RETENTION_FLOOR, judged.floor_kept, **labels)
    found.add(m.RETENTION_CEILING, judged.ceiling_kept, **labels)


def build(configuration: RetentionConfiguration) -> Exporter:
    """The retention exporter."""
    collector = RetentionCollector(configuration)
    return Exporter(configuration.sample_interval_seconds, collector.measure, collector.errors, STAGES)
