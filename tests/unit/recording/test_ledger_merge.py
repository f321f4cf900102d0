"""One camera, several recorders."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.recording.archive import Camera, Session, put, worst
from vigie.recording.ledger.ask import Answer, holdings
from vigie.recording.ledger.interval import Interval, Intervals, intersect, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.merge import Holding, LastTold, merge
from vigie.recording.ledger.reconcile import rebuild
from vigie.recording.ledger.scan import SegmentRule
from vigie.recording.ledger.store import IntervalStore

T = 1_790_000_000.0
WINDOW = Interval(T, T + 1000)


def at(*pairs: tuple[float, float]) -> Intervals:
    return tuple(Interval(T + start, T + end) for start, end in pairs)


def test_a_takeover_is_one_recording() -> None:
    merged = merge(WINDOW, [Holding("rec-1", True, at((0, 400))), Holding("rec-2", True, at((401, 700), (690, 995)))])
    assert merged.recorded == at((0, 995))
    assert merged.gaps == at((995, 1000))
    assert merged.silent == ()


def test_footage_on_a_host_that_does_not_answer_is_unreachable_not_a_gap() -> None:
    merged = merge(
        WINDOW,
        [Holding("rec-1", False, at((0, 400)), told=at((0, 500))), Holding("rec-2", True, at((300, 450), (700, 1000)))],
    )
    assert merged.recorded == at((300, 450), (700, 1000))
    assert merged.unreachable == at((0, 300))
    assert merged.gaps == at((450, 500))  # it told of a gap there
    assert merged.unknown == at((500, 700))  # it may have recorded since
    assert merged.silent == ("rec-1",)


def test_a_host_that_never_told_leaves_all_unknown() -> None:
    merged = merge(WINDOW, [Holding("rec-1", False, ())])
    assert (merged.gaps, merged.unknown) == ((), (WINDOW,))


@st.composite
def some(draw: st.DrawFn) -> Intervals:
    pairs = draw(st.lists(st.tuples(st.integers(-50, 1050), st.integers(1, 300)), max_size=5))
    return at(*((start, start + length) for start, length in pairs))


@given(st.lists(st.builds(Holding, st.sampled_from(["rec-1", "rec-2"]), st.booleans(), some(), some()), max_size=4))
def test_the_four_sets_are_the_window_and_disjoint(found: list[Holding]) -> None:
    merged = merge(WINDOW, found)
    sets = (merged.recorded, merged.unreachable, merged.unknown, merged.gaps)
    for number, one in enumerate(sets):
        assert not any(intersect(one, other) for other in sets[number + 1 :])
    covered = union([piece for one in sets for piece in one])
    assert all(piece.seconds <= GAP_SECONDS for piece in subtract((WINDOW,), covered))
    assert not subtract(covered, (WINDOW,))
    answered = [i for holding in found if holding.answers for i in holding.intervals]
    assert not subtract(intersect(answered, (WINDOW,)), merged.recorded)
    assert all(holding.answers for holding in found) or merged.silent


def test_answers_are_remembered_for_the_day_when_none_comes(tmp_path: Path) -> None:
    told = LastTold(tmp_path)
    first = Interval(T, T + 600)
    answer = Answer("rec-1", at((0, 300), (400, 600)))
    assert holdings([answer], told, "cam-1", first, T + 600)[0].answers
    later = holdings([Answer("rec-1", error="no route to host")], told, "cam-1", WINDOW, T + 1000)
    merged = merge(WINDOW, later)
    assert merged.unreachable == at((0, 300), (400, 600))
    assert merged.gaps == at((300, 400))
    assert merged.unknown == at((600, 1000))


def test_two_recorders_with_archives_of_one_camera(tmp_path: Path) -> None:
    sessions = {"rec-1": (Session(T, 300, "killed"),), "rec-2": (Session(T + 305, 200), Session(T + 700, 310))}
    truth: list[Interval] = []
    found = []
    for recorder, recorded in sessions.items():
        root = tmp_path / recorder
        recording = Camera(root, "cam-1", fps=5).record(recorded)
        put(recording.writes)
        truth += recording.intervals
        store, _ = IntervalStore.open(tmp_path / f"{recorder}.db")
        rebuild(root, store, SegmentRule(60, 2), lambda: T + 2000)
        found.append(Holding(recorder, True, store.intervals("cam-1", WINDOW.start, WINDOW.end)))
    merged = merge(WINDOW, found)
    assert worst(intersect(truth, (WINDOW,)), merged.recorded) <= GAP_SECONDS
    assert len(merged.gaps) == 2
