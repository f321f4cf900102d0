"""`vigie down` leaves nothing: looked for by Vigie's own search and by the machine's own tables."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from infra.lab.leftovers import leftovers
from tests.lab_city import CITY, LabCity

pytestmark = pytest.mark.lab


def test_down_leaves_nothing_outside_the_state_folder(deployed: LabCity) -> None:
    """No process, mount, namespace, control group, loop device; the state folder (CA, recordings) stays until purged."""
    before = leftovers(deployed.lab)
    assert before, "the search finds a running lab, so an empty answer afterwards means something"
    result = deployed.vigie("down", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["left"] == []
    assert leftovers(deployed.lab) == []
    assert _traces() == []
    assert (deployed.state.ca / "ca.pem").exists()


def _traces() -> list[str]:
    """Every line of the machine's tables that names the city."""
    commands = (["ip", "netns", "list"], ["losetup", "-a"], ["ps", "-eo", "args"], ["ip", "-o", "link"])
    shown = [subprocess.run(argv, capture_output=True, text=True, check=True).stdout for argv in commands]
    tables = [text.splitlines() for text in (Path("/proc/self/mountinfo").read_text(encoding="utf-8"), *shown)]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/*{CITY}*")]
    mine = [line for table in tables for line in table if f"vigie-{CITY}" in line or f"/{CITY}/" in line]
    return groups + [line for line in mine if "pytest" not in line and "ssh: " not in line]
