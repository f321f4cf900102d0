"""The printed addresses open in a real browser on the machine, with the city's CA imported and nothing ignored."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.lab_city import LabCity

pytestmark = pytest.mark.lab

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser(deployed: LabCity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium whose own certificate store holds the city's CA, as an operator would import it."""
    home = tmp_path_factory.mktemp("home")
    store = home / ".pki" / "nssdb"
    store.mkdir(parents=True)
    subprocess.run(["certutil", "-d", f"sql:{store}", "-N", "--empty-password"], check=True)
    authority = str(deployed.state.ca / "ca.pem")
    subprocess.run(["certutil", "-d", f"sql:{store}", "-A", "-t", "C,,", "-n", "vigie", "-i", authority], check=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=list(FLAGS), env={"HOME": str(home)}
        )
        yield chromium
        chromium.close()


def _open(browser: Browser, city: LabCity, name: str, path: str) -> Page:
    user, password = city.login
    context = browser.new_context(
        http_credentials={"username": user, "password": password}, viewport={"width": 1400, "height": 900}
    )
    page = context.new_page()
    answer = page.goto(city.page(name) + path)
    assert answer is not None
    assert answer.status == 200
    return page


def _printed(city: LabCity, name: str) -> list[str]:
    """The paths of the addresses that ``vigie up`` prints for ``name``."""
    pages = next(forward.pages for forward in city.plan.forwards if forward.name == name)
    assert pages
    return list(pages)


def test_prometheus_shows_every_target_up(deployed: LabCity, browser: Browser, artefacts: Path) -> None:
    """A person sees each scrape pool with all of its targets up."""
    page = _open(browser, deployed, "prometheus", next(p for p in _printed(deployed, "prometheus") if "targets" in p))
    for job in {target.job for target in deployed.plan.targets}:
        count = sum(target.job == job for target in deployed.plan.targets)
        page.get_by_text(f"{job} ({count}/{count} up)").first.wait_for(timeout=20_000)
    page.screenshot(path=artefacts / "prometheus-targets.png", full_page=True)


@pytest.mark.parametrize("name", ["prometheus", "alertmanager"])
def test_every_printed_address_opens(deployed: LabCity, browser: Browser, artefacts: Path, name: str) -> None:
    """Over the city's own certificate, with a body that says something."""
    for number, path in enumerate(_printed(deployed, name)):
        page = _open(browser, deployed, name, path)
        page.screenshot(path=artefacts / f"{name}-{number}.png")
        assert page.inner_text("body").strip(), path
        assert "does not include" not in page.inner_text("body"), path


def test_without_the_password_there_is_no_page(deployed: LabCity, browser: Browser) -> None:
    """Basic auth guards what the firewall lets through: a browser that has no password shows an error instead."""
    page = browser.new_context().new_page()
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        page.goto(deployed.page("prometheus") + "/classic/targets")
