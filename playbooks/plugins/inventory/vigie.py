"""Ansible's inventory is the plan: hosts, tiers as groups, and what each host must know."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

from vigie.plan import host_variables, load_plan
from vigie.plan.model import Login

DOCUMENTATION = r"""
name: vigie
short_description: hosts of a Vigie plan
description:
  - Reads the C(plan.json) of a city's state folder.
  - Groups are the tiers of the plan; host variables are those of C(vigie.plan.host_variables).
  - Keys and known hosts of SSH are those of the same state folder.
options:
  plugin:
    description: not used; the inventory is a plan, not a configuration file
    required: false
"""

PLAN_NAME = "plan.json"

# sockaddr_un.sun_path is 108 bytes (unix(7)); Ansible adds "/" and 10 digits, ssh a dot and 16 letters while it connects.
CONTROL_PATH_LIMIT = 108 - 29


def control_directory(state: Path) -> Path:
    """Folder of SSH control sockets: in the state folder, so that two cities with equal addresses never share one.

    A state folder too deep for a socket gets a folder of its own in the temporary folder.
    """
    inside = state / "ssh" / "cp"
    if len(str(inside).encode()) <= CONTROL_PATH_LIMIT:
        return inside
    return Path(tempfile.gettempdir()) / f"vigie-{hashlib.sha256(str(state).encode()).hexdigest()[:12]}"


def connection_variables(state: Path, login: Login) -> dict[str, Any]:
    """How Ansible reaches a host; keys are those of folder ``state``."""
    options = {"UserKnownHostsFile": f'"{state / "ssh" / "known_hosts"}"', "GlobalKnownHostsFile": "/dev/null"}
    options |= {"StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes", "PreferredAuthentications": "publickey"}
    return {
        "ansible_host": login.address,
        "ansible_port": login.port,
        "ansible_user": login.user,
        "ansible_become": True,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(state / "ssh" / "id_ed25519"),
        "ansible_ssh_common_args": " ".join(f"-o '{name}={value}'" for name, value in options.items()),
        "ansible_control_path_dir": str(control_directory(state)),
    }


class InventoryModule(BaseInventoryPlugin):  # type: ignore[misc]
    """Inventory of the hosts of a plan."""

    NAME = "vigie"

    def verify_file(self, path: str) -> bool:
        """Accept a file called ``plan.json`` and no other."""
        return bool(super().verify_file(path)) and Path(path).name == PLAN_NAME

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Fill ``inventory`` from the plan in ``path``. Raises ``AnsibleParserError`` for what is no plan."""
        super().parse(inventory, loader, path, cache)
        file = Path(path).resolve()
        try:
            plan = load_plan(file)
        except (OSError, ValueError) as error:
            raise AnsibleParserError(f"{file} is no plan: {error}") from error
        for host in plan.deployed_hosts:
            inventory.add_group(host.tier)
            inventory.add_host(host.name, group=host.tier)
            variables = host_variables(plan, host.name)
            for name, value in (variables | connection_variables(file.parent, host.login)).items():
                inventory.set_variable(host.name, name, value)
