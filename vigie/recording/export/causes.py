"""Asks the journals of recorders why footage is missing, as a program: ``python -m vigie.recording.export.causes`` reads

    {"certificate", "key", "authority", "camera", "urls": [keeper, …]}

on standard input and writes ``[[from, to, words], …]``. A journal that does not answer says nothing.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vigie.recording.export.declaration import Cause, causes_in
from vigie.recording.keeper.client import ask
from vigie.recording.keeper.question import Request
from vigie.recording.keeper.tls import client_context


async def causes(urls: list[str], camera: str, context: ssl.SSLContext) -> list[Cause]:
    """What the journals of the keepers at ``urls`` say of ``camera``."""
    found = await asyncio.gather(*(_read(url, camera, context) for url in urls))
    return [cause for journal in found for cause in journal]


async def _read(url: str, camera: str, context: ssl.SSLContext) -> list[Cause]:
    found: list[Cause] = []
    since = 0
    while True:
        (answer,) = await ask([Request("", "GET", f"{url}/v1/journal?since={since}")], context)
        entries = answer.value.get("entries") if answer.status == 200 else None
        if not entries:
            return found
        found += causes_in(entries, camera)
        since = entries[-1]["sequence"]


async def _run(value: Mapping[str, Any]) -> list[Cause]:
    context = client_context(Path(value["certificate"]), Path(value["key"]), Path(value["authority"]))
    return await causes(value["urls"], value["camera"], context)


def main() -> int:
    """Standard input to standard output."""
    found = asyncio.run(_run(json.load(sys.stdin)))
    json.dump([[cause.interval.start, cause.interval.end, cause.words] for cause in found], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
