"""The copy of a journal: complete, verified, and a witness against its source."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from vigie.recording.journal import Journal, JournalError
from vigie.recording.journal_copy import DivergedError, JournalCopy, LocalSource, replicate


def journal_of(folder: Path, count: int, word: str = "x") -> Journal:
    journal = Journal(folder, part_bytes=4000)
    for number in range(count):
        journal.append("hold", {"word": word, "number": number}, 1.0)
    return journal


def test_a_copy_follows_its_source_and_is_the_same(tmp_path: Path) -> None:
    source = journal_of(tmp_path / "source", 25)
    copy = JournalCopy(tmp_path / "copy")
    assert asyncio.run(replicate(LocalSource(source), copy)) == 25
    source.append("lock", {}, 2.0)
    assert asyncio.run(replicate(LocalSource(source), JournalCopy(tmp_path / "copy"))) == 1
    assert asyncio.run(replicate(LocalSource(source), copy)) == 0
    assert list(copy.journal.entries()) == list(source.entries())
    assert copy.journal.verify().entries == 26


def test_a_source_begun_anew_is_found(tmp_path: Path) -> None:
    copy = JournalCopy(tmp_path / "copy")
    asyncio.run(replicate(LocalSource(journal_of(tmp_path / "source", 6)), copy))
    with pytest.raises(DivergedError, match="entry 6"):
        asyncio.run(replicate(LocalSource(journal_of(tmp_path / "rebuilt", 9, "another")), copy))
    with pytest.raises(DivergedError):
        asyncio.run(replicate(LocalSource(journal_of(tmp_path / "short", 2)), copy))
    assert copy.journal.verify().entries == 6


def test_a_source_cut_short_is_found(tmp_path: Path) -> None:
    """A chain alone does not show that its end was taken off: its copy does."""
    source = journal_of(tmp_path / "source", 6)
    copy = JournalCopy(tmp_path / "copy")
    asyncio.run(replicate(LocalSource(source), copy))
    path = tmp_path / "source" / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))
    assert Journal(tmp_path / "source").verify().intact
    with pytest.raises(DivergedError):
        asyncio.run(replicate(LocalSource(Journal(tmp_path / "source")), copy))


def test_only_what_follows_is_taken(tmp_path: Path) -> None:
    entries = list(journal_of(tmp_path / "source", 3).entries())
    copy = JournalCopy(tmp_path / "copy")
    with pytest.raises(DivergedError):
        copy.take(entries[1:])
    copy.take(entries[:1])
    with pytest.raises(JournalError):
        copy.journal.adopt(entries[2:])
