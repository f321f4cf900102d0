"""Plugins of Ansible as plain modules, and templates as Ansible renders them."""

from __future__ import annotations

import importlib.util
from collections import ChainMap
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.unit.cities import DEMO, REPOSITORY
from vigie.city import load_city
from vigie.plan import Plan, host_variables, plan

PLAYBOOKS: Final = REPOSITORY / "playbooks"
ROLES: Final = PLAYBOOKS / "roles"
ROLE_NAMES: Final = sorted(path.name for path in ROLES.iterdir() if path.is_dir())


@cache
def plugin(kind: str, name: str) -> ModuleType:
    """The plugin ``name`` of ``kind`` (``action``, ``callback`` …), imported by its path."""
    path = PLAYBOOKS / "plugins" / kind / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"vigie_{kind}_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def demo() -> Plan:
    """The plan of the demo."""
    return plan(load_city(DEMO))


#: What the command line hands to Ansible beside the plan, with passwords that a search finds again.
SECRETS: Final[dict[str, Any]] = {
    "camera": {"username": "viewer", "password": "camera-pass"},
    "mediamtx": {
        "exporter": {"username": "exporter", "password": "metrics-pass"},
        "operator": {"username": "operator", "password": "api-pass"},
    },
    "scrape": {"username": "prometheus", "password": "scrape-pass", "bcrypt": "$2b$10$scrape"},
    "web": {"username": "noc", "password": "web-pass", "bcrypt": "$2b$10$web"},
}
PASSWORDS: Final = ("camera-pass", "metrics-pass", "api-pass", "scrape-pass", "web-pass")


def handed_over(state: Path) -> dict[str, Any]:
    """Extra variables of every play: ``variables.json`` and ``secrets.yml``."""
    return {
        "vigie_state": str(state),
        "vigie_ca_file": str(state / "ca" / "ca.pem"),
        "vigie_rules_file": str(state / "rendered" / "rules.yml"),
        "vigie_wheel": {"name": "vigie.whl", "digest": "0123456789ab" + "c" * 52, "requirements": "requirements.txt"},
        "vigie_binaries": {"mediamtx": {"sha256": "a" * 64}},
        "vigie_clips": [{"name": "h264-2560x1440-15.main.clip", "sha256": "b" * 64}],
        "vigie_secrets": SECRETS,
    }


@cache
def _load_plugins() -> None:
    """Let Ansible find its own plugins and ours, once a process."""
    from ansible.plugins.loader import filter_loader, init_plugin_loader, lookup_loader

    init_plugin_loader()
    filter_loader.add_directory(str(PLAYBOOKS / "plugins" / "filter"))
    lookup_loader.add_directory(str(PLAYBOOKS / "plugins" / "lookup"))


@cache
def _own_variables(role: str) -> tuple[dict[str, Any], ...]:
    """What ``role`` itself sets: its variables, then its defaults."""
    from ansible.parsing.dataloader import DataLoader

    files = [ROLES / role / folder / "main.yml" for folder in ("vars", "defaults")]
    loader = DataLoader()
    return tuple(loader.load_from_file(str(path), trusted_as_template=True) for path in files if path.exists())


class Rendering:
    """Templates of a role as they come out on a host of the demo, or of another city."""

    def __init__(self, state: Path, host: str, role: str, city: Plan | None = None, /, **variables: Any) -> None:
        """``variables`` win over the role's own, as those of a task do."""
        from ansible.parsing.dataloader import DataLoader

        _load_plugins()
        self._loader = DataLoader()
        self.role = role
        planned = host_variables(city or demo(), host)
        fixed = {"ansible_managed": "Ansible managed", "inventory_hostname": host}
        self._variables = ChainMap(variables, handed_over(state), planned, fixed, *_own_variables(role))

    def text(self, template: str, **variables: Any) -> str:
        """The file that ``template`` becomes; ``variables`` are those of one task."""
        from ansible.template import Templar, trust_as_template

        source = (ROLES / self.role / "templates" / template).read_text(encoding="utf-8")
        overrides = {"trim_blocks": True, "lstrip_blocks": False, "keep_trailing_newline": True}
        templar = Templar(self._loader, self._variables.new_child(variables))
        return str(templar.copy_with_new_env().template(trust_as_template(source), overrides=overrides))

    def value(self, name: str) -> Any:
        """The value of a variable."""
        from ansible.template import Templar

        return Templar(self._loader, self._variables).template(self._variables[name])
