"""Keeps a copy of a journal on another host: a chain that was rewritten or cut short at its source cannot hide.

The copy is a journal itself, verified entry by entry as it grows, and never changed by what the source says later.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp

from vigie.recording.journal import Entry, Journal, Position

BATCH: Final = 1000  # entries in one answer
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)


class DivergedError(Exception):
    """The source is no longer the chain that was copied: it was rewritten, cut short or begun anew."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries that follow a position, oldest first, and where the source's chain ends."""

    entries: Sequence[Entry]
    head: Position


class Source(Protocol):
    """Where entries come from."""

    async def read(self, since: Position, limit: int) -> Batch:
        """At most ``limit`` entries after ``since``. Raises ``DivergedError`` when its chain does not hold ``since``."""
        ...


class Sink(Protocol):
    """Where entries go."""

    def position(self) -> Position: ...

    def take(self, entries: Sequence[Entry]) -> None:
        """Adds entries durably. Raises ``DivergedError`` for one that does not follow."""
        ...


def read_batch(journal: Journal, since: Position, limit: int) -> Batch:
    """What a host answers about its own journal. Raises ``DivergedError``, ``JournalError``."""
    found: list[Entry] = []
    begin = max(since.sequence - 1, 0)
    for entry in journal.entries(since=begin):
        found.append(entry)
        if len(found) > limit:
            break
    if since.sequence:
        if not found or found[0].position != since:
            raise DivergedError(f"entry {since.sequence} is not the one that was copied")
        found = found[1:]
    return Batch(found[:limit], journal.head())


class LocalSource:
    """The journal of this host as a source."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def read(self, since: Position, limit: int) -> Batch:
        return read_batch(self._journal, since, limit)


class HttpSource:
    """The journal of another host, asked through its keeper: ``GET /v1/journal``."""

    def __init__(self, base: str, context: ssl.SSLContext | None = None) -> None:
        self._base = base.rstrip("/")
        self._context = context

    async def read(self, since: Position, limit: int) -> Batch:
        """Raises ``DivergedError``, ``aiohttp.ClientError``, ``TimeoutError``, ``ValueError`` for a damaged answer."""
        query = {"since": str(since.sequence), "digest": since.digest, "limit": str(limit)}
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.get(f"{self._base}/v1/journal", params=query, ssl=self._context or True) as answer,
        ):
            if answer.status == 409:
                raise DivergedError((await answer.json())["error"])
            answer.raise_for_status()
            return _batch(await answer.json())


def _batch(value: dict[str, Any]) -> Batch:
    head = Position(value["head"]["sequence"], value["head"]["digest"])
    return Batch([Entry.checked(entry) for entry in value["entries"]], head)


class JournalCopy:
    """The copy in ``folder`` of the journal of one other host."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder)

    def position(self) -> Position:
        return self.journal.head()

    def take(self, entries: Sequence[Entry]) -> None:
        head = self.journal.head()
        for entry in entries:
            if (entry.sequence, entry.previous) != (head.sequence + 1, head.digest):
                raise DivergedError(f"entry {entry.sequence} does not follow entry {head.sequence} of the copy")
            head = entry.position
        self.journal.adopt(entries)


async def replicate(source: Source, sink: Sink) -> int:
    """Brings ``sink`` up to the end of ``source``; returns the number of entries copied.

    Raises ``DivergedError`` and leaves the copy as it was: it is the witness.
    """
    copied = 0
    while True:
        position = sink.position()
        batch = await source.read(position, BATCH)
        if batch.head.sequence < position.sequence:
            raise DivergedError(f"the source ends at entry {batch.head.sequence}, its copy at {position.sequence}")
        if not batch.entries:
            return copied
        sink.take(batch.entries)
        copied += len(batch.entries)
