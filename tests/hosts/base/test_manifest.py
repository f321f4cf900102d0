"""What the last deployment left is still there: every file and unit that Ansible answered for."""

from __future__ import annotations

from tests.hosts import expected
from tests.hosts.observed import STRAY, Observed


def test_the_host_answers(observed: Observed) -> None:
    """Nothing else can be said of a host that ssh does not reach: it is named once, and is never green."""
    if observed.trouble:
        observed.fail(f"unreachable: {observed.trouble}")


def test_the_host_was_deployed(observed: Observed) -> None:
    """Without a manifest there is nothing to compare with: an empty comparison would be green for ever."""
    manifest = expected.manifest_of(observed.state, observed.host)
    if not manifest["files"] or not manifest["units"]:
        observed.fail("no deployment answered for the whole host")


def test_files_are_as_deployed(observed: Observed) -> None:
    """A file edited by hand is drift: by content (SHA-1, as Ansible reports it), mode, owner and group."""
    wanted = expected.manifest_of(observed.state, observed.host)["files"]
    found = observed["files"]
    observed.expect_none(
        "files that are not as deployed",
        (
            f"{path} ({key} {value!r} instead of {wanted[path][key]!r})"
            for path in sorted(wanted)
            for key, value in found[path].items()
            if wanted[path][key] != value
        ),
    )


def test_units_are_as_deployed(observed: Observed) -> None:
    """A unit that was stopped, disabled or masked by hand is drift, as is one started that should stand by."""
    wanted = expected.manifest_of(observed.state, observed.host)["units"]
    found = observed["units"]
    differences = []
    for unit, state in sorted(wanted.items()):
        active = found[unit]["ActiveState"] in {"active", "activating", "reloading"}
        enabled = found[unit]["UnitFileState"] in {"enabled", "enabled-runtime"}
        if state["active"] is not None and active != state["active"]:
            differences.append(f"{unit} is {found[unit]['ActiveState']}")
        if state["enabled"] is not None and enabled != state["enabled"]:
            differences.append(f"{unit} is {found[unit]['UnitFileState'] or 'without unit file'}")
    observed.expect_none("units that are not as deployed", differences)


def test_units_are_what_the_plan_asks(observed: Observed) -> None:
    """The manifest is what was done; this is what the plan wants, so that a role that forgot a service is caught."""
    found = observed["units"]
    running = {unit for unit in expected.units(observed.variables) if found[unit]["ActiveState"] == "active"}
    observed.expect_all(
        "running units", [unit for unit, runs in expected.units(observed.variables).items() if runs], running
    )


def test_no_unit_failed(observed: Observed) -> None:
    """A failed unit that nobody planned is still a fault of the host: systemd names it."""
    failed = {name for name, unit in observed["units"].items() if unit["ActiveState"] == "failed"}
    ours = expected.manifest_of(observed.state, observed.host)["units"].keys() & failed
    observed.expect_none("failed units", failed, "" if ours else STRAY)
