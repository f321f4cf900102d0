"""Our exporters: each its own service, with the plan's configuration, sandboxed."""

from __future__ import annotations

from tests.hosts import expected
from tests.hosts.observed import Observed

USER = "vigie-exporter"


def test_exporters_watch_exactly_what_the_plan_says(observed: Observed) -> None:
    """A camera that an exporter does not know is a camera whose loss nobody sees."""
    found = observed["documents"]
    for path, wanted in expected.exporter_documents(observed.variables).items():
        observed.expect(f"content of {path}", wanted, found[path])


def test_exporters_run_as_their_own_user(observed: Observed) -> None:
    """They read footage and credentials of cameras: not as root, and not as the recorder."""
    units = {f"vigie-exporter-{name}.service" for name in observed.variables["vigie_exporters"]}
    found = {(unit, observed["units"][unit]["User"]) for unit in units}
    observed.expect_all("users of exporters", {(unit, USER) for unit in units}, found)
