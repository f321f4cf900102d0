"""Run the playbooks on the hosts of a plan, and keep what they left behind as the hosts' manifests."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vigie.cli.children import Event, run
from vigie.cli.progress import Progress
from vigie.state import State, write_json

PLAYBOOKS: Final = Path(__file__).parents[2] / "playbooks"
STYLES: Final = {"failed": "red", "unreachable": "red", "changed": "yellow"}


@dataclass
class PlaybookRun:
    """What a run did: changed tasks and failures of each host, and the files and units it answered for."""

    hosts: Collection[str]
    exit_code: int = 0
    changed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, str] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    units: dict[str, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    finished: bool = False

    def take(self, event: Event) -> None:
        """Learn from one event of the callback plugin ``vigie_events``."""
        if event.get("event") == "stats":
            self.finished = True
        host = event.get("host")
        if host is None or "status" not in event:
            return
        status = event["status"]
        if status == "changed":
            self.changed[host].append(f"{event['role']}: {event['task']}" if event.get("role") else event["task"])
        elif status in {"failed", "unreachable"}:
            self.failures[host] = f"{event.get('role') or ''} {event['task']}: {event['message']}".strip()
        for file in event.get("files", []):
            self.files[host][file["path"]] = {key: file[key] for key in ("sha1", "mode", "owner", "group")}
        for unit in event.get("units", []):
            # A handler that restarts a unit says nothing of `enabled`: keep what the role's own task said.
            known = self.units[host].get(unit["name"], {})
            enabled = unit["enabled"] if unit["enabled"] is not None else known.get("enabled")
            self.units[host][unit["name"]] = {"active": unit["active"], "enabled": enabled}


def run_playbook(state: State, prefix: Sequence[str], hosts: Collection[str], progress: Progress) -> PlaybookRun:
    """Run ``site.yml`` on ``hosts`` through ``prefix`` (the way into the hosts' network) and keep their manifests.

    The manifest of a host is written only when the run answered for the whole host.
    """
    result = PlaybookRun(hosts)

    def on_event(event: Event) -> None:
        result.take(event)
        if event.get("host") and event.get("status"):
            role = f"{event['role']}: " if event.get("role") else ""
            loud = event["status"] in {"failed", "unreachable"}
            text = f"{role}{event['task']}" + (f": {event['message']}" if loud else "")
            progress.step(event["host"], text, style=STYLES.get(event["status"], ""), loud=loud)

    argv = [
        *prefix,
        *(sys.executable, "-m", "ansible", "playbook", "-i", str(state.plan), str(PLAYBOOKS / "site.yml")),
        *("-e", f"@{state.variables}", "-e", f"@{state.secrets}", "--vault-password-file", str(state.passphrase)),
        *("--limit", ",".join(sorted(hosts))),
    ]
    log = state.events / "playbook.log"
    result.exit_code = run(
        argv,
        cwd=PLAYBOOKS,
        environment={"ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        log=log,
        events=state.events / "playbook.jsonl",
        on_event=on_event,
    )
    if result.exit_code and not result.failures:
        # Ansible ended before it reached a host (a playbook that does not parse, say): its own words tell why.
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = next((line for line in said if "ERROR" in line), said[-1] if said else f"exit code {result.exit_code}")
        result.failures = dict.fromkeys(hosts, f"ansible-playbook: {reason}")
    if result.finished:
        for host in set(hosts) - set(result.failures):
            write_json(state.manifest(host), {"files": result.files[host], "units": result.units[host]})
    return result
