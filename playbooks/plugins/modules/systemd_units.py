"""Makes units what they should be: enabled, running, and running with the files that are there now."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: systemd_units
short_description: units that run with the files that are there now
description:
  - Enables, starts, stops or masks units, many in one call.
  - Restarts or reloads a running unit when one of its files is newer than its last start or reload. Handlers do that
    only in the run that wrote the file; a run that was broken off in between would leave the old settings in force for
    ever. This asks what is, so the next run repairs it.
  - The unit file and its drop-ins always count as files of the unit; systemd is told of new ones.
options:
  units:
    description: units that must be as described
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: full name of the unit
        type: str
        required: true
      enabled:
        description: whether it starts at boot; not looked at when left out
        type: bool
      active:
        description: whether it runs
        type: bool
        default: true
      restart_on:
        description: files that it reads when it starts
        type: list
        elements: path
        default: []
      reload_on:
        description: files that it reads again when told to
        type: list
        elements: path
        default: []
      proof:
        description: >-
          command that succeeds while what the unit did is in force; when it fails the unit reloads, or restarts where it
          cannot reload. For units that set something up and end, such as a firewall.
        type: list
        elements: str
        default: []
  masked:
    description: names of units that do not run and that nothing may start; those that do not exist are passed over
    type: list
    elements: str
    default: []
author:
  - Vigie
"""

EXAMPLES = r"""
- name: Run Prometheus
  systemd_units:
    units:
      - name: prometheus.service
        enabled: true
        restart_on: [/etc/default/prometheus]
        reload_on: [/etc/prometheus/prometheus.yml]
"""

RETURN = r"""
units:
  description: name, active and enabled (as asked for; null where not) of every unit
  returned: always
  type: list
actions:
  description: what was done, and why
  returned: always
  type: list
"""

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "CanReload",
    "FragmentPath",
    "DropInPaths",
    "ActiveEnterTimestamp",
    "StateChangeTimestamp",
    "InvocationID",
)
RUNNING = ("active", "reloading")
SETTLE_SECONDS = 0.7  # what starts and fails at once is found out here, not by the next alarm
JOURNAL_LINES = "15"


def parse_time(text: str) -> float:
    """Seconds since 1970 of a time stamp as ``systemctl show --timestamp=us+utc`` prints it; 0 for never.

    >>> parse_time("Thu 1970-01-01 00:00:01.500000 UTC")
    1.5
    """
    if not text:
        return 0.0
    stamp = datetime.strptime(text.split(" ", 1)[1], "%Y-%m-%d %H:%M:%S.%f %Z")
    return stamp.replace(tzinfo=timezone.utc).timestamp()  # noqa: UP017 - the oldest Python of a host decides


def newest(paths: list[str]) -> tuple[float, str]:
    """Time and path of the file that changed last; a link counts as itself: it is what is switched."""
    found = [(os.lstat(path).st_mtime, path) for path in paths if os.path.lexists(path)]
    return max(found, default=(0.0, ""))


def step_for(wanted: dict[str, object], seen: dict[str, str]) -> tuple[str, str]:
    """The systemctl verb that a unit needs and why; both empty when it is as wanted."""
    running = seen["ActiveState"] in RUNNING
    if not wanted["active"]:
        idle = seen["ActiveState"] in ("inactive", "failed", "")
        return ("", "") if idle else ("stop", "it should not run")
    if not running:
        return "start", f"it is {seen['ActiveState'] or 'unknown'}"
    own = [seen["FragmentPath"], *seen["DropInPaths"].split()]
    changed, path = newest([path for path in own if path] + list(wanted["restart_on"]))  # type: ignore[call-overload]
    if changed > parse_time(seen["ActiveEnterTimestamp"]):
        return "restart", f"{path} is newer"
    changed, path = newest(list(wanted["reload_on"]))  # type: ignore[call-overload]
    if changed > parse_time(seen["StateChangeTimestamp"]):
        return "reload", f"{path} is newer"
    return "", ""


def enabling_for(wanted: dict[str, object], seen: dict[str, str]) -> str:
    """The systemctl verb that makes a unit start at boot, or not; empty when that is as wanted."""
    enabled = seen["UnitFileState"] in ("enabled", "enabled-runtime")
    if wanted["enabled"] is None or wanted["enabled"] == enabled:
        return ""
    return "enable" if wanted["enabled"] else "disable"


