"""The one lab deployment that all lab and browser tests share: making it is itself under test."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.lab_city import LabCity

# Files that need the deployed city run in this order: each leaves it as it found it, the last takes it down.
ORDER = (
    *("test_whole_way", "test_pages", "test_network", "test_verify", "test_drift", "test_archive", "test_export"),
    *("test_faults", "test_control_node_lost", "test_upgrade", "test_down"),
)

NO_SKIP_VARIABLE = "VIGIE_NO_SKIP"

# A shell without job control starts background work with Ctrl-C ignored, and children inherit that: then no test of an
# interruption could pass. A handler of ours becomes the default action in every child.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that share the deployment into their order, behind all others."""
    items.sort(key=lambda item: ORDER.index(item.path.stem) if item.path.stem in ORDER else -1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything that tests need is there (``make test``), a skipped test is a failed one."""
    report = yield
    if report.skipped and os.environ.get(NO_SKIP_VARIABLE):
        report.outcome, report.longrepr = "failed", f"skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabCity]:
    """The demo city in the lab, not yet up; taken down in the end whatever happened."""
    lab_city = LabCity.write(tmp_path_factory.mktemp("inventories") / "demo")
    lab_city.vigie("down", "--purge")
    yield lab_city
    lab_city.vigie("down", "--purge")


@pytest.fixture(scope="session")
def deployed(city: LabCity) -> LabCity:
    """The city after ``vigie up``, which three presses of Ctrl-C in the middle of its stages must not harm."""
    interrupted = [
        city.interrupted_up(stage, after) for stage, after in (("hosts", 1.5), ("configure", 25), ("verify", 2))
    ]
    (city.folder.parent / "interrupted.log").write_text("\n".join(interrupted), encoding="utf-8")
    report = city.up()
    assert report["exit"] == 0, report
    return city


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for screenshots and clips of this run."""
    return tmp_path_factory.mktemp("artefacts")
