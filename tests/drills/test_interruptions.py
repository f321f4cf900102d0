"""Ctrl-C at ten moments of a first deployment: each is followed by another ``up``, and the last one ends well."""

from __future__ import annotations

import pytest

from tests.lab_city import LabCity

pytestmark = pytest.mark.lab

# (stage, seconds into it). The hosts stage lasts about five seconds, configuration minutes, verification about ten.
MOMENTS = (
    ("prepare", 0.2),
    ("bundle", 0.1),
    ("hosts", 0.3),
    ("hosts", 1.0),
    ("hosts", 2.0),
    ("hosts", 3.5),
    ("configure", 2.0),
    ("configure", 30.0),
    ("configure", 75.0),
    ("verify", 3.0),
)


def test_ten_interruptions_harm_nothing(city: LabCity) -> None:
    """Each interrupted run exits with 130 and says how to go on; afterwards everything is there and green."""
    for stage, after in MOMENTS:
        printed = city.interrupted_up(stage, after)
        assert "run the same command again" in printed, printed
    report = city.up()
    assert report["exit"] == 0, report
    assert report["good"]
    assert set(report["verified"]) == {host.name for host in city.plan.deployed_hosts}
    again = city.up()
    assert (again["infrastructure_changes"], again["configured"]) == ({}, []), again
    assert city.vigie("down", "--purge").returncode == 0
