"""Events carry what a host answered for, and never what a task was given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.playbooks.plugins import PASSWORDS, PLAYBOOKS, SECRETS, plugin

SHA1 = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"
LAID = {"changed": False, "checksum": SHA1, "dest": "/etc/a", "path": "/etc/a", "mode": "0644", "owner": "root"}
LAID |= {"group": "adm", "state": "file", "invocation": {"module_args": {"content": "camera-pass"}}}
STATUS = {"ActiveState": "inactive", "UnitFileState": "disabled"}


class Host:
    def get_name(self) -> str:
        return "recorder-1"


class Task:
    name = "Lay the file"
    action = "ansible.builtin.template"
    _role = SimpleNamespace(get_name=lambda: "recorder")

    def get_path(self) -> str:
        return "/playbooks/roles/recorder/tasks/configure.yml:12"


@pytest.fixture
def callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("VIGIE_EVENTS", str(tmp_path / "events.jsonl"))
    return plugin("callback", "vigie_events").CallbackModule()


def finished(answer: dict[str, Any]) -> Any:
    return SimpleNamespace(host=Host(), task=Task(), result=answer)


def events(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]


def test_a_laid_file_is_named_even_when_nothing_changed(callback: Any, tmp_path: Path) -> None:
    callback.v2_runner_on_ok(finished(LAID))
    (event,) = events(tmp_path)
    assert event.pop("time")
    assert event == {
        "host": "recorder-1",
        "role": "recorder",
        "stage": "configure",
        "task": "Lay the file",
        "status": "ok",
        "message": "",
        "files": [{"path": "/etc/a", "sha1": SHA1, "mode": "0644", "owner": "root", "group": "adm"}],
        "units": [],
    }


def test_every_item_of_a_loop_is_named(callback: Any, tmp_path: Path) -> None:
    items = [LAID | {"dest": f"/etc/{name}", "item": SECRETS} for name in "abc"]
    callback.v2_runner_on_ok(finished({"changed": True, "results": [*items, {"skipped": True}]}))
    (event,) = events(tmp_path)
    assert event["status"] == "changed"
    assert [file["path"] for file in event["files"]] == ["/etc/a", "/etc/b", "/etc/c"]


def test_files_and_units_of_our_own_modules_are_named(callback: Any, tmp_path: Path) -> None:
    file = {"path": "/etc/key", "sha1": SHA1, "mode": "0600", "owner": "a", "group": "b"}
    unit = {"name": "x.service", "active": True, "enabled": None}
    callback.v2_runner_on_ok(finished({"files": [file, {"path": "/found/by/find"}], "units": [unit]}))
    (event,) = events(tmp_path)
    assert event["files"] == [file]
    assert event["units"] == [unit]


@pytest.mark.parametrize(
    ("answer", "active", "enabled"),
    [
        ({"state": "started", "enabled": True}, True, True),
        ({"state": "stopped", "enabled": False}, False, False),
        ({}, False, None),
    ],
)
def test_a_unit_is_what_was_asked_for(answer: dict[str, Any], active: bool, enabled: bool | None) -> None:
    units = plugin("callback", "vigie_events").units_of({"name": "a.service", "status": STATUS} | answer)
    assert units == [{"name": "a.service", "active": active, "enabled": enabled}]


def test_directories_and_links_are_no_files() -> None:
    files_of = plugin("callback", "vigie_events").files_of
    assert files_of({"path": "/etc/a", "state": "directory", "checksum": SHA1}) == []
    assert files_of({"dest": "/opt/current", "src": "/opt/a", "state": "link"}) == []


def test_a_failure_says_what_the_check_said_and_no_argument(callback: Any, tmp_path: Path) -> None:
    failed = LAID | {"failed": True, "msg": "failed to validate", "stderr": "unknown field 'recrod'"}
    callback.v2_runner_on_failed(finished({"msg": "One or more items failed", "results": [LAID, failed]}))
    (event,) = events(tmp_path)
    assert event["status"] == "failed"
    assert event["message"].splitlines() == ["failed to validate", "unknown field 'recrod'"]


def test_an_unreachable_host_says_why(callback: Any, tmp_path: Path) -> None:
    callback.v2_runner_on_unreachable(finished({"msg": "Connection timed out"}))
    (event,) = events(tmp_path)
    assert (event["status"], event["message"]) == ("unreachable", "Connection timed out")


def test_no_password_that_a_task_was_given_reaches_an_event(callback: Any, tmp_path: Path) -> None:
    given = {"item": SECRETS, "invocation": {"module_args": SECRETS}, "diff": {"after": str(SECRETS)}}
    for answer in (given, {"results": [given | LAID]}, given | {"failed": True, "msg": "no"}):
        callback.v2_runner_on_ok(finished(answer))
        callback.v2_runner_on_failed(finished(answer))
        callback.v2_runner_on_skipped(finished(answer))
    text = (tmp_path / "events.jsonl").read_text()
    assert len(text.splitlines()) == 9
    assert not [password for password in PASSWORDS if password in text]


def test_the_last_event_counts(callback: Any, tmp_path: Path) -> None:
    counts = {"ok": 3, "changed": 1, "failures": 0, "unreachable": 0}
    callback.v2_playbook_on_stats(SimpleNamespace(processed={"a": 1}, summarize=lambda host: counts))
    (event,) = events(tmp_path)
    assert event["event"] == "stats"
    assert event["hosts"] == {"a": counts}


def test_without_a_file_the_plugin_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGIE_EVENTS", raising=False)
    assert plugin("callback", "vigie_events").CallbackModule().disabled


PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Lay a file
      ansible.builtin.copy: {content: "{{ secret }}", dest: "{{ folder }}/a", mode: "0600"}
      diff: false
    - name: Lay what its check refuses
      ansible.builtin.copy: {content: "{{ secret }}", dest: "{{ folder }}/{{ item }}", validate: "ls %s.absent"}
      loop: [b, c]
      diff: false
      when: refused | bool
    - name: Refuse
      ansible.builtin.assert: {that: false, fail_msg: no volume is mounted}
"""


@pytest.mark.parametrize(("refused", "said"), [(False, "no volume is mounted"), (True, "failed to validate")])
def test_ansible_itself_writes_the_events(refused: bool, said: str, tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    values = {"secret": "camera-pass", "folder": str(tmp_path), "refused": refused}
    (tmp_path / "values.json").write_text(json.dumps(values | {"ansible_python_interpreter": sys.executable}))
    events_file = tmp_path / "events.jsonl"
    settings = {
        "VIGIE_EVENTS": str(events_file),
        "ANSIBLE_CALLBACK_PLUGINS": str(PLAYBOOKS / "plugins" / "callback"),
        "ANSIBLE_CALLBACKS_ENABLED": "vigie_events",
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "tmp"),
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-vvv", "-c", "local", "-i", "one,"]
    arguments = ["-e", f"@{tmp_path / 'values.json'}", str(tmp_path / "play.yml")]
    ran = subprocess.run(
        [*command, *arguments], env=os.environ | settings, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    found = events(tmp_path)
    results = [event for event in found if "status" in event]
    assert results[0]["files"][0]["path"] == str(tmp_path / "a"), ran.stdout
    assert results[0]["files"][0]["mode"] == "0600"
    assert results[-1]["status"] == "failed"
    assert said in results[-1]["message"]
    assert found[-1]["event"] == "stats"
    assert found[-1]["hosts"]["one"]["failures"] == 1
    # Neither in the events nor in Ansible's own output, even at its most talkative.
    assert "camera-pass" not in events_file.read_text() + ran.stdout + ran.stderr
