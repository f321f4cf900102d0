"""Since when footage of a camera is owed, out of the journal; and the classes of holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.recording.keeper.city import ram_folder
from vigie.metrics.reasons import HoldReason
from vigie.recording.journal import Journal
from vigie.recording.keeper.holds import WORDS, hold_reason
from vigie.recording.keeper.planned import note_planned, owed_since
from vigie.recording.keeper.rules import Keeping
from vigie.recording.keeper.store import DAY

T = 1_800_000_000.0


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def rule(days: float) -> Keeping:
    return Keeping(days * DAY, (days + 1) * DAY)


def owed(journal: Journal) -> dict[str, float]:
    return owed_since(journal.entries({"planned_day"}))


def test_a_camera_owes_since_it_joined_and_again_since_it_came_back(journal: Journal) -> None:
    note_planned(journal, {"a": rule(4)}, T)
    note_planned(journal, {"a": rule(4), "b": rule(4)}, T + DAY)
    assert owed(journal) == {"a": T, "b": T + DAY}
    note_planned(journal, {"b": rule(4)}, T + 2 * DAY)
    assert owed(journal) == {"b": T + DAY}
    note_planned(journal, {"a": rule(4), "b": rule(4)}, T + 3 * DAY)
    assert owed(journal) == {"a": T + 3 * DAY, "b": T + DAY}


def test_a_floor_that_is_raised_owes_what_the_old_one_kept(journal: Journal) -> None:
    note_planned(journal, {"a": rule(4)}, T)
    note_planned(journal, {"a": rule(30)}, T + 20 * DAY)
    assert owed(journal) == {"a": T + 16 * DAY}
    note_planned(journal, {"a": rule(7)}, T + 21 * DAY)
    assert owed(journal) == {"a": T + 16 * DAY}  # the shorter floor bounds the window by itself


@given(st.lists(st.tuples(st.sampled_from([None, 2.0, 4.0, 9.0]), st.floats(0.1, 12)), min_size=1, max_size=8))
def test_owed_is_never_what_the_rules_let_go(plans: list[tuple[float | None, float]]) -> None:
    """A keeper that erases all that its floor allows, from the first day on, always keeps what is owed."""
    with ram_folder() as folder:
        journal, now, kept = Journal(folder), T, None
        for floor, days in plans:
            note_planned(journal, {} if floor is None else {"a": rule(floor)}, now)
            joined = now if kept is None else kept
            now += days * DAY
            kept = None if floor is None else max(joined, now - floor * DAY)
        found = owed(journal).get("a")
        floor = plans[-1][0]
        if floor is None:
            assert found is None
        else:
            assert found is not None
            assert kept is not None
            assert max(found, now - floor * DAY) >= kept - 1e-3


def test_every_class_of_hold_is_known_by_its_words() -> None:
    assert set(WORDS) == set(HoldReason) - {HoldReason.CLOCK}
    for reason, words in WORDS.items():
        assert hold_reason(f"{words}: and more") is reason
    assert hold_reason("the clock jumped by +86400 s while the host was up") is HoldReason.CLOCK
