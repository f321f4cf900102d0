"""Calls to the field's tools, locks between runs, and files that appear whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.lab.errors import LabError


def run(argv: Sequence[str], stdin: str = "") -> str:
    """Run a tool and return what it printed. Raises ``LabError`` with the tool's own words."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(argv)} failed ({done.returncode}): {said}")
    return done.stdout


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive flock(2), so that two runs never work on one object at once; the kernel frees it on death."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not inheritable: a host that boots while the lock is held must not keep it.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def write(path: Path, text: str, mode: int = 0o644, owner: tuple[int, int] = (0, 0)) -> None:
    """Write a file so that a reader sees the old or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), mode)
        os.fchown(file.fileno(), *owner)
        file.write(text)
    temporary.rename(path)


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write what an object was made from, as the last step of making it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, json.dumps(record, indent=1, sort_keys=True) + "\n", 0o600)


def read_record(path: Path) -> dict[str, Any] | None:
    """What an object was made from; ``None`` when it was never completed."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return record


def wait_until(check: Callable[[], bool], timeout: float, interval: float = 0.05) -> bool:
    """Poll ``check`` until it holds; ``False`` after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True
