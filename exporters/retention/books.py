"""What the ledger and the keeper of the host say, over mutual TLS, in the terms of `vigie.recording.compliance`."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import aiohttp

from exporters.retention.configuration import TlsFiles
from vigie.recording.compliance import Kept, Told
from vigie.recording.keeper.tls import client_context
from vigie.recording.ledger.interval import Interval

T = TypeVar("T")

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=3)
RECORDINGS: Final = "recordings"


class BookError(Exception):
    """A service of the host did not answer, or not as it should; the message names it."""


@dataclass(frozen=True, slots=True)
class LedgerHealth:
    """Instants are Unix seconds. `fed` is when footage last reached the store, `compared` and `comparison_began` the end and
    begin of the last comparison with the disk. `whole` is false for a store begun anew and not yet filled from the disk."""

    fed: float | None
    compared: float | None
    comparison_began: float | None
    well: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class KeeperState:
    """The reports of all stores as the keeper gives them, since when footage of each camera is owed (None while the keeper
    does not know), the number of the journal's last entry, and what holds for each camera."""

    stores: Mapping[str, Mapping[str, Any]]
    owed_since: Mapping[str, float] | None
    journal: int
    locks: int
    locked: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)

    def kept(self, camera: str) -> Kept | None:
        """None before the first pass over the recordings."""
        report = self.stores.get(RECORDINGS)
        if report is None:
            return None
        overdue = report["overdue"].get(camera)
        return Kept(float(overdue["seconds"]) if overdue else 0.0, self.locked.get(camera, ()))


class Books:
    """Asks both services. Use inside a running event loop; each `with` reads the certificate anew, for it is renewed."""

    def __init__(self, ledger: str, keeper: str, tls: TlsFiles) -> None:
        self._ledger, self._keeper, self._tls = ledger, keeper, tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Books:
        """Raises BookError when the certificate cannot be used."""
        try:
            context = client_context(self._tls.certificate, self._tls.key, self._tls.authority)
        except (OSError, ssl.SSLError) as error:
            raise BookError(f"certificate {self._tls.certificate}: {error}") from None
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=_TIMEOUT)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ledger_health(self) -> LedgerHealth:
        """Raises BookError."""
        return _read(self._ledger, read_ledger_health, await self._get(self._ledger, "/v1/health", also=503))

    async def summary(self, over: Interval) -> Mapping[str, Told]:
        """All cameras that the ledger knows. Raises BookError."""
        window = {"from": repr(over.start), "to": repr(over.end)}
        return _read(self._ledger, _summary, await self._get(self._ledger, "/v1/summary", window))

    async def keeper(self) -> KeeperState:
        """Raises BookError."""
        state = await self._get(self._keeper, "/v1/state")
        locks = await self._get(self._keeper, "/v1/locks") if state.get("locks") else {"locks": []}
        return _read(self._keeper, _keeper_state, {**state, "held": locks.get("locks")})

    async def _get(
        self, base: str, path: str, query: Mapping[str, str] | None = None, also: int = 200
    ) -> dict[str, Any]:
        assert self._session is not None, "used outside of its `with`"
        try:
            async with self._session.get(base + path, params=query) as answer:
                value = await answer.json()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise BookError(f"{base}{path}: {error or 'no answer in time'}") from None
        if answer.status not in (200, also) or not isinstance(value, dict):
            raise BookError(f"{base}{path}: {answer.status}: {value}")
        return value


def _read(source: str, reader: Callable[[dict[str, Any]], T], value: dict[str, Any]) -> T:
    try:
        return reader(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BookError(f"{source}: an answer of another shape: {error!r}") from None


def read_ledger_health(value: dict[str, Any]) -> LedgerHealth:
    """The answer of /v1/health. Raises KeyError and TypeError for one of another shape."""
    compared = value["compared"]
    return LedgerHealth(
        fed=value["fed"],
        compared=compared["finished"] if compared else None,
        comparison_began=compared["finished"] - compared["seconds"] if compared else None,
        well=value["status"] == "ok",
        whole=bool(compared) or value["damaged_store_set_aside"] is None,
    )


def _summary(value: dict[str, Any]) -> dict[str, Told]:
    return {
        camera: Told(entry["recorded_seconds"], entry["gaps"], entry["erased_seconds"], entry["oldest"])
        for camera, entry in value["cameras"].items()
    }


def _keeper_state(value: dict[str, Any]) -> KeeperState:
    return KeeperState(
        stores=dict(value["stores"].items()),
        owed_since=value["owed_since"],
        journal=int(value["journal"]["sequence"]),
        locks=int(value["locks"]),
        locked=_locked(value["held"]),
    )


def _locked(locks: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Interval, ...]]:
    found: dict[str, tuple[Interval, ...]] = {}
    for lock in locks:
        found[lock["camera"]] = (*found.get(lock["camera"], ()), Interval(lock["from"], lock["to"]))
    return found
