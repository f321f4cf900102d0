"""Run a long child command (Ansible, pytest) that reports through a file of JSON lines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

POLL_SECONDS: Final = 0.2
INTERRUPT_GRACE_SECONDS: Final = 10.0

Event = dict[str, Any]


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: dict[str, str],
    log: Path,
    events: Path,
    on_event: Callable[[Event], None],
) -> int:
    """Run ``argv`` to its end and return its exit code.

    Its output goes to ``log``; each JSON line that it appends to ``events`` (``VIGIE_EVENTS``) reaches ``on_event`` at
    once. On Ctrl-C the child is interrupted, then ended with its whole process group, and ``KeyboardInterrupt`` goes on.
    """
    events.unlink(missing_ok=True)
    events.touch(mode=0o600)
    full = {**os.environ, **environment, "VIGIE_EVENTS": str(events)}
    with log.open("wb") as output, events.open(encoding="utf-8") as lines:
        # A session of its own: Ctrl-C reaches this command alone, which then ends the child in an orderly way.
        child = subprocess.Popen(
            argv, cwd=cwd, env=full, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            rest = ""
            while child.poll() is None:
                rest = _drain(lines.read(), rest, on_event)
                time.sleep(POLL_SECONDS)
            _drain(lines.read(), rest, on_event)
        finally:
            end(child)
    return child.returncode


def end(child: subprocess.Popen[bytes]) -> None:
    """End ``child`` and its process group: an interrupt first, which lets Ansible and pytest clean up, then a kill."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGINT)
        try:
            child.wait(INTERRUPT_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _drain(text: str, rest: str, on_event: Callable[[Event], None]) -> str:
    """Hand on each whole line of ``rest + text``; returns the torn last line."""
    *whole, torn = (rest + text).split("\n")
    for line in whole:
        if line.strip():
            on_event(json.loads(line))
    return torn
