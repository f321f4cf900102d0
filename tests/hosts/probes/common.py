"""What the sections of the probe share. Runs on the host: standard library only."""

from __future__ import annotations

import contextlib
import grp
import hashlib
import pwd
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Request = dict[str, Any]

PATIENCE_SECONDS = 20.0  # what runs but has only just started may take this long to show it
TIMEOUT_SECONDS = 5.0


def run(*command: str, check: bool = True) -> str:
    """What ``command`` prints. Raises ``RuntimeError`` with what it complained about."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def patiently(look: Callable[[], Any], satisfied: Callable[[Any], bool]) -> Any:
    """``look()`` until it satisfies, for ``PATIENCE_SECONDS`` at most; the last look counts."""
    until = time.monotonic() + PATIENCE_SECONDS
    found = look()
    while not satisfied(found) and time.monotonic() < until:
        time.sleep(1)
        found = look()
    return found


def stated(path: str) -> dict[str, Any]:
    """SHA-1, mode, owner and group of a file, as the manifests hold them."""
    try:
        seen = Path(path).stat()
        digest = hashlib.sha1(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        return {"sha1": error.strerror, "mode": None, "owner": None, "group": None}
    names: dict[str, Any] = {"owner": str(seen.st_uid), "group": str(seen.st_gid)}
    with contextlib.suppress(KeyError):
        names = {"owner": pwd.getpwuid(seen.st_uid).pw_name, "group": grp.getgrgid(seen.st_gid).gr_name}
    return {"sha1": digest, "mode": f"{seen.st_mode & 0o7777:04o}", **names}


def processes() -> Iterator[Path]:
    return (path for path in Path("/proc").iterdir() if path.name.isdigit())


def program_of(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""
