"""Runs the commands of a build: output kept, stopped on request, never outliving the build."""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.bundle.errors import BuildCancelledError, BundleError

#: Lines of a failed command's output that its error shows.
_LAST_LINES = 20
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0

#: The kernel ends the command when the thread that started it dies, even by ``kill -9`` (prctl(2)).
_BOUND_TO_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")

#: Own mount and process namespaces: mounts vanish with the last process, and no process outlives the first.
_SEALED = (
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--"),
)

#: Debian packages that hold the commands this room calls, for the fix of a missing one.
_PACKAGE_OF = {
    "apt-ftparchive": "apt-utils",
    "apt-get": "apt",
    "ffmpeg": "ffmpeg",
    "mmdebstrap": "mmdebstrap",
    "mount": "mount",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "unshare": "util-linux",
}


def locate(component: str, name: str) -> str:
    """Return the path of a command; a `BundleError` with the package to install when it is missing."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        package = _PACKAGE_OF.get(name, name)
        raise BundleError(component, f"{name} is not installed", fix=f"apt-get install {package}")
    return found


def locate_uv(component: str) -> str:
    """Return the path of uv: beside the running Python, else on the PATH."""
    beside = Path(sys.prefix, "bin", "uv")
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise BundleError(component, "uv is not installed", fix=f"{sys.executable} -m pip install uv")
    return found


class Commands:
    """Runs the commands of one component.

    ``progress`` is told the newest line of output; ``cancelled`` stops a running command within a second.
    """

    def __init__(self, component: str, log: Path, progress: Callable[[str], None], cancelled: threading.Event) -> None:
        """Append everything the commands print to ``log``."""
        self.component = component
        self.log = log
        self.progress = progress
        self.cancelled = cancelled

    def run(
        self,
        command: Sequence[str | Path],
        *,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        sealed: bool = False,
        fix: str | None = None,
    ) -> str:
        """Run a command to its end and return what it printed (both streams).

        ``environment`` is laid over the machine's own. ``sealed`` gives it a mount and process namespace of its own
        (root). Raises `BundleError` when it is missing or fails, `BuildCancelledError` when the build is stopped.
        """
        words = [str(word) for word in command]
        locate(self.component, words[0])
        prefix = [*_BOUND_TO_PARENT, *(_SEALED if sealed else ())]
        started = subprocess.Popen(
            [*prefix, *words],
            cwd=directory,
            env=dict(os.environ) | {"LC_ALL": "C.UTF-8"} | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output = self._follow(started)
        finally:
            _end(started)
        if started.returncode:
            raise BundleError(
                self.component,
                f"{Path(words[0]).name} failed with exit code {started.returncode}",
                command=words,
                output=output.splitlines()[-_LAST_LINES:],
                fix=fix or f"read the lines above; the whole output is in {self.log}",
            )
        return output

    def _follow(self, started: subprocess.Popen[bytes]) -> str:
        """Read the output until it ends, logging and reporting each line."""
        assert started.stdout is not None
        lines: deque[str] = deque()
        rest = b""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as log, selectors.DefaultSelector() as selector:
            selector.register(started.stdout, selectors.EVENT_READ)
            while True:
                if self.cancelled.is_set():
                    raise BuildCancelledError(self.component)
                if not selector.select(_POLL_SECONDS):
                    continue
                chunk = os.read(started.stdout.fileno(), 1 << 16)
                *whole, rest = (rest + chunk).split(b"\n")
                for raw in [*whole, rest] if not chunk else whole:
                    line = raw.decode(errors="replace").rstrip()
                    lines.append(line)
                    print(line, file=log)
                if whole:
                    self.progress(lines[-1])
                if not chunk:
                    return "\n".join(lines)


def _end(started: subprocess.Popen[bytes]) -> None:
    """Wait for a command whose output ended; end its whole session when it goes on."""
    if started.stdout is not None:
        started.stdout.close()
    for step in (None, signal.SIGTERM, signal.SIGKILL):
        if step is not None:
            _signal_session(started.pid, step)
        try:
            started.wait(_GRACE_SECONDS if step is not signal.SIGKILL else None)
        except subprocess.TimeoutExpired:
            continue
        return


def _signal_session(leader: int, number: signal.Signals) -> None:
    """Signal the session's process group, if it still exists."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        time.sleep(0)
