"""Asks the keepers of other hosts. As a program (``python -m vigie.recording.keeper.client``) it reads requests as JSON
on standard input and writes the answers on standard output: the command line runs it inside the hosts' network.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import aiohttp

from vigie.recording.keeper.question import Answer, Request
from vigie.recording.keeper.tls import client_context

_TIMEOUT: Final = aiohttp.ClientTimeout(total=20, connect=4)
_TRANSFER: Final = aiohttp.ClientTimeout(total=None, connect=4, sock_read=30)
_AT_ONCE: Final = 32
_BLOCK: Final = 1 << 18


async def ask(requests: Sequence[Request], context: ssl.SSLContext | None) -> list[Answer]:
    """All answers, in order; a host that cannot be reached spoils no other."""
    slots = asyncio.Semaphore(_AT_ONCE)
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:

        async def one(request: Request) -> Answer:
            try:
                async with (
                    slots,
                    session.request(request.method, request.url, json=request.body, ssl=context or True) as answer,
                ):
                    return Answer(request.host, answer.status, await answer.json())
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                return Answer(request.host, 0, {"error": str(error) or "no answer in time"})

        return list(await asyncio.gather(*map(one, requests)))


class KeeperSource:
    """Locked footage of another host, over its keeper's API (`vigie.recording.keeper.evidence_copy.FootageSource`)."""

    def __init__(self, base: str, context: ssl.SSLContext | None) -> None:
        self._base, self._context = base.rstrip("/"), context

    async def locks(self) -> list[dict[str, Any]]:
        """Raises ``OSError`` when the host does not answer as it should."""
        found: list[dict[str, Any]] = (await self._get("/v1/locks"))["locks"]
        return found

    async def released(self) -> list[dict[str, Any]]:
        locks = (await self._get("/v1/locks?all=1"))["locks"]
        return [lock for lock in locks if lock["released"] is not None]

    async def manifest(self, lock: str) -> dict[str, Any]:
        return await self._get(f"/v1/locks/{lock}/footage")

    async def checksum(self, file: str) -> dict[str, Any]:
        return await self._get(f"/v1/checksum/{file}")

    async def content(self, file: str, offset: int) -> AsyncIterator[bytes]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            async with (
                aiohttp.ClientSession(timeout=_TRANSFER) as session,
                session.get(f"{self._base}/v1/footage/{file}", headers=headers, ssl=self._context or True) as answer,
            ):
                if answer.status not in ({206} if offset else {200}):
                    return
                async for block in answer.content.iter_chunked(_BLOCK):
                    yield block
        except (aiohttp.ClientError, TimeoutError):
            return  # the checksum tells that the end is missing; the next round goes on from here

    async def _get(self, path: str) -> dict[str, Any]:
        (answer,) = await ask([Request("", "GET", self._base + path)], self._context)
        if answer.status != 200:
            raise OSError(f"{self._base}{path}: {answer.status or 'unreachable'}: {answer.value.get('error', '')}")
        return answer.value


def main() -> int:
    """``{"certificate", "key", "authority", "requests": [...]}`` in, a list of answers out."""
    value = json.load(sys.stdin)
    context = client_context(Path(value["certificate"]), Path(value["key"]), Path(value["authority"]))
    answers = asyncio.run(ask([Request(**request) for request in value["requests"]], context))
    json.dump([asdict(answer) for answer in answers], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
