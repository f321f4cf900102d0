"""The inventory is the plan: every host once, in its tier, with what the plan says of it and nothing invented."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.playbooks.plugins import PLAYBOOKS, demo, plugin
from vigie.plan import dump_plan, host_variables


def listed(inventory: Path) -> subprocess.CompletedProcess[str]:
    """What ``ansible-inventory --list`` says of an inventory."""
    return subprocess.run(
        [sys.executable, "-m", "ansible", "inventory", "-i", str(inventory), "--list"],
        cwd=PLAYBOOKS,
        env=os.environ | {"ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state with a space")
    (folder / "plan.json").write_text(dump_plan(demo()), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def inventory(state: Path) -> dict[str, Any]:
    answer = listed(state / "plan.json")
    assert answer.returncode == 0, answer.stderr
    parsed: dict[str, Any] = json.loads(answer.stdout, object_hook=plain)
    return parsed


def plain(value: dict[str, Any]) -> Any:
    """Text that Ansible must not take for a template, which is all text of an inventory, as plain text."""
    return value.get("__ansible_unsafe", value)


def test_groups_are_the_tiers_of_the_plan(inventory: dict[str, Any]) -> None:
    found = {name: set(group.get("hosts", [])) for name, group in inventory.items() if name not in {"_meta", "all"}}
    wanted: dict[str, set[str]] = {}
    for host in demo().hosts:
        wanted.setdefault(host.tier, set()).add(host.name)
    assert found == wanted


def test_every_host_has_exactly_the_variables_of_the_plan(inventory: dict[str, Any]) -> None:
    for host in demo().hosts:
        found = inventory["_meta"]["hostvars"][host.name]
        planned = json.loads(json.dumps(host_variables(demo(), host.name)))
        assert {name: value for name, value in found.items() if name.startswith("vigie_")} == planned
        assert found["ansible_host"] == host.address


def test_only_keys_of_the_state_folder_are_trusted(inventory: dict[str, Any], state: Path) -> None:
    for found in inventory["_meta"]["hostvars"].values():
        assert found["ansible_ssh_private_key_file"] == str(state / "ssh" / "id_ed25519")
        arguments = found["ansible_ssh_common_args"]
        assert "StrictHostKeyChecking=yes" in arguments
        assert f'UserKnownHostsFile="{state / "ssh" / "known_hosts"}"' in arguments


def test_ssh_itself_reads_the_arguments_as_meant(inventory: dict[str, Any], state: Path) -> None:
    import shlex

    arguments = inventory["_meta"]["hostvars"]["noc-1"]["ansible_ssh_common_args"]
    command = ["ssh", "-F", "/dev/null", "-G", *shlex.split(arguments), "10.77.0.30"]
    settings = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"userknownhostsfile {state / 'ssh' / 'known_hosts'}" in settings
    assert "stricthostkeychecking true" in settings


def test_two_cities_never_share_a_connection(tmp_path: Path) -> None:
    control_directory = plugin("inventory", "vigie").control_directory
    deep = [tmp_path / name / ("d" * 90) for name in ("a", "b")]
    folders = {control_directory(Path("/var/lib/vigie/a")), control_directory(Path("/var/lib/vigie/b"))}
    folders |= {control_directory(folder) for folder in deep}
    assert len(folders) == 4
    # A socket's path has 108 bytes with its end (unix(7)); ssh adds a name of 10 digits and a suffix of 17.
    assert all(len(str(folder)) + 1 + 10 + 17 < 108 for folder in folders)


def test_a_file_of_another_name_is_no_inventory(state: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_bytes((state / "plan.json").read_bytes())
    assert listed(other).returncode != 0


def test_an_edited_plan_is_refused(state: Path, tmp_path: Path) -> None:
    edited = tmp_path / "plan.json"
    edited.write_text((state / "plan.json").read_text().replace('"10.77.0.30"', '"10.77.0.31"', 1))
    answer = listed(edited)
    assert answer.returncode != 0
    assert "does not match its digest" in answer.stderr
