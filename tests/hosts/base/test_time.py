"""Footage is evidence only with a time that can be trusted, and logs only where they are kept."""

from __future__ import annotations

from tests.hosts import expected
from tests.hosts.observed import Observed

NEVER_SET = "-x"


def test_time_comes_from_the_planned_sources(observed: Observed) -> None:
    """Several sources of the city's own: hosts have no way to public ones."""
    found = {source["address"] for source in observed["clock"]["sources"]}
    observed.expect_all("time sources", observed.variables["vigie_time_sources"], found)


def test_every_time_source_answers(observed: Observed) -> None:
    """A source that is configured and does not answer is none: the reach register of NTP is not empty."""
    observed.expect_none(
        "time sources that do not answer",
        (source["address"] for source in observed["clock"]["sources"] if not source["reach"]),
    )


def test_the_lab_never_sets_the_machines_clock(observed: Observed) -> None:
    """Lab hosts share the clock of the machine: one that sets it would move every other host, and the machine itself."""
    arguments = observed["clock"]["arguments"]
    if not arguments:
        observed.fail("chronyd does not run")
    in_lab = observed.plan.target == "lab"
    observed.expect(f"chronyd with {NEVER_SET}", [in_lab] * len(arguments), [NEVER_SET in each for each in arguments])


def test_the_journal_is_kept_and_bounded(observed: Observed) -> None:
    """Kept over a restart, and never so large that it takes the disk."""
    found = observed["journal"]
    observed.expect("journald Storage", "persistent", found.get("Storage"))
    observed.expect(
        "journald SystemMaxUse", expected.role_default("base", "base_journal_size"), found.get("SystemMaxUse")
    )
    observed.expect(
        "journald MaxRetentionSec",
        expected.role_default("base", "base_journal_retention"),
        found.get("MaxRetentionSec"),
    )
