"""One JSON line for each task and host, so that the command line shows progress and keeps what a run left behind.

Lines go to the file that the variable ``VIGIE_EVENTS`` names; without it the plugin is off. A line never holds what a
task was given (arguments, loop items, file content), only what it answered for: paths, checksums, unit states.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: vigie_events
type: notification
short_description: a JSON line for each task result
description:
  - Appends one JSON object a line to the file named by the environment variable C(VIGIE_EVENTS).
"""

EVENTS_VARIABLE = "VIGIE_EVENTS"
MESSAGE_LIMIT = 2000  # characters of what a failed task said
SHA1_DIGITS = 40  # what Ansible's own modules give as `checksum`
RUNNING_STATES = frozenset({"active", "activating", "reloading"})  # ActiveState, systemd(1)


def outcomes(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The results of a task: its own, or those of its loop."""
    items = result.get("results")
    if isinstance(items, list):
        yield from (item for item in items if isinstance(item, Mapping))
    else:
        yield result


def files_of(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Files that the task answered for: path, SHA-1 in hexadecimal digits, mode in octal, owner and group.

    Read from the results of copy, template and get_url, and from the ``files`` of our own modules.
    """
    found = []
    for outcome in outcomes(result):
        listed = outcome.get("files")
        if isinstance(listed, list):
            found += [_file(file, file["sha1"]) for file in listed if isinstance(file, Mapping) and "sha1" in file]
        checksum = outcome.get("checksum") or outcome.get("checksum_dest")
        if isinstance(checksum, str) and len(checksum) == SHA1_DIGITS and outcome.get("state", "file") == "file":
            found.append(_file(outcome, checksum))
    return [file for file in found if file["path"]]


def _file(source: Mapping[str, Any], sha1: str) -> dict[str, Any]:
    path = source.get("dest") or source.get("path")
    return {"path": path, "sha1": sha1} | {key: source.get(key) for key in ("mode", "owner", "group")}


def units_of(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Units that the task answered for; ``enabled`` is None where it did not say."""
    found = []
    for outcome in outcomes(result):
        listed = outcome.get("units")
        if isinstance(listed, list):
            found += [{key: unit[key] for key in ("name", "active", "enabled")} for unit in listed]
        status = outcome.get("status")
        if isinstance(status, Mapping) and "ActiveState" in status:
            # `status` was read before the task acted; `state` is what it asked for.
            wanted = outcome.get("state")
            active = wanted != "stopped" if wanted else status["ActiveState"] in RUNNING_STATES
            found.append({"name": outcome["name"], "active": active, "enabled": outcome.get("enabled")})
    return found


def message_of(result: Mapping[str, Any]) -> str:
    """What a task said that failed: the message of each failed item, or its own, and the end of what was printed."""
    items = [
        item for item in outcomes(result) if item is not result and (item.get("failed") or item.get("unreachable"))
    ]
    parts = []
    for outcome in items or [result]:
        spoken = [outcome.get(key) for key in ("msg", "stderr", "stdout", "module_stderr")]
        parts += [text.strip()[-MESSAGE_LIMIT:] for text in spoken if isinstance(text, str) and text.strip()]
    return "\n".join(dict.fromkeys(parts))[:MESSAGE_LIMIT]


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Writes the lines."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "vigie_events"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Open the file of events, if one is named."""
        super().__init__(*arguments, **options)
        path = os.environ.get(EVENTS_VARIABLE)
        self.disabled = not path
        # Line buffered and appended: a reader that follows the file sees whole lines only.
        self._file = Path(path).open("a", encoding="utf-8", buffering=1) if path else None  # noqa: SIM115 - open as long as the run

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002 - signature of Ansible
        """A task begins on all hosts of the play."""
        self._write({"event": "task_start", **_named(task)})

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler begins."""
        self._write({"event": "task_start", **_named(task)})

    def v2_runner_on_ok(self, result: Any) -> None:
        """A host finished a task."""
        self._result(result, "changed" if result.result.get("changed") else "ok")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """A host failed a task."""
        self._result(result, "ok" if ignore_errors else "failed", message_of(result.result))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A host did not answer."""
        self._result(result, "unreachable", message_of(result.result))

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A task does not concern a host."""
        self._result(result, "skipped")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The run is over."""
        self._write({"event": "stats", "hosts": {host: stats.summarize(host) for host in sorted(stats.processed)}})

    def _result(self, result: Any, status: str, message: str = "") -> None:
        answer = result.result
        self._write(
            {
                "host": result.host.get_name(),
                **_named(result.task),
                "status": status,
                "message": message,
                "files": [] if status == "skipped" else files_of(answer),
                "units": [] if status == "skipped" else units_of(answer),
            }
        )

    def _write(self, event: dict[str, Any]) -> None:
        if self._file is not None:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._file.write(json.dumps({"time": now} | event, ensure_ascii=False) + "\n")


def _named(task: Any) -> dict[str, Any]:
    """The role, the stage (the file of tasks) and the name of a task, as written."""
    role = task._role  # Ansible offers no other way
    stage = Path((task.get_path() or "").rpartition(":")[0]).stem
    return {"role": role.get_name() if role else None, "stage": stage, "task": task.name or task.action}
