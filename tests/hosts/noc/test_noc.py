"""The network operations centre sees every host and would say so. Asked from the control node, as people do."""

from __future__ import annotations

import base64
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.hosts.observed import Observed
from vigie.cli.secrets import read_secrets
from vigie.metrics import ALERTS, RECORDING_RULES
from vigie.plan import constants

PATIENCE_SECONDS: Final = 30.0  # a target that has only just started is up at the next scrape
TIMEOUT_SECONDS: Final = 5


class Pages:
    """Prometheus and Alertmanager of one host over TLS, checked with the city's authority."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed
        self.context = ssl.create_default_context(cafile=str(observed.state.ca / "ca.pem"))
        login = read_secrets(observed.state)["web"]
        self.login: str | None = f"{login['username']}:{login['password']}"

    def get(self, port: int, path: str, login: str | None) -> Any:
        """The JSON at ``path``. Raises ``HTTPError`` for an answer that is not 200; no answer fails the test."""
        request = urllib.request.Request(f"https://{self.observed.host.address}:{port}{path}")
        if login:
            request.add_header("Authorization", "Basic " + base64.b64encode(login.encode()).decode())
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=self.context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError:
            raise
        except OSError as error:
            self.observed.fail(f"port {port} does not answer: {error}")

    def prometheus(self, path: str) -> Any:
        """The ``data`` of an answer of Prometheus."""
        return self.get(constants.PROMETHEUS_PORT, f"/api/v1/{path}", self.login)["data"]

    def alertmanager(self, path: str) -> Any:
        return self.get(constants.ALERTMANAGER_PORT, f"/api/v2/{path}", self.login)


@pytest.fixture(name="pages", scope="session")
def _pages(observed: Observed) -> Pages:
    """The pages of a host that answers."""
    assert observed["network"]
    return Pages(observed)


def patiently(look: Callable[[], Any], satisfied: Callable[[Any], bool]) -> Any:
    """``look()`` until it satisfies, for ``PATIENCE_SECONDS`` at most; the last look counts."""
    until = time.monotonic() + PATIENCE_SECONDS
    found = look()
    while not satisfied(found) and time.monotonic() < until:
        time.sleep(1)
        found = look()
    return found


def test_every_target_of_the_plan_is_up(observed: Observed, pages: Pages) -> None:
    """What is not scraped fails unseen; what is scraped and not planned is somebody else's."""
    planned = {(target.job, f"{target.address}:{target.port}") for target in observed.plan.targets}

    def look() -> dict[tuple[str, str], tuple[str, str]]:
        return {
            (target["labels"]["job"], target["labels"]["instance"]): (target["health"], target["lastError"])
            for target in pages.prometheus("targets?state=active")["activeTargets"]
        }

    found = patiently(look, lambda seen: planned <= seen.keys() and all(health == "up" for health, _ in seen.values()))
    observed.expect_all("targets of Prometheus", planned, found)
    observed.expect_none(
        "targets that are not up",
        (
            f"{job} {instance} is {health}: {error}"
            for (job, instance), (health, error) in found.items()
            if health != "up"
        ),
    )


def test_targets_carry_host_and_tier(observed: Observed, pages: Pages) -> None:
    """Alerts name hosts by these labels: without them an alarm says only an address."""
    found = {
        (target["labels"]["instance"], target["labels"].get("host"), target["labels"].get("tier"))
        for target in pages.prometheus("targets?state=active")["activeTargets"]
    }
    wanted = {(f"{target.address}:{target.port}", target.host, target.tier) for target in observed.plan.targets}
    observed.expect_all("labels of targets", wanted, found)


def test_the_rules_of_the_metric_contract_are_loaded(observed: Observed, pages: Pages) -> None:
    """An alert that is written and not loaded never rings; one that fails to evaluate does not either."""
    rules = [rule for group in pages.prometheus("rules")["groups"] for rule in group["rules"]]
    wanted = {("alerting", alert.name) for alert in ALERTS} | {("recording", rule.name) for rule in RECORDING_RULES}
    observed.expect_all("rules", wanted, {(rule["type"], rule["name"]) for rule in rules})
    observed.expect_none(
        "rules that fail", (f"{rule['name']}: {rule.get('lastError')}" for rule in rules if rule["health"] == "err")
    )


def test_alerts_reach_every_alertmanager(observed: Observed, pages: Pages) -> None:
    """Prometheus only computes alerts: without an Alertmanager nobody is told."""
    wanted = {
        f"https://{entry['address']}:{entry['port']}/api/v2/alerts"
        for entry in observed.variables["vigie_alertmanagers"]
    }
    found = patiently(
        lambda: {entry["url"] for entry in pages.prometheus("alertmanagers")["activeAlertmanagers"]},
        lambda seen: seen == wanted,
    )
    observed.expect_all("Alertmanagers that Prometheus tells", wanted, found)


def test_alertmanager_is_ready(observed: Observed, pages: Pages) -> None:
    """It answers over TLS with its configuration loaded and a receiver to send to."""
    status = pages.alertmanager("status")
    if "receivers" not in status["config"]["original"]:
        observed.fail("Alertmanager has no receiver")


@pytest.mark.parametrize("port", [constants.PROMETHEUS_PORT, constants.ALERTMANAGER_PORT])
@pytest.mark.parametrize("login", [None, "noc:wrong"])
def test_pages_need_a_password(observed: Observed, pages: Pages, port: int, login: str | None) -> None:
    """The map of a city's blind spots is not public: 401 without a password and with a wrong one."""
    path = "/api/v1/targets" if port == constants.PROMETHEUS_PORT else "/api/v2/status"
    with pytest.raises(urllib.error.HTTPError) as refused:
        pages.get(port, path, login)
    observed.expect(f"answer of port {port} with login {login!r}", 401, refused.value.code)
