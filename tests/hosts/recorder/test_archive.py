"""The ledger and the keeper of a recorder: they alone keep the books, and the keeper alone erases."""

from __future__ import annotations

from tests.hosts import expected
from tests.hosts.observed import Observed

USER = "keeper"


def test_they_keep_exactly_what_the_plan_says(observed: Observed) -> None:
    """A retention that is not the plan's erases too early, or never."""
    found = observed["documents"]
    for path, wanted in expected.archive_documents(observed.variables).items():
        observed.expect(f"content of {path}", wanted, found[path])


def test_they_run_as_their_own_user(observed: Observed) -> None:
    """The recorder writes footage and must not be able to write the books."""
    units = {f"vigie-{name}.service" for name in observed.variables["vigie_archive"]}
    found = {(unit, observed["units"][unit]["User"]) for unit in units}
    observed.expect_all("users of the archive", {(unit, USER) for unit in units}, found)
