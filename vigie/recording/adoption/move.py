"""Brings files into our layout by a second name for the same file; the old name goes once the new one is verified.

Nothing is copied and nothing is written into footage: it cannot be lost half way. A journal of JSON lines is written
before each batch, so that every move can be undone, whenever it was interrupted.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Final

from vigie.recording.adoption.assign import Move

BATCH: Final = 500  # moves between two flushes of the journal


class AdoptionError(RuntimeError):
    """Adoption cannot go on; says what stands in the way and what to do. What was moved stays moved and journalled."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A journalled move: both absolute paths, the file's inode and size, its owner before (numbers)."""

    old: str
    new: str
    inode: int
    size: int
    user: int
    group: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done, and what was left with its reason."""

    done: tuple[Entry, ...]
    left: tuple[tuple[str, str], ...]


def check_same_filesystem(old_root: Path, root: Path) -> None:
    """Raises ``AdoptionError`` where a second name is not possible: only a copy could cross disks."""
    if old_root.stat().st_dev != root.stat().st_dev:
        raise AdoptionError(
            f"{old_root} and {root} are on different filesystems, and footage is never copied: mount the old disk at "
            f"{root}, so that both are one, or keep the old folder readable until its footage has expired"
        )
    if root.resolve() == old_root.resolve():
        raise AdoptionError(
            f"{old_root} is the folder of our recordings itself: move the old files below a folder in it"
        )


def move(
    moves: Iterable[Move], old_root: Path, root: Path, journal: Path, defer: Callable[[Move], str | None]
) -> Moved:
    """Carry out ``moves``; ``defer`` gives a reason to leave one for later. Safe to interrupt and to repeat.

    A place that is taken is never overwritten. Raises ``AdoptionError`` and ``OSError``.
    """
    check_same_filesystem(old_root, root)
    finish_interrupted(journal)
    owner = root.stat()
    done: list[Entry] = []
    left: list[tuple[str, str]] = []
    remaining = iter(moves)
    with _appending(journal) as file:
        while batch := list(islice(remaining, BATCH)):
            ready = []
            for one in batch:
                reason = defer(one) or _obstacle(old_root / one.old, root / one.new)
                if reason:
                    left.append((one.old, reason))
                else:
                    ready.append(_entry(old_root / one.old, root / one.new))
            _write(file, ready)
            for entry in ready:
                _make_folders(Path(entry.new).parent, root, owner)
                _link(entry, owner.st_uid, owner.st_gid)
            for folder in {Path(entry.new).parent for entry in ready}:
                _sync(folder)
            for entry in ready:
                _let_go(entry)
            done += ready
    return Moved(tuple(done), tuple(left))


def undo(journal: Path) -> Moved:
    """Give every journalled file its old name and owner again, the newest first. Safe to interrupt and to repeat.

    What expired or changed since is left and named.
    """
    done: list[Entry] = []
    left: list[tuple[str, str]] = []
    for entry in reversed(read_journal(journal)):
        reason = _undo(entry)
        if reason is None:
            done.append(entry)
        elif reason:
            left.append((entry.new, reason))
    return Moved(tuple(done), tuple(left))


def read_journal(journal: Path) -> list[Entry]:
    """The journalled moves, oldest first; a last line that was torn by a power cut moved nothing and is left out.

    Raises ``ValueError`` for any other line that is no move.
    """
    if not journal.exists():
        return []
    *whole, _ = journal.read_text(encoding="utf-8").split("\n")
    entries = []
    for number, line in enumerate(whole, 1):
        try:
            entries.append(Entry(**json.loads(line)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{journal}: line {number} is no move: {error}") from error
    return entries


def finish_interrupted(journal: Path) -> None:
    """Complete what a killed run began: a file with both names loses the old one. Only its last batch can be so."""
    for entry in read_journal(journal)[-BATCH:]:
        _let_go(entry)


def _entry(old: Path, new: Path) -> Entry:
    status = old.stat()
    return Entry(str(old), str(new), status.st_ino, status.st_size, status.st_uid, status.st_gid)


def _obstacle(old: Path, new: Path) -> str | None:
    if _inode(old) is None:
        return "gone since it was looked at"
    return f"{new} is there already, and is another file" if _inode(new) is not None else None


def _inode(path: Path) -> int | None:
    try:
        return path.stat(follow_symlinks=False).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None


def _link(entry: Entry, user: int, group: int) -> None:
    """Give the file its new name beside the old one, and look at it."""
    old, new = Path(entry.old), Path(entry.new)
    try:
        new.hardlink_to(old)  # link(2) refuses a name that exists: nothing is ever overwritten
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        raise AdoptionError(
            f"{old} and {new.parent} are one filesystem mounted twice, and a name cannot cross mounts: give the old "
            "folder by its path below our own mount"
        ) from error
    seen = new.stat()
    if seen.st_ino != entry.inode or seen.st_size < entry.size:  # it may still have grown
        raise AdoptionError(f"{new} is not the file that {old} was: both are kept; look at them by hand")
    os.chown(new, user, group)


def _let_go(entry: Entry) -> None:
    """Take the old name away, if both are names of the journalled file."""
    old, new = Path(entry.old), Path(entry.new)
    if _inode(new) == entry.inode == _inode(old):
        old.unlink()


def _undo(entry: Entry) -> str | None:
    """Why a move was not undone, empty when there is nothing to undo, ``None`` when it was."""
    old, new = Path(entry.old), Path(entry.new)
    if _inode(old) == entry.inode and _inode(new) != entry.inode:
        return ""
    if _inode(new) != entry.inode:
        return "gone: it expired, or was moved by somebody else"
    if _inode(old) is None:
        old.parent.mkdir(parents=True, exist_ok=True)
        old.hardlink_to(new)
        _sync(old.parent)
    elif _inode(old) != entry.inode:
        return f"{old} is another file by now"
    os.chown(old, entry.user, entry.group)
    new.unlink()
    return None


def _make_folders(folder: Path, root: Path, owner: os.stat_result) -> None:
    """Folders of the layout, owned like its root, so that our recorder writes beside what is adopted."""
    missing = [one for one in (folder, *folder.parents) if one.is_relative_to(root) and not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o750)
        os.chown(one, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _appending(journal: Path) -> Iterator[IO[bytes]]:
    """The journal, its torn last line cut off."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    with journal.open("a+b") as file:
        journal.chmod(0o600)
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        yield file


def _write(file: IO[bytes], entries: Iterable[Entry]) -> None:
    file.write(b"".join(json.dumps(asdict(entry)).encode() + b"\n" for entry in entries))
    file.flush()
    os.fsync(file.fileno())
