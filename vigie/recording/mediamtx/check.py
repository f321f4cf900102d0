"""Asks the real MediaMTX whether it accepts a configuration, before the file replaces the running one.

An invalid file on hot reload makes MediaMTX exit. So a copy with recording off is started in an empty network
namespace, where its ports clash with nobody and no camera is reached, and it must open its listeners and stay up.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from vigie.recording.mediamtx.secrecy import redact

START_SECONDS: Final = 20.0
STAY_SECONDS: Final = 0.5
_LISTENING: Final = "listener opened on"
# Loopback is down in a new namespace; MediaMTX could not bind to it. Arguments, not text, carry the paths.
_IN_EMPTY_NAMESPACE: Final = ("unshare", "--net", "--", "sh", "-c", 'ip link set lo up && exec "$0" "$1"')


class ConfigurationRefusedError(Exception):
    """MediaMTX does not accept the file, or did not stay up; the message names what it said, without secrets."""


def check(file: Path, binary: Path) -> None:
    """Returns when MediaMTX accepts `file`. Needs root for the namespace.

    Raises ConfigurationRefusedError, and OSError when the file cannot be read or the binary not started.
    """
    configuration = _load(file)
    listeners = sum(bool(configuration.get(name)) for name in ("api", "metrics", "playback", "pprof"))
    with _private_copy(_without_recording(configuration)) as copy:
        _run(binary, copy, listeners)


def _load(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}" if where else ""
        raise ConfigurationRefusedError(
            f"{file}:{line} not YAML: {getattr(error, 'problem', 'bad encoding')}"
        ) from None
    if not isinstance(content, dict):
        raise ConfigurationRefusedError(f"{file}: not a mapping")
    return content


def _without_recording(configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration with `record` off wherever it is set, and logging where `check` reads it."""
    copy = dict(configuration) | {"logLevel": "info", "logDestinations": ["stdout"]}
    defaults = copy.get("pathDefaults")
    copy["pathDefaults"] = (dict(defaults) if isinstance(defaults, dict) else {}) | {"record": False}
    paths = copy.get("paths")
    if isinstance(paths, dict):
        copy["paths"] = {
            name: dict(path) | {"record": False} if isinstance(path, dict) and "record" in path else path
            for name, path in paths.items()
        }
    return copy


@contextlib.contextmanager
def _private_copy(configuration: dict[str, Any]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vigie-check-") as folder:  # 0700
        path = Path(folder) / "mediamtx.yml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
        yield path


def _run(binary: Path, copy: Path, listeners: int) -> None:
    process = subprocess.Popen(
        [*_IN_EMPTY_NAMESPACE, str(binary), str(copy)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=copy.parent,
    )
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_pump, args=(process, lines), daemon=True)
    reader.start()
    try:
        said = _wait_for_listeners(lines, listeners)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STAY_SECONDS)
            said += [line for line in _drain(lines) if line]
            raise ConfigurationRefusedError(_verdict(said))
    finally:
        process.kill()
        process.wait()
        reader.join()


def _pump(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line.strip())
    lines.put(None)


def _wait_for_listeners(lines: queue.Queue[str | None], listeners: int) -> list[str]:
    """What MediaMTX said until all listeners were open. Raises when it ended or did not get there in time."""
    said: list[str] = []
    deadline = time.monotonic() + START_SECONDS
    opened = 0
    while opened < listeners:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise ConfigurationRefusedError(f"not started after {START_SECONDS:g} s: {_verdict(said)}") from None
        if line is None:
            raise ConfigurationRefusedError(_verdict(said))
        said.append(line)
        opened += _LISTENING in line
    return said


def _drain(lines: queue.Queue[str | None]) -> Iterator[str | None]:
    while True:
        try:
            yield lines.get(timeout=1)
        except queue.Empty:
            return


def _verdict(said: list[str]) -> str:
    """The last error that MediaMTX logged, else its last line, without time stamp and secrets."""
    errors = [line for line in said if " ERR " in line or "ERR:" in line]
    line = (errors or said or ["it said nothing"])[-1]
    return redact(line.partition(" ERR ")[2] or line.removeprefix("ERR: "))
