"""Plans for a hypervisor, and wrong settings, shared by the tests of both targets."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.unit.cities import committed
from vigie.city import City
from vigie.city.errors import CityError, Problem
from vigie.plan import Plan, plan
from vigie.plan.model import Environment

AUTHORIZED_KEY = "ssh-ed25519 AAAA vigie"


@cache
def planned_for(name: str, target: Environment) -> Plan:
    """The plan of ``inventories/<name>`` with its target changed, as if ``city.yaml`` said so."""
    city: City = committed(name)[0]
    head = city.file.city.model_copy(update={"target": target})
    return plan(city.model_copy(update={"file": city.file.model_copy(update={"city": head})}))


def without(planned: Plan, host: str) -> Plan:
    """``planned`` as if ``host`` had never been."""
    return replace(planned, hosts=tuple(one for one in planned.hosts if one.name != host))


def changed(text: str, key: str, value: object) -> str:
    """The YAML ``text`` with its top-level ``key`` set to ``value``; ``None`` removes it."""
    document = yaml.safe_load(text)
    document[key] = value
    return yaml.safe_dump({name: kept for name, kept in document.items() if kept is not None}, sort_keys=False)


def only_problem(error: pytest.ExceptionInfo[CityError]) -> Problem:
    """The one problem of an error."""
    (problem,) = error.value.problems
    return problem


def write(folder: Path, name: str, text: str) -> Path:
    """``text`` as ``folder``/``name``; the folder."""
    (folder / name).write_text(text, encoding="utf-8")
    return folder