class Units:
    """The units of the host, through systemctl(1)."""

    def __init__(self, module: AnsibleModule) -> None:
        """Act for ``module``; in check mode only the actions are told."""
        self.module = module
        self.systemctl = module.get_bin_path("systemctl", required=True)
        self.actions: list[str] = []
        module.run_command_environ_update = {"LC_ALL": "C"}

    def show(self, name: str) -> dict[str, str]:
        """The properties of a unit."""
        command = [self.systemctl, "show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", "--", name]
        _, text, _ = self.module.run_command(command, check_rc=True)
        values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        return {name: values.get(name, "") for name in PROPERTIES}

    def act(self, verb: str, name: str, reason: str) -> None:
        """Run a verb on a unit; a failure tells what the unit's journal says."""
        self.actions.append(f"{verb} {name}: {reason}" if reason else f"{verb} {name}")
        if self.module.check_mode:
            return
        code, _, error = self.module.run_command([self.systemctl, verb, "--", name])
        if code:
            self.fail(f"systemctl {verb} {name}: {error.strip()}", name)

    def fail(self, message: str, name: str) -> None:
        """End with ``message`` and the last lines of the unit's journal."""
        command = [self.module.get_bin_path("journalctl", required=True), f"--lines={JOURNAL_LINES}"]
        _, text, _ = self.module.run_command([*command, "--no-pager", "--output=cat", f"--unit={name}"])
        self.module.fail_json(msg=f"{message}\n{text.strip()}", actions=self.actions)

    def load(self, names: list[str]) -> dict[str, dict[str, str]]:
        """The properties of every unit, after systemd has read new unit files."""
        seen = {name: self.show(name) for name in names}
        stale = any(one["NeedDaemonReload"] == "yes" or one["LoadState"] == "not-found" for one in seen.values())
        if not stale or self.module.check_mode:
            return seen
        self.module.run_command([self.systemctl, "daemon-reload"], check_rc=True)
        return {name: self.show(name) for name in names}

    def mask(self, name: str, seen: dict[str, str]) -> None:
        """Stop a unit and let nothing start it."""
        if seen["ActiveState"] in (*RUNNING, "activating"):
            self.act("stop", name, "it should not run")
        if seen["UnitFileState"] != "masked" and seen["LoadState"] not in ("not-found", "masked"):
            self.act("mask", name, "")

    def make(self, wanted: dict[str, object], seen: dict[str, str]) -> None:
        """Make one unit what it should be."""
        name = str(wanted["name"])
        if seen["LoadState"] == "not-found" and not wanted["active"]:
            return
        if "masked" in (seen["LoadState"], seen["UnitFileState"]):
            self.act("unmask", name, "")
            seen = self.show(name)
        if verb := enabling_for(wanted, seen):
            self.act(verb, name, "")
        verb, reason = step_for(wanted, seen)
        if verb == "start" and seen["ActiveState"] == "failed":
            self.module.run_command([self.systemctl, "reset-failed", "--", name])
        if not verb and wanted["active"] and not self.proven(wanted):
            verb, reason = "reload" if seen["CanReload"] == "yes" else "restart", "what it did was undone"
        if verb:
            self.act(verb, name, reason)

    def proven(self, wanted: dict[str, object]) -> bool:
        """Whether what the unit did is in force, as far as it has a proof."""
        proof = wanted["proof"]
        return not proof or self.module.run_command(proof)[0] == 0

    def settle(self, units: list[dict[str, object]]) -> None:
        """Fail for a unit that did not stay up after it was started, or that did not do its work."""
        if not self.actions or self.module.check_mode:
            return
        before = {name: self.show(name) for name in (str(unit["name"]) for unit in units if unit["active"])}
        time.sleep(SETTLE_SECONDS)
        for name in before:
            seen = self.show(name)
            if seen["ActiveState"] not in RUNNING or seen["InvocationID"] != before[name]["InvocationID"]:
                self.fail(f"{name} does not stay up: it is {seen['ActiveState']}", name)
        for unit in units:
            if not self.proven(unit):
                self.fail(f"{unit['name']} ran, but what it should do is not in force", str(unit["name"]))


def main() -> None:
    """Make the units what they should be and tell what was done."""
    paths = {"type": "list", "elements": "path", "default": []}
    module = AnsibleModule(
        argument_spec={
            "units": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "enabled": {"type": "bool"},
                    "active": {"type": "bool", "default": True},
                    "restart_on": paths,
                    "reload_on": paths,
                    "proof": {"type": "list", "elements": "str", "default": []},
                },
            },
            "masked": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    units = Units(module)
    wanted, masked = module.params["units"], module.params["masked"]
    seen = units.load([*(unit["name"] for unit in wanted), *masked])
    for name in masked:
        units.mask(name, seen[name])
    for unit in wanted:
        units.make(unit, seen[unit["name"]])
    units.settle(wanted)
    told = [{key: unit[key] for key in ("name", "active", "enabled")} for unit in wanted]
    told += [{"name": name, "active": False, "enabled": False} for name in masked]
    module.exit_json(changed=bool(units.actions), actions=units.actions, units=told)


if __name__ == "__main__":
    main()
