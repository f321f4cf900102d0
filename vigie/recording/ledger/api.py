"""The read API of the ledger: JSON over HTTPS, for hosts of the city only (docs/how-to/ledger.md).

Instants in answers are Unix seconds. `from` and `to` take Unix seconds or RFC 3339; without them the last 24 hours are meant.
Mistakes answer 400 or 404 with {"error", "fix"}; an answer takes at most 10 s and holds at most 10,000 intervals.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from aiohttp import web

from vigie.recording.layout import check_camera_id
from vigie.recording.ledger.interval import Interval
from vigie.recording.ledger.store import IntervalStore, StoreError, Table

T = TypeVar("T")

INTERVALS_LIMIT: Final = 10_000
_DEADLINE_SECONDS: Final = 10.0
_DEFAULT_WINDOW: Final = 86_400.0
_LATEST: Final = 4_102_444_800.0  # the year 2100


class LedgerApi:
    """The handlers. `health` gives the answer of /v1/health and whether all is well."""

    def __init__(self, store: Path, health: Callable[[], tuple[dict[str, Any], bool]]) -> None:
        self._store = store
        self._health = health

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(middlewares=[_plain_errors])
        application.router.add_get("/v1/health", self.health)
        application.router.add_get("/v1/cameras", self.cameras)
        application.router.add_get("/v1/cameras/{camera}/intervals", self.intervals)
        application.router.add_get("/v1/summary", self.summary)
        return application

    async def health(self, _request: web.Request) -> web.Response:
        """200, or 503 when the feeder is late: {"status": "ok"|"late", "fed", "cameras", …, "compared": {…} or null}."""
        answer, well = self._health()
        return web.json_response(answer, status=200 if well else 503)

    async def cameras(self, _request: web.Request) -> web.Response:
        """{"cameras": ["cam-1", …]}: all that have or had footage here, sorted."""
        return web.json_response({"cameras": await self._read(lambda store: store.cameras())})

    async def intervals(self, request: web.Request) -> web.Response:
        """{"camera", "from", "to", "state", "intervals": [[start, end], …], "next": instant or null}.

        `state=kept` (the default) is what is on the disk, `state=erased` what was. When `next` is not null the answer was
        bounded: ask again with `from` set to it.
        """
        camera, window, table = _camera(request), _window(request), _state(request)

        def read(store: IntervalStore) -> tuple[bool, list[Interval]]:
            return camera in store.cameras(), list(store.intervals(camera, window.start, window.end, table))

        known, found = await self._read(read)
        if not known:
            raise _Mistake(404, f"no footage of camera {camera} was ever recorded here", "see /v1/cameras")
        more = found[INTERVALS_LIMIT].start if len(found) > INTERVALS_LIMIT else None
        return web.json_response(
            {
                "camera": camera,
                "from": window.start,
                "to": window.end,
                "state": table,
                "intervals": [[interval.start, interval.end] for interval in found[:INTERVALS_LIMIT]],
                "next": more,
            }
        )

    async def summary(self, request: web.Request) -> web.Response:
        """{"from", "to", "cameras": {id: {"coverage", "recorded_seconds", "oldest", "newest", "gaps", "last_gap",
        "erased_seconds"}}}.

        `coverage` is 0 to 1; `oldest` and `newest` are instants of all that is on the disk, or null; `last_gap` is
        [start, end] or null; `erased_seconds` is what of the window was on the disk and is no more.
        """
        window = _window(request)
        found = await self._read(lambda store: store.summary(window.start, window.end))
        cameras = {
            summary.camera: {
                "coverage": summary.coverage,
                "recorded_seconds": summary.recorded_seconds,
                "oldest": summary.oldest,
                "newest": summary.newest,
                "gaps": summary.gaps,
                "last_gap": [summary.last_gap.start, summary.last_gap.end] if summary.last_gap else None,
                "erased_seconds": summary.erased_seconds,
            }
            for summary in found
        }
        return web.json_response({"from": window.start, "to": window.end, "cameras": cameras})

    async def _read(self, question: Callable[[IntervalStore], T]) -> T:
        """Asks the store in a thread, over a connection of its own: a slow disk delays no other answer."""

        def ask() -> T:
            with closing(IntervalStore.read(self._store)) as store:
                return question(store)

        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                return await asyncio.to_thread(ask)
        except TimeoutError:
            raise _Mistake(504, "the store did not answer in time", "look at the system disk of this host") from None
        except (StoreError, sqlite3.DatabaseError) as error:
            raise _Mistake(503, str(error), "ask again; see the journal of this service") from None


class _Mistake(Exception):  # noqa: N818 - mostly the asker's
    def __init__(self, status: int, error: str, fix: str) -> None:
        super().__init__(error)
        self.status, self.fix = status, fix


@web.middleware
async def _plain_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except _Mistake as mistake:
        return web.json_response({"error": str(mistake), "fix": mistake.fix}, status=mistake.status)
    except web.HTTPNotFound:
        fix = "one of /v1/cameras, /v1/cameras/{id}/intervals, /v1/summary, /v1/health"
        return web.json_response({"error": f"nothing at {request.path}", "fix": fix}, status=404)


def _camera(request: web.Request) -> str:
    try:
        return check_camera_id(request.match_info["camera"])
    except ValueError as error:
        raise _Mistake(400, str(error), "give the camera's id as the plan has it") from None


def _state(request: web.Request) -> Table:
    state = request.query.get("state", "kept")
    if state not in ("kept", "erased"):
        raise _Mistake(400, f"state: {state!r} is neither kept nor erased", "state=kept or state=erased")
    return "erased" if state == "erased" else "kept"


def _window(request: web.Request) -> Interval:
    unknown = sorted(set(request.query) - {"from", "to", "state"})
    if unknown:
        raise _Mistake(400, f"{unknown[0]}: no such parameter", "from, to and state are known")
    end = _instant(request, "to", time.time())
    begin = _instant(request, "from", end - _DEFAULT_WINDOW)
    if not begin < end:
        raise _Mistake(400, f"from ({begin}) is not before to ({end})", "swap them, or leave both out")
    return Interval(begin, end)


def _instant(request: web.Request, name: str, default: float) -> float:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return parse_instant(text)
    except ValueError as error:
        raise _Mistake(400, f"{name}: {error}", "for example 1772366400 or 2026-03-01T12:00:00Z") from None


def parse_instant(text: str) -> float:
    """Unix seconds out of Unix seconds or RFC 3339 with an offset. Raises ValueError."""
    try:
        instant = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(f"{text!r} is no instant") from None
        if moment.tzinfo is None:
            raise ValueError(f"{text!r} does not say its offset from UTC") from None
        instant = moment.timestamp()
    if not 0 <= instant <= _LATEST:
        raise ValueError(f"{text!r} is not between 1970 and 2100")
    return instant
