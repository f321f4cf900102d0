"""Ctrl-C at ten moments of ``vigie up``, from nothing to the last check: each time the next ``up`` ends well."""

from __future__ import annotations

import pytest

from tests.lab_city import LabCity

pytestmark = pytest.mark.lab

# Stage, and seconds into it. Continuous integration presses at three of them (tests/conftest.py).
MOMENTS = (
    ("prepare", 0.1),
    ("bundle", 0.2),
    ("hosts", 0.5),
    ("hosts", 2),
    ("hosts", 5),
    ("configure", 1),
    ("configure", 10),
    ("configure", 40),
    ("verify", 0.5),
    ("verify", 5),
)


@pytest.mark.parametrize(("stage", "after"), MOMENTS)
def test_up_survives_an_interruption(city: LabCity, stage: str, after: float) -> None:
    """From an empty machine each time: interrupted, then repeated, and every host is green."""
    city.vigie("down", "--purge")
    city.interrupted_up(stage, after)
    report = city.up()
    assert report["exit"] == 0, report
    assert set(report["verified"]) == {host.name for host in city.plan.hosts}
