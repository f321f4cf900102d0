"""Drift and repair: what changes by force is seen within ten seconds, named, and repaired alone."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from infra.lab import faults
from tests.lab_city import LabCity

pytestmark = pytest.mark.lab

STOPPED, EDITED, DEAD, CUT = "recorder-1", "central-1", "central-2", "witness-1"
STATUS_SECONDS = 10


@pytest.fixture(scope="module")
def drifted(deployed: LabCity) -> LabCity:
    """A service stopped, a file edited, a host killed, a host's cable cut."""
    unit = f"recorder@{deployed.plan.identities[0].id}.service"
    manifest = json.loads(deployed.state.manifest(EDITED).read_text(encoding="utf-8"))
    assert any(path.startswith("/etc/") for path in manifest["files"])
    deployed.ssh(STOPPED, f"systemctl stop {unit}")
    deployed.ssh(EDITED, f"echo '# by hand' >> {_edited_file(deployed)}")
    faults.kill(deployed.lab, DEAD)
    faults.cut_cable(deployed.lab, CUT)
    return deployed


def _edited_file(city: LabCity) -> str:
    """Some file of the base role that a person might edit."""
    manifest = json.loads(city.state.manifest(EDITED).read_text(encoding="utf-8"))
    return next(str(path) for path in sorted(manifest["files"]) if "chrony" in path)


def test_status_says_so_within_ten_seconds(drifted: LabCity) -> None:
    """Every one of the four, and nothing else."""
    started = time.monotonic()
    result = drifted.vigie("status", "--json")
    assert time.monotonic() - started < STATUS_SECONDS
    assert result.returncode == 1
    seen: dict[str, Any] = {host["host"]: host for host in json.loads(result.stdout)}
    assert {name: host["verdict"] for name, host in seen.items() if host["verdict"] != "fine"} == {
        STOPPED: "differs",
        EDITED: "differs",
        DEAD: "unreachable",
        CUT: "unreachable",
    }
    assert any("recorder@" in line for line in seen[STOPPED]["differences"])
    assert any(_edited_file(drifted) in line for line in seen[EDITED]["differences"])


def test_verify_names_it(drifted: LabCity) -> None:
    """Each drifted host is red with the stopped unit and the edited file by name; a dead host is never green."""
    result = drifted.vigie("verify", "--json", "--limit", ",".join([STOPPED, EDITED, DEAD, CUT, "lab-centre"]))
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert report["green"] == ["lab-centre"]
    said = {host: json.dumps(failures) for host, failures in report["red"].items()}
    assert "recorder@" in said[STOPPED]
    assert _edited_file(drifted) in said[EDITED]
    assert DEAD in said
    assert CUT in said


def test_up_repairs_just_that(drifted: LabCity) -> None:
    """The two hosts come back, the unit runs, the file is as planned; no other host and no other service is touched."""
    before = _invocation(drifted, EDITED, "prometheus-node-exporter"), _invocation(drifted, EDITED, "chrony")
    report = drifted.up()
    assert report["exit"] == 0, report
    touched = {host for host, tasks in report["changed"].items() if tasks}
    assert {STOPPED, EDITED} <= touched <= {STOPPED, EDITED, DEAD, CUT}
    assert all(task.startswith("base: ") for task in report["changed"][EDITED]), report["changed"]
    assert all(task.startswith("recorder: ") for task in report["changed"][STOPPED]), report["changed"]
    assert sum(report["infrastructure_changes"].values()) == 2, report["infrastructure_changes"]
    after = _invocation(drifted, EDITED, "prometheus-node-exporter"), _invocation(drifted, EDITED, "chrony")
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert drifted.vigie("status").returncode == 0


def _invocation(city: LabCity, host: str, unit: str) -> bytes:
    """The id of the unit's present run (systemd.exec(5), $INVOCATION_ID): it changes with every restart."""
    return city.ssh(host, f"systemctl show -p InvocationID --value {unit}").stdout.strip()
