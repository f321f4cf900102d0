"""Runs the commands of a build: output kept, stopped on request, never outliving the build."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TextIO

from infra.bundle.errors import BuildCancelledError, BundleError

#: Lines of a failed command's output that its error shows.
_LAST_LINES = 20
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
_CHUNK_BYTES = 1 << 16

#: The kernel ends the command when the thread that started it dies, even by ``kill -9`` (prctl(2)).
_BOUND_TO_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")

#: Own mount and process namespaces: mounts vanish with the last process, and no process outlives the first.
_SEALED = (
    "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "--",
)  # fmt: skip

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
        parsed: bool = False,
        fix: str | None = None,
    ) -> str:
        """Run a command to its end and return what it printed on standard output.

        ``environment`` is laid over the machine's own. ``sealed`` gives it a mount and process namespace of its own
        (root). ``parsed`` says that its standard output is for us, not for people: it is neither logged nor
        reported. Raises `BundleError` when it is missing or fails, `BuildCancelledError` when the build is stopped.
        """
        words = [str(word) for word in command]
        locate(self.component, words[0])
        self.log.parent.mkdir(parents=True, exist_ok=True)
        prefix = [*_BOUND_TO_PARENT, *(_SEALED if sealed else ())]
        started = subprocess.Popen(
            [*prefix, *words],
            cwd=directory,
            env=dict(os.environ) | {"LC_ALL": "C.UTF-8"} | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with started:
            try:
                printed, lines = self._follow(started, parsed)
            except BaseException:
                _kill(started)
                raise
        if started.returncode:
            raise BundleError(
                self.component,
                f"{Path(words[0]).name} failed with exit code {started.returncode}",
                command=words,
                output=lines[-_LAST_LINES:],
                fix=fix or f"read the lines above; the whole output is in {self.log}",
            )
        return printed

    def _follow(self, started: subprocess.Popen[bytes], parsed: bool) -> tuple[str, list[str]]:
        """Read both streams to their ends, logging and reporting each line: what went to stdout, and all lines."""
        lines: list[str] = []
        printed: list[bytes] = []
        rest: dict[int, bytes] = {}
        with self.log.open("a") as log, selectors.DefaultSelector() as selector:
            for stream in _streams(started):
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                if self.cancelled.is_set():
                    raise BuildCancelledError(self.component)
                for selected, _ in selector.select(_POLL_SECONDS):
                    chunk = os.read(selected.fd, _CHUNK_BYTES)
                    if selected.fileobj is started.stdout:
                        printed.append(chunk)
                    if not chunk:
                        selector.unregister(selected.fileobj)
                    if parsed and selected.fileobj is started.stdout:
                        continue
                    *whole, rest[selected.fd] = (rest.get(selected.fd, b"") + (chunk or b"\n")).split(b"\n")
                    self._tell([line.decode(errors="replace").rstrip() for line in whole if line], lines, log)
        return b"".join(printed).decode(errors="replace"), lines

    def _tell(self, new: list[str], lines: list[str], log: TextIO) -> None:
        """Keep, log and report new lines of output."""
        for line in new:
            lines.append(line)
            print(line, file=log)
            self.progress(line)


def _streams(started: subprocess.Popen[bytes]) -> list[IO[bytes]]:
    """The command's output streams."""
    return [stream for stream in (started.stdout, started.stderr) if stream is not None]


def _kill(started: subprocess.Popen[bytes]) -> None:
    """End a command and all it started, and wait until its output closes: then none of them writes any more."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    deadline = time.monotonic() + _GRACE_SECONDS
    with selectors.DefaultSelector() as selector:
        for stream in _streams(started):
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < deadline:
            for selected, _ in selector.select(_POLL_SECONDS):
                if not os.read(selected.fd, _CHUNK_BYTES):
                    selector.unregister(selected.fileobj)
