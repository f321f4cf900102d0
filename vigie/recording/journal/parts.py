"""The files of a journal: closed parts named by their first entry, then the active one.

``journal-000000000001.jsonl … journal.jsonl``. Closed parts never change; the chain runs through all of them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ACTIVE: Final = "journal.jsonl"
_CLOSED: Final = re.compile(r"journal-(\d{12})\.jsonl")
_BLOCK: Final = 1 << 16


def closed_name(first: int) -> str:
    """The name of the closed part whose first entry is number ``first``."""
    return f"journal-{first:012d}.jsonl"


def closed_parts(folder: Path) -> list[tuple[int, Path]]:
    """Number of the first entry and path of every closed part, oldest first."""
    names = os.listdir(folder)  # noqa: PTH208 - names only
    return sorted((int(match[1]), folder / match[0]) for match in map(_CLOSED.fullmatch, names) if match)


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file: its last whole line, where good content ends, and the torn rest behind it."""

    line: bytes | None
    end: int
    torn: bytes


def read_tail(descriptor: int) -> Tail:
    """The tail of an open file, read from its end.

    A torn write lacks the line's end, or holds NUL bytes where blocks never reached the disk; canonical JSON holds none.
    """
    size = os.fstat(descriptor).st_size
    content, torn = _last_lines(descriptor, size)
    line = content.rsplit(b"\n", 2)[-2] if content else None
    if line is not None and b"\0" in line:
        torn = line + b"\n" + torn
        content, _ = _last_lines(descriptor, size - len(torn))
        line = content.rsplit(b"\n", 2)[-2] if content else None
    return Tail(line, size - len(torn), torn)


def _last_lines(descriptor: int, size: int) -> tuple[bytes, bytes]:
    """Content up to the last line's end that holds at least the whole last line, and what follows it."""
    length = min(size, _BLOCK)
    while True:
        content = os.pread(descriptor, length, size - length)
        whole, newline, torn = content.rpartition(b"\n")
        if length == size or whole.count(b"\n") >= 1:
            return (whole + newline if newline else b""), torn
        length = min(size, length * 2)


def first_line(descriptor: int) -> bytes:
    """The first line of an open file, without its end; empty when there is none."""
    content = b""
    while b"\n" not in content:
        block = os.pread(descriptor, _BLOCK, len(content))
        if not block:
            return b""
        content += block
    return content.partition(b"\n")[0]


def fsync_directory(folder: Path) -> None:
    """Makes names made or changed in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
