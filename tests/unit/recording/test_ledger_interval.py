"""The algebra of intervals, against sets of seconds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.recording.ledger.interval import Interval, coverage, gaps, intersect, seconds, subtract, union

LIMIT = 60


@st.composite
def some(draw: st.DrawFn) -> list[Interval]:
    pairs = draw(st.lists(st.tuples(st.integers(0, LIMIT - 1), st.integers(1, 12)), max_size=8))
    return [Interval(start, min(LIMIT, start + length)) for start, length in pairs]


def naive(intervals: object) -> set[int]:
    return {second for interval in intervals for second in range(int(interval.start), int(interval.end))}  # type: ignore[attr-defined]


def is_a_set(intervals: tuple[Interval, ...]) -> bool:
    return all(a.end < b.start for a, b in itertools.pairwise(intervals))


@given(some(), some())
def test_union_subtract_intersect(a: list[Interval], b: list[Interval]) -> None:
    for found, wanted in (
        (union([*a, *b]), naive(a) | naive(b)),
        (subtract(a, b), naive(a) - naive(b)),
        (intersect(a, b), naive(a) & naive(b)),
    ):
        assert naive(found) == wanted
        assert is_a_set(found)
        assert seconds(found) == len(wanted)


@given(some(), st.integers(0, 5))
def test_union_fills_what_is_within_the_tolerance_and_no_more(a: list[Interval], tolerance: int) -> None:
    found = union(a, tolerance)
    assert all(y.start - x.end > tolerance for x, y in itertools.pairwise(found))
    added = subtract(found, a)
    assert all(piece.seconds <= tolerance for piece in added)
    assert not subtract(a, found)


@given(some(), st.integers(0, LIMIT - 1), st.integers(1, LIMIT))
def test_gaps_and_coverage(a: list[Interval], begin: int, length: int) -> None:
    window = Interval(begin, begin + length)
    missing = set(range(begin, begin + length)) - naive(a)
    assert naive(gaps(a, window)) == missing
    assert coverage(a, window) == pytest.approx(1 - len(missing) / length)
    assert all(gap.seconds > 3 for gap in gaps(a, window, 3))


def test_an_interval_is_never_empty() -> None:
    with pytest.raises(ValueError, match="empty"):
        Interval(5, 5)
