"""The content-addressed store of build products: ``<cache>/<component>/<key>/``.

A product is built under a temporary name beside its final one and renamed when complete, so that whatever bears a key
is whole. The key is a hash of everything the product is made from, so that a product never goes stale: other inputs
have another key. A lock per component lets two commands share one cache.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

#: The record of a product, inside its folder.
RECORD = "product.json"

_BUILDING = ".building-"
_KEY_DIGITS = 24


def key_of(inputs: Mapping[str, str]) -> str:
    """Hash named inputs, in any order, to the key of a product: 24 hexadecimal digits of SHA-256."""
    canonical = json.dumps(dict(inputs), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:_KEY_DIGITS]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_digest(root: Path, files: Iterable[Path]) -> str:
    """SHA-256 over the names (relative to ``root``) and contents of ``files``, in any order."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(root).as_posix()}\0{file_digest(path)}\n".encode())
    return digest.hexdigest()


def tree_digest(top: Path) -> str:
    """SHA-256 over a whole tree: names, kinds, modes, owners, link targets, device numbers and contents; no times."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = Path(folder, name)
            digest.update(_entry(path, path.relative_to(top).as_posix()).encode(errors="surrogateescape"))
    return digest.hexdigest()


def _entry(path: Path, name: str) -> str:
    """One line of `tree_digest`."""
    status = path.lstat()
    content = ""
    if stat.S_ISREG(status.st_mode):
        content = file_digest(path)
    elif stat.S_ISLNK(status.st_mode):
        content = str(path.readlink())
    return f"{name}\0{status.st_mode:o}\0{status.st_uid}:{status.st_gid}\0{status.st_rdev}\0{content}\n"


def find(cache: Path, component: str, key: str) -> Path | None:
    """Return the folder of a complete product, or None."""
    folder = cache / component / key
    return folder if (folder / RECORD).is_file() else None


def read_record(folder: Path) -> dict[str, Any]:
    """Return the record that `produce` wrote into a product's folder."""
    record: dict[str, Any] = json.loads((folder / RECORD).read_text())
    return record


def produce(cache: Path, component: str, key: str, make: Callable[[Path], Mapping[str, Any]]) -> tuple[Path, bool]:
    """Return the product's folder, made by ``make`` if it is not there, and whether it had to be made.

    ``make`` fills the empty folder it is given and returns what to record. When it raises (whatever it raises), its
    folder is removed and nothing bears the key. A build killed so that it could not clean up is swept by the next one.
    """
    shelf = cache / component
    shelf.mkdir(parents=True, exist_ok=True)
    with _locked(shelf):
        _sweep(shelf)
        found = find(cache, component, key)
        if found is not None:
            return found, False
        building = shelf / f"{_BUILDING}{key}"
        building.mkdir()
        try:
            record = dict(make(building))
            (building / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
            building.rename(shelf / key)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        return shelf / key, True


@contextlib.contextmanager
def _locked(shelf: Path) -> Iterator[None]:
    """Hold the component's lock; the kernel lets go of it when the holder dies."""
    with (shelf / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep(shelf: Path) -> None:
    """Remove what a killed build left; only the holder of the lock may."""
    for left in shelf.glob(f"{_BUILDING}*"):
        shutil.rmtree(left)
