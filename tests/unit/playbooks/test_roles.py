"""Every role is whole: described variables, real stages, and no value that only somebody's memory provides."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.playbooks.plugins import PLAYBOOKS, ROLE_NAMES, ROLES, demo, handed_over
from vigie.plan import host_variables

TYPES = {str: "str", int: "int", bool: "bool", list: "list", dict: "dict"}
STAGES = ["preflight", "install", "configure", "run"]
OWN_MODULES = {path.stem for path in (PLAYBOOKS / "plugins" / "modules").glob("*.py")}
KEYWORDS = {"name", "when", "loop", "loop_control", "register", "changed_when", "failed_when", "check_mode", "diff"}
KEYWORDS |= {"tags", "vars", "environment"}


def defaults(role: str) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text())
    return values


def options(role: str) -> dict[str, Any]:
    specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text())
    found: dict[str, Any] = specs["argument_specs"]["main"]["options"]
    return found


def tasks(role: str) -> list[dict[str, Any]]:
    return [task for path in (ROLES / role / "tasks").glob("*.yml") for task in yaml.safe_load(path.read_text())]


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_specification_and_defaults_name_the_same_variables(role: str) -> None:
    assert list(options(role)) == list(defaults(role))
    assert all(name.startswith(f"{role}_") for name in options(role))


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_defaults_are_of_the_specified_type(role: str) -> None:
    for name, value in defaults(role).items():
        if not (isinstance(value, str) and value.startswith("{{")):
            assert options(role)[name]["type"] == TYPES[type(value)], name


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_every_variable_is_explained_where_it_is_set(role: str) -> None:
    lines = (ROLES / role / "defaults" / "main.yml").read_text().splitlines()
    bare = [line for before, line in itertools.pairwise(lines) if line[0:1].isalpha() and before[0:1] != "#"]
    assert bare == []
    assert all(len(option["description"]) > 10 for option in options(role).values())


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_logins_are_kept_out_of_the_messages_of_argument_validation(role: str) -> None:
    assert [
        name for name, option in options(role).items() if name.endswith("_login") and not option.get("no_log")
    ] == []


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_stages_are_run_in_order_with_their_tags(role: str) -> None:
    steps = yaml.safe_load((ROLES / role / "tasks" / "main.yml").read_text())
    named = [step["ansible.builtin.import_tasks"].removesuffix(".yml") for step in steps]
    assert named == [stage for stage in STAGES if stage in named]
    assert [step["tags"] for step in steps] == [[stage] for stage in named]
    assert {path.stem for path in (ROLES / role / "tasks").glob("*.yml")} == {"main", *named}


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_only_modules_of_ansible_itself_and_our_own_are_used(role: str) -> None:
    for task in tasks(role):
        (module,) = task.keys() - KEYWORDS
        assert module.startswith("ansible.builtin.") or module in OWN_MODULES, task["name"]


@pytest.mark.parametrize("role", ROLE_NAMES)
def test_a_file_with_credentials_is_never_shown(role: str) -> None:
    """``no_log`` would hide the checksum that ``vigie status`` compares with: such files are laid with ``diff: false``."""
    for task in tasks(role):
        template = task.get("ansible.builtin.template")
        if template and "{{" not in template["src"]:
            source = (ROLES / role / "templates" / template["src"]).read_text()
            holds_secrets = re.search(r"\.password\b|_login \||_users\b|recorder_configuration", source)
            assert not holds_secrets or task.get("diff") is False, task["name"]


def used_variables() -> set[str]:
    files = [path for path in ROLES.rglob("*") if path.is_file()]
    return set(re.findall(r"\bvigie_[a-z_]+\b", "".join(path.read_text() for path in files)))


def test_every_variable_of_the_plan_that_a_role_uses_is_in_the_plan() -> None:
    provided = set(handed_over(Path("/state")))
    for host in demo().hosts:
        provided |= set(host_variables(demo(), host.name))
    assert used_variables() - provided == set()


def test_packages_are_listed_by_every_role_for_the_bundle() -> None:
    assert all(isinstance(defaults(role)[f"{role}_packages"], list) for role in ROLE_NAMES)


def test_site_runs_the_playbook_of_every_tier() -> None:
    plays = yaml.safe_load((PLAYBOOKS / "site.yml").read_text())
    imported = [play["ansible.builtin.import_playbook"] for play in plays]
    assert sorted(imported) == sorted(path.name for path in PLAYBOOKS.glob("*.yml") if path.name != "site.yml")
    assert imported[0] == "base.yml"
