"""The keeper's API: HTTPS with mutual TLS. The caller's certificate says who it is; the configuration what it may.

Times are Unix seconds. Errors are ``{"error": message}``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vigie.recording.journal import GENESIS, Journal, JournalError, Position
from vigie.recording.journal_copy import BATCH, DivergedError, read_batch
from vigie.recording.keeper.evidence import footage_of
from vigie.recording.keeper.keeper import Keeper
from vigie.recording.keeper.locks import (
    Lock,
    LockBook,
    LockConflictError,
    LockedTime,
    LockError,
    LockRefusedError,
    LockRequest,
)
from vigie.recording.keeper.store import Day, SegmentStore, midnight_of
from vigie.recording.keeper.tls import common_name

Role = Literal["read", "copy", "control"]
_BLOCK: Final = 1 << 18
_STALE_PASSES: Final = 10  # passes' intervals after which the keeper counts as standing still
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LockBody(_Body):
    """``POST /v1/locks``."""

    camera: str
    start: float = Field(alias="from")
    end: float = Field(alias="to")
    reason: str
    who: str
    until: float | None = None
    id: str = ""
    approvals: tuple[str, ...] = ()


class ReleaseBody(_Body):
    """``POST /v1/locks/{id}/release``."""

    who: str
    reason: str
    approvals: tuple[str, ...] = ()


class AcceptBody(_Body):
    """``POST /v1/clock/accept``."""

    who: str = Field(min_length=1, max_length=200)


class KeeperApi:
    """Answers for the keepers of one host. ``roles`` maps a role to the certificate names that have it."""

    def __init__(
        self,
        keepers: Mapping[str, Keeper],
        journal: Journal,
        book: LockBook,
        store: SegmentStore,
        roles: Mapping[Role, frozenset[str]],
        pass_seconds: float,
        now: Callable[[], float] = time.time,
        owed: Callable[[], Mapping[str, float] | None] = lambda: None,
    ) -> None:
        self._keepers, self._journal, self._book, self._store = keepers, journal, book, store
        self._roles, self._pass_seconds, self._now, self._owed = roles, pass_seconds, now, owed

    def application(self) -> web.Application:
        """The aiohttp application."""
        application = web.Application(middlewares=[_errors], client_max_size=1 << 16)
        router = application.router
        router.add_get("/v1/health", self._for({"read", "copy", "control"}, self._health))
        router.add_get("/v1/state", self._for({"read", "control"}, self._state))
        router.add_get("/v1/journal", self._for({"read", "copy", "control"}, self._read_journal))
        router.add_get("/v1/locks", self._for({"read", "copy", "control"}, self._list))
        router.add_post("/v1/locks", self._for({"control"}, self._add))
        router.add_get("/v1/locks/{id}", self._for({"read", "copy", "control"}, self._show))
        router.add_post("/v1/locks/{id}/release", self._for({"control"}, self._release))
        router.add_get("/v1/locks/{id}/footage", self._for({"copy", "control"}, self._footage))
        router.add_get("/v1/footage/{path:.+}", self._for({"copy", "control"}, self._send))
        router.add_get("/v1/checksum/{path:.+}", self._for({"copy", "control"}, self._checksum))
        router.add_post("/v1/clock/accept", self._for({"control"}, self._accept))
        return application

    def _for(self, roles: set[Role], handler: Handler) -> Handler:
        allowed = frozenset().union(*(self._roles.get(role, frozenset()) for role in roles))

        async def checked(request: web.Request) -> web.StreamResponse:
            certificate = request.transport.get_extra_info("peercert") if request.transport else None
            name = common_name(certificate)
            if name not in allowed:
                return _answer({"error": f"{name or 'a caller without certificate'} may not do this"}, 403)
            return await handler(request)

        return checked

    async def _health(self, _request: web.Request) -> web.StreamResponse:
        reports = [keeper.report for keeper in self._keepers.values() if keeper.report]
        now = self._now()
        fresh = reports and all(abs(now - report.at) < _STALE_PASSES * self._pass_seconds for report in reports)
        reasons = [f"{report.store}: {name}: {why}" for report in reports for name, why in report.holds.items()]
        status = "stale" if not fresh else "holding" if reasons else "fine"
        return _answer({"status": status, "now": now, "reasons": reasons[:50]}, 200 if fresh else 503)

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        """``owed_since`` is `vigie.recording.keeper.planned.owed_since`, null while it is not known."""
        active = await asyncio.to_thread(self._book.active)
        reports = {name: keeper.report.as_json() for name, keeper in self._keepers.items() if keeper.report}
        head = await asyncio.to_thread(self._journal.head)
        journal = {"sequence": head.sequence, "digest": head.digest}
        return _answer(
            {
                "now": self._now(),
                "stores": reports,
                "locks": len(active),
                "journal": journal,
                "owed_since": self._owed(),
            }
        )

    async def _read_journal(self, request: web.Request) -> web.StreamResponse:
        """``since`` and ``digest`` say how far the caller's copy goes; without a digest nothing is compared."""
        try:
            since = int(request.query.get("since", "0"))
            limit = min(BATCH, max(1, int(request.query.get("limit", str(BATCH)))))
        except ValueError:
            return _answer({"error": "since and limit are whole numbers"}, 400)
        digest = request.query.get("digest")
        if digest is None and since > 0:
            entry = await asyncio.to_thread(lambda: next(self._journal.entries(since=since - 1), None))
            digest = entry.digest if entry else GENESIS
        try:
            batch = await asyncio.to_thread(read_batch, self._journal, Position(since, digest or GENESIS), limit)
        except DivergedError as error:
            return _answer({"error": str(error)}, 409)
        head = {"sequence": batch.head.sequence, "digest": batch.head.digest}
        return _answer({"entries": [entry.as_json() for entry in batch.entries], "head": head})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        """Locks that hold; with ``all=1`` the released, too; with ``camera=ID`` of one camera."""
        find = self._book.all if request.query.get("all") == "1" else self._book.active
        locks = await asyncio.to_thread(find)
        camera = request.query.get("camera")
        return _answer({"locks": [lock.as_json() for lock in locks if camera in (None, lock.camera)]})

    async def _add(self, request: web.Request) -> web.StreamResponse:
        body = LockBody.model_validate(await request.json())
        wanted = LockRequest(
            body.camera, body.start, body.end, body.reason, body.who, body.until, body.id, body.approvals
        )
        lock = await asyncio.to_thread(self._book.add, wanted, self._now())
        return _answer(await asyncio.to_thread(self._shown, lock), 201)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        lock = await asyncio.to_thread(self._book.get, request.match_info["id"])
        return _answer(await asyncio.to_thread(self._shown, lock))

    async def _release(self, request: web.Request) -> web.StreamResponse:
        body = ReleaseBody.model_validate(await request.json())
        name = request.match_info["id"]
        lock = await asyncio.to_thread(self._book.release, name, body.who, body.reason, self._now(), body.approvals)
        return _answer(lock.as_json())

    async def _accept(self, request: web.Request) -> web.StreamResponse:
        body = AcceptBody.model_validate(await request.json())
        keeper = next(iter(self._keepers.values()))
        await asyncio.to_thread(keeper.accept_clock, body.who)
        return _answer({"accepted": self._now(), "who": body.who})

    def _shown(self, lock: Lock) -> dict[str, Any]:
        """The lock, with how much footage of its interval is here now."""
        items = list(footage_of(self._store, lock))
        footage: dict[str, float] = {"segments": len(items), "bytes": sum(item.size for item in items)}
        if items:
            footage |= {"from": items[0].start, "to": max(item.end for item in items)}
        return {**lock.as_json(), "footage": footage}

    async def _footage(self, request: web.Request) -> web.StreamResponse:
        """Every segment that a lock keeps and nobody writes any more, to be copied."""
        lock = await asyncio.to_thread(self._book.get, request.match_info["id"])
        if lock.released is not None:
            return _answer({"error": f"lock {lock.id} is released"}, 409)
        return _answer(await asyncio.to_thread(self._manifest, lock))

    def _manifest(self, lock: Lock) -> dict[str, Any]:
        now = self._now()
        settled = [item for item in footage_of(self._store, lock) if item.end + self._store.nominal <= now]
        files = [
            {"file": "/".join(item.key), "from": item.start, "to": item.end, "bytes": item.size} for item in settled
        ]
        return {"lock": lock.as_json(), "files": files}

    async def _checksum(self, request: web.Request) -> web.StreamResponse:
        """Bytes and SHA-256 of a locked segment."""
        key = tuple(request.match_info["path"].split("/"))
        if not await asyncio.to_thread(self._is_locked, key):
            return _answer({"error": "no locked footage is called so"}, 404)
        return _answer(await asyncio.to_thread(_digested, self._store, key))

    async def _send(self, request: web.Request) -> web.StreamResponse:
        """A locked segment, or the part of it that ``Range`` asks for. What is not locked is not sent."""
        key = tuple(request.match_info["path"].split("/"))
        if not await asyncio.to_thread(self._is_locked, key):
            return _answer({"error": "no locked footage is called so"}, 404)
        with self._store.tree.opened(key) as descriptor:
            size = os.fstat(descriptor).st_size
            begin = request.http_range.start or 0
            if not 0 <= begin <= size:
                raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size}"})
            response = web.StreamResponse(status=206 if begin else 200)
            response.content_length = size - begin
            if begin:
                response.headers["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
            await response.prepare(request)
            while begin < size:
                block = await asyncio.to_thread(os.pread, descriptor, min(_BLOCK, size - begin), begin)
                if not block:
                    break
                begin += len(block)
                await response.write(block)
            await response.write_eof()
            return response

    def _is_locked(self, key: tuple[str, ...]) -> bool:
        midnight = midnight_of(key) if len(key) == 5 else None
        if midnight is None or self._store.seconds_of(key[4]) is None:
            return False
        day: Day = (key[0], key[1], key[2], key[3])
        locked = LockedTime(self._book.active())
        return any(item.key == key and self._store.protected(item, locked) for item in self._store.items(day, midnight))


def _digested(store: SegmentStore, key: tuple[str, ...]) -> dict[str, Any]:
    digest, offset = hashlib.sha256(), 0
    with store.tree.opened(key) as descriptor:
        while block := os.pread(descriptor, _BLOCK, offset):
            digest.update(block)
            offset += len(block)
    return {"bytes": offset, "sha256": digest.hexdigest()}


def _answer(value: Any, status: int = 200) -> web.Response:
    return web.json_response(value, status=status)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What can go wrong, in the words of HTTP (RFC 9110)."""
    try:
        return await handler(request)
    except KeyError as error:
        return _answer({"error": f"no lock is called {error.args[0]}"}, 404)
    except LockConflictError as error:
        return _answer({"error": str(error)}, 409)
    except LockRefusedError as error:
        return _answer({"error": str(error)}, 403)
    except ValidationError as error:
        found = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False))
        return _answer({"error": "; ".join(found)}, 400)
    except (LockError, ValueError) as error:
        return _answer({"error": str(error)}, 400)
    except (JournalError, OSError) as error:
        return _answer({"error": f"the keeper cannot do this now: {error}"}, 503)
