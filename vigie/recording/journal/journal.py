"""The journal: what a disk cannot tell. Append-only, hash-chained, on the disk before `append` returns.

Several threads and processes may append: the kernel's lock on a file orders them. Readers see finished entries only.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from vigie.recording.journal.entry import Entry, Kind, Position
from vigie.recording.journal.parts import (
    ACTIVE,
    closed_name,
    closed_parts,
    first_line,
    fsync_directory,
    read_tail,
)

PART_BYTES: Final = 16 << 20  # a part is closed at this size: small enough to read at once, years are a few dozen
_LOCK: Final = "journal.lock"


class JournalError(Exception):
    """The journal cannot be used as it is. The message names the file, the entry and what to do."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of reading a whole chain: its end, and the first entry that is not as it was written."""

    entries: int
    head: Position
    broken_sequence: int | None = None
    reason: str = ""

    @property
    def intact(self) -> bool:
        return self.broken_sequence is None


@dataclass(slots=True)
class _Head:
    """The active part as this process last saw it; ``inode`` and ``size`` tell whether another has appended since."""

    inode: int
    size: int
    position: Position


class Journal:
    """The journal in ``folder``, made at the first append. One object may be used by several threads."""

    def __init__(self, folder: Path, *, part_bytes: int = PART_BYTES) -> None:
        self.folder = folder
        self._part_bytes = part_bytes
        self._thread = threading.RLock()
        self._depth = 0
        self._descriptor: int | None = None  # of the file whose kernel lock orders processes
        self._active: int | None = None
        self._head: _Head | None = None

    def append(self, kind: Kind, body: Mapping[str, Any], at: float) -> Entry:
        """Adds one entry; it is on the disk when this returns.

        Raises ``ValueError`` for a wrong entry, ``OSError`` when the disk refuses (then nothing was added), and
        ``JournalError`` when the end of the journal cannot be read.
        """
        with self.exclusive():
            position = self._position(at)
            entry = Entry.after(position, kind, body, at)
            self._write(entry)
            return entry

    def adopt(self, entries: Sequence[Entry]) -> None:
        """Adds entries of the same chain that were made elsewhere; all are on the disk when this returns, or none.

        Raises as `append`, and ``JournalError`` for one that does not follow the one before it.
        """
        if not entries:
            return
        with self.exclusive():
            head = self._position(entries[0].at)
            for entry in entries:
                if (entry.sequence, entry.previous) != (head.sequence + 1, head.digest):
                    raise JournalError(f"{self.folder}: entry {entry.sequence} does not follow entry {head.sequence}")
                head = entry.position
            self._write(*entries)

    def head(self) -> Position:
        """The last finished entry; number 0 when there is none. Raises ``OSError``, ``JournalError``."""
        last = Position()
        with self._shared():
            for path in [*(path for _, path in closed_parts(self.folder)[-1:]), self.folder / ACTIVE]:
                last = _last_of(path) or last
        return last

    def entries(self, kinds: Collection[Kind] | None = None, since: int = 0) -> Iterator[Entry]:
        """Entries after number ``since``, oldest first, of ``kinds`` or of all.

        Raises ``JournalError`` at an entry that is damaged: what cannot be read must not be taken for absent.
        """
        marks = None if kinds is None else [f'"kind":"{kind}"'.encode() for kind in kinds]
        for path, file, end in self._open_parts(since):
            with file:
                for line in _lines(file, end):
                    if marks is not None and not any(mark in line for mark in marks):
                        continue
                    if since and _is_before(line, since):
                        continue
                    entry = _parsed(line, path)
                    if entry.sequence > since and (kinds is None or entry.kind in kinds):
                        yield entry

    def verify(self) -> Verification:
        """Reads the whole chain and names the first entry that is damaged, missing or out of its place."""
        position = Position()
        for _, file, end in self._open_parts(0):
            with file:
                for line in _lines(file, end):
                    try:
                        entry = Entry.parse(line)
                    except (ValueError, TypeError) as error:
                        return Verification(position.sequence, position, position.sequence + 1, str(error))
                    if (entry.sequence, entry.previous) != (position.sequence + 1, position.digest):
                        reason = f"entry {entry.sequence} does not follow entry {position.sequence}"
                        return Verification(position.sequence, position, position.sequence + 1, reason)
                    position = entry.position
        return Verification(position.sequence, position)

    def close(self) -> None:
        """Lets go of the files; the journal may be used again afterwards."""
        with self._thread:
            for descriptor in (self._active, self._descriptor):
                if descriptor is not None:
                    os.close(descriptor)
            self._active = self._descriptor = self._head = None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keeps every other writer out, in this process and others; appending within it is allowed."""
        with self._thread:
            if self._depth == 0:
                fcntl.flock(self._lock_file(), fcntl.LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    fcntl.flock(self._lock_file(), fcntl.LOCK_UN)

    @contextmanager
    def _shared(self) -> Iterator[None]:
        """Waits for an append in progress, so that no unfinished entry is seen."""
        with self._thread:
            if self._depth:
                yield
                return
            if not self.folder.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = self._lock_file()
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def _lock_file(self) -> int:
        if self._descriptor is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        return self._descriptor

    def _open_parts(self, since: int) -> list[tuple[Path, IO[bytes], int]]:
        """Path, open file and end of every part that may hold entries after ``since``."""
        with self._shared():
            closed = closed_parts(self.folder)
            following = [first for first, _ in closed[1:]]
            # A closed part ends before the next one begins; the last closed part's end only its content tells.
            wanted = [path for (_, path), after in zip(closed, following, strict=False) if after > since + 1]
            wanted += [path for _, path in closed[-1:]]
            active = self.folder / ACTIVE
            found: list[tuple[Path, IO[bytes], int]] = []
            for path in [*wanted, *([active] if active.exists() else [])]:
                file = path.open("rb")
                found.append((path, file, os.fstat(file.fileno()).st_size))
            return found

    # What follows runs under the exclusive lock.

    def _position(self, at: float) -> Position:
        """The end of the chain; a torn end is set aside and noted first."""
        descriptor = self._open_active()
        status = os.fstat(descriptor)
        head = self._head
        if head is None or (head.inode, head.size) != (status.st_ino, status.st_size):
            head = self._head = self._look(descriptor, status.st_ino, at)
        if head.size >= self._part_bytes:
            head = self._head = self._rotate(descriptor, head)
        return head.position

    def _open_active(self) -> int:
        path = self.folder / ACTIVE
        if self._active is not None:
            try:
                if os.path.samestat(path.stat(), os.fstat(self._active)):
                    return self._active
            except FileNotFoundError:
                pass
            os.close(self._active)
        self._active = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        # Also for a file that was there: whoever made it may have died before its name was durable.
        fsync_directory(self.folder)
        return self._active

    def _look(self, descriptor: int, inode: int, at: float) -> _Head:
        tail = read_tail(descriptor)
        if tail.line is not None:
            position = _parsed(tail.line, self.folder / ACTIVE).position
        else:
            closed = closed_parts(self.folder)
            position = (_last_of(closed[-1][1]) if closed else None) or Position()
        head = _Head(inode, tail.end, position)
        if tail.torn:
            self._set_aside(descriptor, tail.end, tail.torn)
            self._head = head
            body = {"torn_bytes": len(tail.torn), "kept_as": _torn_name(tail.torn)}
            self._write(Entry.after(position, "recovery", body, at))
            return self._head
        return head

    def _set_aside(self, descriptor: int, end: int, torn: bytes) -> None:
        """Keeps a torn end in a file of its own, then cuts it off: it was never acknowledged."""
        with (self.folder / _torn_name(torn)).open("wb") as file:
            file.write(torn)
            file.flush()
            os.fsync(file.fileno())
        fsync_directory(self.folder)
        os.ftruncate(descriptor, end)
        os.fdatasync(descriptor)

    def _rotate(self, descriptor: int, head: _Head) -> _Head:
        first = _parsed(first_line(descriptor), self.folder / ACTIVE).sequence
        (self.folder / ACTIVE).rename(self.folder / closed_name(first))
        descriptor = self._open_active()
        return _Head(os.fstat(descriptor).st_ino, 0, head.position)

    def _write(self, *entries: Entry) -> None:
        assert self._active is not None
        assert self._head is not None
        lines = b"".join(entry.line() for entry in entries)
        try:
            _write_whole(self._active, lines)
            os.fdatasync(self._active)
        except OSError:
            # Nothing was acknowledged. What half reached the file must not be built upon.
            os.ftruncate(self._active, self._head.size)
            raise
        self._head.size += len(lines)
        self._head.position = entries[-1].position


class Cursor:
    """Reads a journal on from where it last stopped. Asking when nothing is new costs one look at the file."""

    def __init__(self, journal: Journal, kinds: Collection[Kind] | None = None, since: int = 0) -> None:
        self._journal = journal
        self._kinds = kinds
        self._since = since
        self._seen: tuple[int, int] | None = None

    def new(self) -> list[Entry]:
        """Entries since the last call, oldest first. Raises as `Journal.entries`."""
        active = self._journal.folder / ACTIVE
        try:
            status = active.stat()
            stamp = (status.st_ino, status.st_size)
        except FileNotFoundError:
            stamp = (0, 0)
        if stamp == self._seen:
            return []
        found = list(self._journal.entries(self._kinds, self._since))
        if found:
            self._since = found[-1].sequence
        self._seen = stamp
        return found


def _is_before(line: bytes, since: int) -> bool:
    """Whether a line's number, the last of its sorted keys, is not after ``since``: told without reading the rest."""
    number = line[line.rfind(b":") + 1 : -1]
    return number.isdigit() and int(number) <= since


def _write_whole(descriptor: int, line: bytes) -> None:
    written = os.write(descriptor, line)
    if written != len(line):
        raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes of the entry fitted")


def _torn_name(torn: bytes) -> str:
    return f"torn-{hashlib.sha256(torn).hexdigest()[:16]}.bin"


def _last_of(path: Path) -> Position | None:
    try:
        with path.open("rb") as file:
            line = read_tail(file.fileno()).line
    except FileNotFoundError:
        return None
    return None if line is None else _parsed(line, path).position


def _lines(file: IO[bytes], end: int) -> Iterator[bytes]:
    """Whole lines up to byte ``end``. A torn last line is none: it was never acknowledged."""
    at = 0
    for line in file:
        at += len(line)
        if at > end or not line.endswith(b"\n") or (at == end and b"\0" in line):
            return
        yield line[:-1]


def _parsed(line: bytes, path: Path) -> Entry:
    try:
        return Entry.parse(line)
    except (ValueError, TypeError) as error:
        raise JournalError(
            f"{path}: {error}; fix: keep the file as evidence, compare it with the copy on another host"
        ) from None
