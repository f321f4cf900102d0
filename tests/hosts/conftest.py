"""Tests of real hosts, in the lab and in production alike: each looks at a host once and compares it with the plan.

``vigie verify CITY`` runs them. ``VIGIE_PLAN`` names the plan, ``VIGIE_STATE`` the state folder with its keys,
``VIGIE_HOSTS`` the hosts (comma list, empty for all), ``VIGIE_EVENTS`` a file that gets one JSON line for each test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.hosts import expected
from tests.hosts.connection import Unreachable, look
from tests.hosts.observed import Observed
from vigie.plan import Plan, load_plan
from vigie.plan.model import Host
from vigie.state import State

AT_ONCE: Final = 9
MESSAGE_CHARACTERS: Final = 1500
# The folder of a test says which hosts it is about.
CONCERNS: Final[dict[str, Callable[[Host], bool]]] = {
    "base": lambda host: "base" in host.services,
    "recorder": lambda host: "recorder" in host.services,
    "exporter": lambda host: any(service.startswith("exporter_") for service in host.services),
    "lab_encoder": lambda host: "lab_encoder" in host.services,
    "noc": lambda host: host.tier == "noc",
}


class City:
    """The hosts under test. All are looked at together, when the first test asks."""

    def __init__(self, plan: Plan, state: State, names: set[str]) -> None:
        self.plan, self.state = plan, state
        self.hosts = [host for host in plan.deployed_hosts if not names or host.name in names]
        self._observed: dict[str, Observed] = {}

    def observed(self, name: str) -> Observed:
        """What the host ``name`` was found to be."""
        if not self._observed:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                self._observed = {seen.host.name: seen for seen in pool.map(self._look, self.hosts)}
        return self._observed[name]

    def _look(self, host: Host) -> Observed:
        try:
            sections = look(host, self.state, expected.request(self.plan, self.state, host))
        except Unreachable as trouble:
            return Observed(self.plan, self.state, host, trouble=str(trouble))
        return Observed(self.plan, self.state, host, sections)


def pytest_configure(config: pytest.Config) -> None:
    """Read the plan. Raises ``UsageError`` when no city is named: hosts that nobody asked for are never green."""
    missing = [name for name in ("VIGIE_PLAN", "VIGIE_STATE") if not os.environ.get(name)]
    if missing:
        raise pytest.UsageError(f"{' and '.join(missing)} not set: run these tests with `vigie verify CITY`")
    names = {name.strip() for name in os.environ.get("VIGIE_HOSTS", "").split(",") if name.strip()}
    plan = load_plan(Path(os.environ["VIGIE_PLAN"]))
    if unknown := names - {host.name for host in plan.deployed_hosts}:
        raise pytest.UsageError(f"VIGIE_HOSTS: the plan has no {', '.join(sorted(unknown))}")
    config.stash[CITY] = City(plan, State(Path(os.environ["VIGIE_STATE"])), names)


CITY: Final = pytest.StashKey[City]()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on every host that its folder is about."""
    if "observed" in metafunc.fixturenames:
        concerns = CONCERNS[Path(str(metafunc.module.__file__)).parent.name]
        names = [host.name for host in metafunc.config.stash[CITY].hosts if concerns(host)]
        metafunc.parametrize("observed", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def observed(request: pytest.FixtureRequest) -> Observed:
    """One host, as it was found."""
    return request.config.stash[CITY].observed(request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Write the event of a finished test."""
    report = yield
    events = os.environ.get("VIGIE_EVENTS")
    callspec = getattr(item, "callspec", None)
    decided = report.when == "call" or not report.passed
    if events and callspec and decided and report.when != "teardown":
        said = str(call.excinfo.value).strip() if call.excinfo else ""
        event = {
            "host": callspec.params["observed"],
            "test": item.nodeid.split("[")[0].removeprefix("tests/hosts/"),
            "outcome": report.outcome,
            "message": said[:MESSAGE_CHARACTERS],
        }
        with Path(events).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")
    return report
