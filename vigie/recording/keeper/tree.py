"""Reading and erasing below one folder without ever leaving it: every step is relative to an open directory, and no
symbolic link is followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Space:
    """The filesystem of a store: bytes in all, bytes free for its user, and whether it refuses to be written."""

    total: int
    free: int
    read_only: bool


class Tree:
    """The folders and files below ``root``. A path is a tuple of names; names are checked, links refused.

    Raises ``OSError`` where the disk or the path does; ``ELOOP`` or ``ENOTDIR`` for a link.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def directory(self, path: Sequence[str], *, create: bool = False) -> Iterator[int]:
        """An open directory below the root."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            device = os.fstat(descriptor).st_dev
            for name in path:
                deeper = _enter(descriptor, _checked(name), create)
                os.close(descriptor)
                descriptor = deeper
                if os.fstat(descriptor).st_dev != device:
                    raise OSError(errno.EXDEV, "another filesystem is mounted there", "/".join(path))
            yield descriptor
        finally:
            os.close(descriptor)

    def names(self, path: Sequence[str]) -> list[str]:
        """The names in a folder, sorted; empty when it is gone or no folder."""
        try:
            with self.directory(path) as descriptor:
                return sorted(os.listdir(descriptor))  # noqa: PTH208 - of a descriptor
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            if error.errno == errno.ELOOP:
                return []
            raise

    def is_directory(self, path: Sequence[str]) -> bool:
        """Whether ``path`` is a folder itself, not a link to one."""
        try:
            with self.directory(path[:-1]) as descriptor:
                return stat.S_ISDIR(os.lstat(path[-1], dir_fd=descriptor).st_mode)
        except FileNotFoundError:
            return False

    def any_smaller(self, path: Sequence[str], size: int) -> bool:
        """Whether a folder holds a regular file of less than ``size`` bytes: one look at each, the folder opened once."""
        try:
            with self.directory(path) as descriptor:
                names = os.listdir(descriptor)  # noqa: PTH208 - of a descriptor
                return any(seen is not None and seen.st_size < size for seen in (regular(descriptor, n) for n in names))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def look(self, path: Sequence[str]) -> os.stat_result | None:
        """The status of a regular file; None for anything else, and for what is gone."""
        try:
            with self.directory(path[:-1]) as descriptor:
                return regular(descriptor, path[-1])
        except (FileNotFoundError, NotADirectoryError):
            return None

    @contextmanager
    def opened(self, path: Sequence[str]) -> Iterator[int]:
        """A regular file, open for reading."""
        with self.directory(path[:-1]) as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(_checked(path[-1]), flags, dir_fd=folder)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", "/".join(path))
            yield descriptor
        finally:
            os.close(descriptor)

    def unlink(self, path: Sequence[str]) -> None:
        """Removes a file; one that is gone already is no error."""
        try:
            with self.directory(path[:-1]) as descriptor:
                os.unlink(_checked(path[-1]), dir_fd=descriptor)
        except FileNotFoundError:
            return

    def remove_if_empty(self, path: Sequence[str]) -> bool:
        """Removes a folder that holds nothing; whether it is gone now."""
        try:
            with self.directory(path[:-1]) as descriptor:
                os.rmdir(_checked(path[-1]), dir_fd=descriptor)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR}:
                return False
            raise
        return True

    def move(self, path: Sequence[str], into: Sequence[str], name: str) -> tuple[str, ...]:
        """Renames a file into the folder ``into``, made as needed, as ``name`` or what is free there; its new path."""
        with self.directory(path[:-1]) as source, self.directory(into, create=True) as target:
            free, number = _checked(name), 0
            taken = set(os.listdir(target))  # noqa: PTH208 - of a descriptor
            while free in taken:
                number += 1
                free = f"{name}.{number}"
            os.rename(_checked(path[-1]), free, src_dir_fd=source, dst_dir_fd=target)
            return (*into, free)

    def space(self) -> Space:
        """The filesystem that holds the root."""
        status = os.statvfs(self.root)
        return Space(
            status.f_blocks * status.f_frsize,
            status.f_bavail * status.f_frsize,
            bool(status.f_flag & os.ST_RDONLY),
        )


def regular(folder: int, name: str) -> os.stat_result | None:
    """The status of the regular file ``name`` in an open folder; None for anything else."""
    try:
        status = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _enter(folder: int, name: str, create: bool) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=folder)
    except FileNotFoundError:
        if not create:
            raise
        os.mkdir(name, 0o750, dir_fd=folder)
        return os.open(name, _DIRECTORY, dir_fd=folder)


def _checked(name: str) -> str:
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise OSError(errno.EINVAL, "not a name", name)
    return name
