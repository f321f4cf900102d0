"""What the design promises of the keeper: a pass does not grow with the number of segments kept."""

from __future__ import annotations

from tests.bench.keeper_pass import CAMERAS, main, table


def test_a_pass_costs_the_same_whatever_is_kept() -> None:
    """A hundred times the segments; the folders of the days are a hundred times as many, too, and only listed."""
    found = main()
    print(f"\n{table(found)}")
    small, _, large = found
    assert small.erased == large.erased == CAMERAS
    assert large.idle < 3 * small.idle + 0.05
    assert large.erasing < 3 * small.erasing + 0.05
    assert large.idle < large.walk / 4
