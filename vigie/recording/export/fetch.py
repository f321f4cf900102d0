"""Fetches locked footage from keepers, as a program: ``python -m vigie.recording.export.fetch`` reads what to fetch as JSON
on standard input and tells of each file by a line of JSON on standard output; the command line runs it inside the hosts'
network. Secrets are given as paths.

    {"certificate", "key", "authority", "folder", "files": [{"recorder", "url", "file"}, …]}
    {"recorder", "file", "bytes", "sha256"}   or   {"recorder", "file", "error"}

Where ``folder`` has an unfinished file, its transfer goes on.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from vigie.recording.export.places import path_of
from vigie.recording.keeper.client import KeeperSource
from vigie.recording.keeper.evidence_copy import CopyReport, FootageSource, copy_file
from vigie.recording.keeper.tls import client_context

_TRIES: Final = 3


async def fetch(
    folder: Path, files: Sequence[Mapping[str, str]], sources: Mapping[str, FootageSource]
) -> AsyncIterator[dict[str, Any]]:
    """Fetch ``files`` one after the other, each from ``sources[its url]``; says of each how it went."""
    for wanted in files:
        told = {"recorder": wanted["recorder"], "file": wanted["file"]}
        try:
            described = await _fetch(folder, wanted, sources[wanted["url"]])
        except (OSError, ValueError, KeyError) as error:
            yield told | {"error": str(error)}
        else:
            yield told | {"bytes": described["bytes"], "sha256": described["sha256"]}


async def _fetch(folder: Path, wanted: Mapping[str, str], source: FootageSource) -> Mapping[str, Any]:
    path = path_of(folder, wanted["recorder"], wanted["file"])
    report = CopyReport()
    for _ in range(_TRIES):
        # Asked again at each try: a recorder may still have closed the file in between.
        described = {"file": wanted["file"], **await source.checksum(wanted["file"])}
        if await copy_file(source, described, path, report):
            return described
    raise OSError("; ".join([*report.failed, *(f"{file}: its checksum is wrong" for file in report.wrong)]))


async def _run(value: Mapping[str, Any]) -> None:
    context = client_context(Path(value["certificate"]), Path(value["key"]), Path(value["authority"]))
    sources = {file["url"]: KeeperSource(file["url"], context) for file in value["files"]}
    async for told in fetch(Path(value["folder"]), value["files"], sources):
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def main() -> int:
    """Exit 0, whatever became of single files; 2 when it cannot begin."""
    os.umask(0o077)  # evidence
    try:
        asyncio.run(_run(json.load(sys.stdin)))
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"footage cannot be fetched: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
