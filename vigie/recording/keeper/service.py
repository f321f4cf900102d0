"""The keeper as a service of a recorder host: passes, API, and copies from other hosts."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from vigie.recording.journal import Journal, JournalError
from vigie.recording.journal_copy import DivergedError, HttpSource, JournalCopy, replicate
from vigie.recording.keeper import memory as memories
from vigie.recording.keeper.api import KeeperApi, Role
from vigie.recording.keeper.client import KeeperSource
from vigie.recording.keeper.clock import Chrony, HostClock, NewestInstant, TimeSource, host_continuity
from vigie.recording.keeper.configuration import CopySettings, KeeperConfiguration, PeerSettings
from vigie.recording.keeper.evidence import Room
from vigie.recording.keeper.evidence_copy import copy_locks, drop_released
from vigie.recording.keeper.keeper import Keeper, Policy
from vigie.recording.keeper.locks import APPROVALS, LockBook
from vigie.recording.keeper.planned import note_planned, owed_since
from vigie.recording.keeper.quarantine import FOLDER
from vigie.recording.keeper.rules import Keeping
from vigie.recording.keeper.store import DatedStore, FileStore, SegmentStore
from vigie.recording.keeper.tls import client_context, server_context
from vigie.recording.layout import newest_segments, parse_path

_LOG: Final = logging.getLogger(__name__)
RECORDINGS_STORE: Final = "recordings"
QUARANTINE_STORE: Final = "quarantine"


class KeeperService:
    """All keepers of one host, made from its configuration."""

    def __init__(self, configuration: KeeperConfiguration) -> None:
        self._configuration = configuration
        configuration.ledger.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(configuration.ledger)
        self.book = LockBook(self.journal, APPROVALS[configuration.approval])
        self.store = SegmentStore(configuration.recordings, configuration.segment_seconds)
        self.clock = self._make_clock()
        self.keepers = self._make_keepers()
        self.owed: dict[str, float] | None = None  # known once the planned cameras are in the journal

    def _make_clock(self) -> HostClock:
        anchor = memories.load(self._memory_file(RECORDINGS_STORE)).anchor
        sources: list[TimeSource] = [Chrony()] if self._configuration.time_servers else []
        sources.append(NewestInstant("the newest footage", self._newest_footage))
        return HostClock(host_continuity(anchor), sources)

    def _make_keepers(self) -> dict[str, Keeper]:
        settings = self._configuration
        stranger = settings.stranger()
        found = [self._keeper(self.store, self._policy(settings.keeping(), stranger, settings.room()))]
        quarantine = FileStore(QUARANTINE_STORE, settings.recordings / FOLDER)
        found.append(self._keeper(quarantine, self._policy({}, stranger, Room(), aside=False)))
        for store in settings.stores:
            rule = Keeping(store.floor_seconds, store.ceiling_seconds)
            policy = self._policy({}, rule, Room(store.headroom_bytes), aside=False)
            found.append(self._keeper(FileStore(store.name, store.root), policy))
        return dict(found)

    def _policy(self, keeping: dict[str, Keeping], stranger: Keeping, room: Room, *, aside: bool = True) -> Policy:
        settings = self._configuration
        return Policy(
            keeping,
            stranger,
            room,
            settings.pressure_policy() if aside else None,
            settings.erasures_per_second,
            settings.erasures_per_pass,
            quarantine=aside,
            optional=not aside,
        )

    def _keeper(self, store: DatedStore, policy: Policy) -> tuple[str, Keeper]:
        file = self._memory_file(store.name)
        return store.name, Keeper(store, policy, self.journal, self.book, self.clock, file)

    def _memory_file(self, store: str) -> Path:
        return self._configuration.ledger / f"keeper-{store}.json"

    def _newest_footage(self) -> float | None:
        """The begin of the newest segment among the first cameras that have any: all record by one clock."""
        root, newest = self._configuration.recordings, []
        for camera in [camera.id for camera in self._configuration.cameras][:16]:
            path = next(newest_segments(root, camera), None)
            if path is not None:
                newest.append(parse_path(path, root).start.timestamp())
        return max(newest, default=None)

    async def run(self, *, ready: Callable[[int], None] | None = None) -> None:
        """Serves and keeps until SIGTERM or SIGINT. Raises ``OSError`` when the address cannot be had."""
        settings = self._configuration
        tls = settings.tls
        context = server_context(tls.certificate, tls.key, tls.authority)
        roles: dict[Role, frozenset[str]] = {
            "control": frozenset(settings.roles.control),
            "read": frozenset(settings.roles.read),
            "copy": frozenset(settings.roles.copy_),
        }
        # A store of its own: the keeper's remembers what its pass met, and runs in another thread.
        store = SegmentStore(settings.recordings, settings.segment_seconds)
        api = KeeperApi(
            self.keepers, self.journal, self.book, store, roles, settings.pass_seconds, owed=lambda: self.owed
        )
        runner = web.AppRunner(api.application(), access_log=None, shutdown_timeout=2)
        await runner.setup()
        site = web.TCPSite(runner, settings.address, settings.port, ssl_context=context)
        await site.start()
        if ready:
            ready(runner.addresses[0][1])
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        tasks = [asyncio.ensure_future(self._keep()), asyncio.ensure_future(self._renew(context))]
        if settings.copies:
            tasks.append(asyncio.ensure_future(self._copy(settings.copies)))
        waiting = asyncio.ensure_future(stop.wait())
        try:
            done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {waiting}:
                task.result()  # a task that ended was not meant to: its error ends the service, systemd restarts it
        finally:
            for task in (waiting, *tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()

    async def _keep(self) -> None:
        while True:
            try:
                if self.owed is None:
                    self.owed = await asyncio.to_thread(self._note_planned)
            except (OSError, JournalError) as error:
                _LOG.error("planned cameras not written into the journal: %s", error)
            for keeper in self.keepers.values():
                report = await asyncio.to_thread(keeper.run)
                for name, reason in report.holds.items():
                    _LOG.warning("store %s: %s is held: %s", report.store, name, reason)
            await asyncio.sleep(self._configuration.pass_seconds)

    def _note_planned(self) -> dict[str, float]:
        note_planned(self.journal, self._configuration.keeping(), self.clock.now())
        return owed_since(self.journal.entries({"planned_day"}))

    async def _renew(self, context: ssl.SSLContext) -> None:
        """Shows a renewed certificate to new callers."""
        tls = self._configuration.tls
        seen = _stamp(tls.certificate)
        while True:
            await asyncio.sleep(10)
            if (stamp := _stamp(tls.certificate)) != seen:
                try:
                    context.load_cert_chain(tls.certificate, tls.key)
                    seen = stamp
                except (OSError, ssl.SSLError) as error:
                    _LOG.error("certificate not renewed: %s", error)

    async def _copy(self, settings: CopySettings) -> None:
        while True:
            for peer in settings.peers:
                await self._copy_from(settings, peer)
            await asyncio.sleep(settings.every_seconds)

    async def _copy_from(self, settings: CopySettings, peer: PeerSettings) -> None:
        tls = self._configuration.tls
        context = client_context(tls.certificate, tls.key, tls.authority)
        try:
            copy = JournalCopy(settings.folder / peer.name / "journal")
            await replicate(HttpSource(peer.url, context), copy)
            if settings.evidence:
                folder = settings.folder / peer.name / "evidence"
                source = KeeperSource(peer.url, context)
                report = await copy_locks(source, folder)
                for manifest in await drop_released(source, folder):
                    self._note_dropped(manifest)
                for words in (*report.wrong, *report.failed):
                    _LOG.error("evidence of %s: %s", peer.name, words)
        except DivergedError as error:
            _LOG.critical("the journal of %s is not the one that was copied: %s", peer.name, error)
        except (OSError, JournalError, aiohttp.ClientError, TimeoutError, ValueError) as error:
            _LOG.warning("%s cannot be copied now: %s", peer.name, error)

    def _note_dropped(self, manifest: dict[str, Any]) -> None:
        """The copy of a released lock went: a deletion like any other."""
        lock, files = manifest["lock"], manifest["files"].values()
        body = {
            "store": "evidence",
            "camera": lock["camera"],
            "lock": lock["id"],
            "from": lock["from"],
            "to": lock["to"],
            "segments": len(files),
            "bytes": sum(file["bytes"] for file in files),
            "reason": "released",
        }
        self.journal.append("deletion", body, self.clock.now())


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - follows links
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
