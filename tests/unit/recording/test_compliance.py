"""The two promises of the archive: what breaks them, and what must not; also against the real store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.metrics.thresholds import CEILING_GRACE, FLOOR_TOLERANCE, LEDGER_DELAY
from vigie.recording.compliance import (
    HOUR,
    NEVER_SEEN,
    Account,
    Kept,
    Promise,
    Told,
    assess,
    coverage,
    settled,
    window,
)
from vigie.recording.ledger.interval import Interval, intersect, seconds, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.store import IntervalStore

DAY = 86_400.0
NOW = 1_800_000_000.0
PROMISE = Promise(floor=4 * DAY, ceiling=5 * DAY, segment=600.0)
LATE = PROMISE.ceiling + PROMISE.segment + CEILING_GRACE.value
instants = st.floats(NOW - 10 * DAY, NOW, allow_nan=False)


def account(told: Told, owed_since: float = 0.0, now: float = NOW) -> Account:
    spans = window(now, PROMISE.floor, owed_since), window(now, 3600, owed_since)
    retention, hour = ((span, told) if span else None for span in spans)
    return Account(now, retention, hour, told)


def whole(oldest: float = NOW - 4.5 * DAY) -> Told:
    return Told(recorded=PROMISE.floor, gaps=0, oldest=oldest)


def test_an_archive_that_is_whole_keeps_both_promises() -> None:
    judged = assess(PROMISE, account(whole()), NOW, Kept())
    assert (judged.floor_kept, judged.ceiling_kept) == (True, True)
    assert judged.retention is not None
    assert (judged.retention.ratio, judged.retention.gaps, judged.retention.gap_seconds) == (1.0, 0, 0.0)
    assert judged.kept_seconds == pytest.approx(4.5 * DAY)
    assert judged.goal_seconds == PROMISE.floor


@given(st.floats(0, 3 * DAY))
def test_a_new_camera_is_not_wrong_for_being_new(age: float) -> None:
    since = NOW - age
    span = window(NOW, PROMISE.floor, since)
    told = Told(recorded=span.seconds if span else 0.0, gaps=0 if span else 1, oldest=since if span else None)
    judged = assess(PROMISE, account(told, since), NOW, Kept())
    assert (judged.floor_kept, judged.ceiling_kept) == (True, True)
    assert judged.retention is None or judged.retention.ratio == 1.0
    assert judged.goal_seconds == pytest.approx(max(0.0, age - LEDGER_DELAY.value), abs=1e-3)
    if age <= LEDGER_DELAY.value:
        assert judged.retention is None


def test_a_planned_camera_that_was_never_recorded_is_all_gap_and_no_early_erasure() -> None:
    judged = assess(PROMISE, account(NEVER_SEEN, NOW - DAY), NOW, Kept())
    assert judged.retention is not None
    assert judged.retention.ratio == 0
    assert judged.retention.gaps == 1
    assert judged.retention.gap_seconds == pytest.approx(DAY - LEDGER_DELAY.value)
    assert judged.floor_kept is True
    assert judged.kept_seconds is None


@given(st.floats(0, PROMISE.floor), st.integers(1, 1000))
def test_gaps_lower_the_coverage_and_break_no_promise(recorded: float, gaps: int) -> None:
    judged = assess(PROMISE, account(Told(recorded, gaps, oldest=NOW - 4 * DAY)), NOW, Kept())
    assert judged.floor_kept is True
    assert judged.retention is not None
    assert judged.retention.ratio == pytest.approx(recorded / PROMISE.floor)
    assert judged.retention.ratio * PROMISE.floor + judged.retention.gap_seconds == pytest.approx(PROMISE.floor)


@given(st.floats(0, PROMISE.floor))
def test_what_was_erased_of_the_window_breaks_the_floor(erased: float) -> None:
    judged = assess(PROMISE, account(replace(whole(), erased=erased)), NOW, Kept())
    assert judged.floor_kept is (erased <= FLOOR_TOLERANCE.value)


@given(st.floats(0, 3 * LATE), st.floats(0, 3 * CEILING_GRACE.value))
def test_the_ceiling_is_broken_by_either_witness(age: float, overdue: float) -> None:
    judged = assess(PROMISE, account(whole(NOW - age)), NOW, Kept(overdue))
    assert judged.ceiling_kept is not (overdue > CEILING_GRACE.value or NOW - (NOW - age) > LATE + 1e-6)


@given(st.floats(LATE + 1, 100 * DAY))
def test_a_lock_excuses_what_it_keeps_and_nothing_else(age: float) -> None:
    oldest = NOW - age
    lock = Interval(oldest + 100, oldest + 200)  # the segment is kept whole
    told = account(whole(oldest))
    assert assess(PROMISE, told, NOW, Kept(0.0, (lock,))).ceiling_kept is True
    assert assess(PROMISE, told, NOW, Kept(0.0, (lock,))).kept_seconds == PROMISE.ceiling
    elsewhere = Interval(oldest + PROMISE.segment, oldest + 2 * PROMISE.segment)
    assert assess(PROMISE, told, NOW, Kept(0.0, (elsewhere,))).ceiling_kept is False
    assert assess(PROMISE, told, NOW, Kept(CEILING_GRACE.value + 1, (lock,))).ceiling_kept is False


def test_what_the_ledger_saw_before_the_deadline_says_nothing() -> None:
    """It learns of erasures by its comparison: until then it goes on naming what is gone."""
    told = account(whole(NOW - LATE - 100))
    assert assess(PROMISE, told, NOW, Kept()).ceiling_kept is False
    assert assess(PROMISE, told, NOW - 200, Kept()).ceiling_kept is True
    assert assess(PROMISE, told, None, Kept()).ceiling_kept is True


def test_silence_is_never_green() -> None:
    for told, kept in ((None, Kept()), (account(whole()), None), (None, None)):
        judged = assess(PROMISE, told, NOW, kept)
        assert judged.ceiling_kept is None
        assert (judged.floor_kept is None) is (told is None)
        assert (judged.retention is None) is (told is None)
    assert assess(PROMISE, None, NOW, Kept(CEILING_GRACE.value + 1)).ceiling_kept is False


@given(
    st.lists(st.tuples(instants, st.floats(3, DAY)), max_size=12),
    st.lists(st.tuples(instants, st.floats(3, DAY)), max_size=4),
    st.floats(0, 8 * DAY),
)
def test_the_real_store_agrees_with_sets_of_seconds(
    recorded: list[tuple[float, float]], erased: list[tuple[float, float]], planned_for: float
) -> None:
    """Any history of recording and erasing: the judgement equals plain set algebra."""
    footage = [Interval(round(start), round(start) + round(length)) for start, length in recorded]
    holes = [Interval(round(start), round(start) + round(length)) for start, length in erased]
    store, _ = IntervalStore.open(Path(":memory:"))
    for interval in footage:
        store.extend("cam-1", interval.start, interval.end)
    before = union(footage, GAP_SECONDS)
    after = before
    for hole in holes:
        store.replace("cam-1", hole.start, hole.end, ())
        after = subtract(after, (hole,))
    span = window(NOW, PROMISE.floor, NOW - planned_for)
    if span is None or not footage:
        return
    (summary,) = store.summary(span.start, span.end)
    told = Told(summary.recorded_seconds, summary.gaps, summary.erased_seconds, summary.oldest)
    gone = seconds(intersect(subtract(before, after), (span,)))
    assert told.erased == pytest.approx(gone, abs=0.01 + 2 * GAP_SECONDS * len(holes))
    there = seconds(intersect(after, (span,)))
    found = coverage(span, told)
    assert found.ratio * span.seconds == pytest.approx(there, abs=0.01 + 2 * GAP_SECONDS * (1 + len(holes)))
    assert 0 <= found.ratio <= 1
    store.close()


def test_a_few_seconds_of_a_new_camera_are_no_large_part_of_an_hour() -> None:
    since = NOW - LEDGER_DELAY.value - 60
    judged = assess(PROMISE, account(Told(recorded=45, gaps=1, oldest=since + 15), since), NOW, Kept())
    assert judged.hour is not None
    assert judged.hour.ratio == pytest.approx(1 - 15 / HOUR)
    judged = assess(PROMISE, account(NEVER_SEEN, NOW - LEDGER_DELAY.value - HOUR / 2), NOW, Kept())
    assert judged.hour is not None
    assert judged.hour.ratio == pytest.approx(0.5)


def test_the_window_ends_where_the_ledger_can_know() -> None:
    assert window(NOW, 100, 0) == Interval(settled(NOW) - 100, settled(NOW))
    assert window(NOW, 100, NOW) is None
