"""Pages that promise to be complete are compared with what they describe."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.cities import DEMO, REPOSITORY
from vigie.city import load_city
from vigie.metrics import METRICS, RECORDING_RULES
from vigie.plan import plan

DOCS = REPOSITORY / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), REPOSITORY / "README.md"])


def rows_of(page: str, heading: str) -> list[str]:
    """The first cell of each table row under ``heading`` of a page, without its code marks."""
    section = (DOCS / page).read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.M)


@pytest.mark.parametrize(
    ("heading", "where"),
    [
        ("On hosts and the control node", ("project", "dependencies")),
        ("On the control node", ("project", "optional-dependencies", "control")),
        ("For cities on OpenStack", ("project", "optional-dependencies", "openstack")),
        ("For cities on Proxmox VE", ("project", "optional-dependencies", "proxmox")),
        ("For development", ("dependency-groups", "dev")),
    ],
)
def test_every_dependency_has_a_reason(heading: str, where: tuple[str, ...]) -> None:
    """A dependency without a reason is one that nobody dares to remove."""
    value: Any = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    for key in where:
        value = value[key]
    names = [re.match(r"[A-Za-z0-9._-]+", entry)[0] for entry in value]  # type: ignore[index]
    assert rows_of("dependencies.md", heading) == names


@pytest.mark.parametrize(
    ("lock", "groups"),
    [("hosts.txt", ()), ("control.txt", ("control", "dev"))],
)
def test_the_locks_are_of_this_project_file(lock: str, groups: tuple[str, ...]) -> None:
    """A lock made for other requirements installs what nobody asked for: run ``make lock`` after editing pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    optional = project["project"]["optional-dependencies"] | project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *(entry for group in groups for entry in optional[group])]
    text = (REPOSITORY / "requirements" / lock).read_text("utf-8")
    locked = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


def test_the_locks_agree_and_name_no_host() -> None:
    """Hosts run what the control node was tested with; where packages come from is the machine's own setting."""
    found = {}
    for lock in ("hosts.txt", "control.txt"):
        text = (REPOSITORY / "requirements" / lock).read_text("utf-8")
        assert "://" not in text
        found[lock] = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", text, re.MULTILINE))
    assert found["hosts.txt"].items() <= found["control.txt"].items()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    """A page that points at a file that moved is worse than none."""
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
    for path in re.findall(r"`((?:tests|docs|inventories|playbooks|vigie|infra)/[\w/.-]+)`", text):
        if page.name != "design.md":
            assert (REPOSITORY / path).exists(), f"{page.name}: {path}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_metrics_on_pages_exist(page: Path) -> None:
    """A query that is copied from a page and finds nothing looks like a city without faults."""
    known = {metric.name for metric in METRICS} | {rule.name for rule in RECORDING_RULES}
    named = set(re.findall(r"\bvigie_[a-z0-9_]+\b", page.read_text("utf-8")))
    assert {name for name in named if not any(name in other for other in known)} - {"vigie_secrets"} == set()


def test_the_printed_addresses_are_the_plans() -> None:
    """People type what the page says."""
    text = (DOCS / "how-to" / "watch.md").read_text("utf-8")
    ports = {forward.listen_port for forward in plan(load_city(DEMO)).forwards}
    assert {int(port) for port in re.findall(r"https://localhost:(\d+)", text)} == ports


def test_what_a_hypervisor_needs_is_tested_with_the_same_bounds() -> None:
    """The targets are tested with what the group ``dev`` installs: it must be what a city installs."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    optional = project["project"]["optional-dependencies"]
    assert {*optional["openstack"], *optional["proxmox"]} <= {*project["dependency-groups"]["dev"]}
