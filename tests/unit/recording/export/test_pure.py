"""Selection, film and declaration of an export: no footage lost, nothing shown twice, nothing declared twice."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vigie.recording.export.declaration import Cause, causes_in, declare
from vigie.recording.export.footage import stream_of
from vigie.recording.export.selection import SAME_SECONDS, Listed, select
from vigie.recording.export.timeline import Footage, films
from vigie.recording.ledger.interval import Interval, Intervals, intersect, seconds, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.merge import Holding

WINDOW = Interval(1000.0, 1600.0)
GOP = 2.0


def listed(recorder: str, start: float, length: float = 60.0, size: int = 100) -> Listed:
    return Listed(start, start + length, recorder, f"cam/{recorder}/{start}", size)


def test_of_two_equal_recorders_the_one_with_more_is_taken() -> None:
    """The mirror missed a segment: the primary gives everything, whatever the names."""
    primary = [listed("z", 1000.0 + 60 * n) for n in range(10)]
    mirror = [listed("a", 1000.1 + 60 * n) for n in range(9)]
    held = {"z": (Interval(1000, 1600),), "a": (Interval(1000.1, 1540.1),)}
    chosen = select(WINDOW, [*mirror, *primary], held)
    assert chosen.taken == tuple(primary)
    assert len(chosen.left) == 9
    assert chosen.size == 1000


def test_a_segment_of_which_its_ledger_says_nothing_is_always_taken() -> None:
    """A listing says how long a segment may be: a torn one must not hide what the spare holds."""
    both = [listed("a", 1000.0), listed("b", 1000.0)]
    assert len(select(WINDOW, both, {"a": (Interval(1000, 1060),)}).taken) == 2
    assert len(select(WINDOW, both, {"a": (Interval(1000, 1005),), "b": (Interval(1000, 1060),)}).taken) == 1


recorders = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.lists(
        st.tuples(st.integers(900, 1650), st.integers(1, 60), st.integers(1, 1000)),
        max_size=8,
        unique_by=lambda s: s[0],
    ),
)


@given(recorders)
def test_selection_loses_nothing(found: dict[str, list[tuple[int, int, int]]]) -> None:
    segments = [listed(name, float(s), float(n), size) for name, own in found.items() for s, n, size in own]
    held = {name: union(Interval(s, s + n) for s, n, _ in own) for name, own in found.items()}
    chosen = select(WINDOW, segments, held)
    everything = intersect((interval for own in held.values() for interval in own), (WINDOW,))
    kept = union(Interval(segment.start, segment.end) for segment in chosen.taken)
    assert seconds(subtract(everything, kept)) <= SAME_SECONDS * max(1, len(chosen.left))
    assert not set(chosen.taken) & set(chosen.left)
    assert all(segment.end > WINDOW.start and segment.start < WINDOW.end for segment in chosen.taken)


def footage(recorder: str, start: float, length: float, first: float = 0.0, stream: str = "") -> Footage:
    keyframes = tuple(first + GOP * n for n in range(int((length - 1e-9) // GOP) + 1))
    return Footage(recorder, f"{recorder}/{start}", start, first, length, keyframes, stream)


def test_a_film_is_cut_on_keyframes_and_two_recorders_meet_on_one() -> None:
    (film,) = films(Interval(1003, 1100), [footage("a", 1000, 60, first=5.0), footage("b", 1051, 60)])
    assert [(p.footage.recorder, p.begin, p.end, p.offset, p.instant) for p in film] == [
        ("a", 7.0, 64.0, 0.0, 1002.0),
        ("b", 8.0, 49.0, 57.0, 1059.0),
    ]


def test_a_stream_that_changed_makes_another_film() -> None:
    made = films(WINDOW, [footage("a", 1000, 60, stream="x"), footage("a", 1060, 60, stream="y")])
    assert [len(film) for film in made] == [1, 1]
    assert [film[0].offset for film in made] == [0.0, 0.0]


def test_the_stream_is_named_by_its_description_alone() -> None:
    description = b"\0\0\0\x10stsdavc1abcd"
    assert stream_of(b"....number 1" + description) == stream_of(b"another head" + description + b"tail")
    assert stream_of(description) != stream_of(b"\0\0\0\x10stsdhvc1abcd")


pieces_found = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 14), st.integers(1, 59), st.floats(0, 1.5)), max_size=12,
    unique_by=lambda s: s[:2],
)  # fmt: skip


@given(pieces_found)
def test_a_film_runs_on_and_shows_each_instant_once(found: list[tuple[str, int, int, float]]) -> None:
    """A recorder's own segments follow each other; across recorders nothing is shown twice."""
    segments = [footage(name, 900.0 + 60 * n + shift, float(length)) for name, n, length, shift in found]
    made = films(WINDOW, segments)
    pieces = [piece for film in made for piece in film]
    for before, after in pairwise(pieces):
        assert abs(before.offset + before.seconds - after.offset) < 1e-6
        assert before.instant < after.instant
        if before.footage.recorder != after.footage.recorder:
            assert before.instant + before.seconds <= after.instant + 1e-6
    for piece in pieces:
        assert piece.begin in piece.footage.keyframes
        assert piece.seconds > 0
        assert piece.end <= piece.footage.first + piece.footage.seconds + 1e-6
        assert piece.instant + piece.seconds <= WINDOW.end + 1e-6
    shown = union(Interval(piece.instant, piece.instant + piece.seconds) for piece in pieces)
    wanted = intersect((Interval(segment.start, segment.end) for segment in segments), (WINDOW,))
    # A piece may begin a GOP late where the other recorder stopped, as no earlier picture can be shown there.
    assert all(hole.seconds <= GOP + 0.03 for hole in subtract(wanted, shown))


def intervals(low: int, high: int) -> st.SearchStrategy[Intervals]:
    pair = st.tuples(st.integers(low, high), st.integers(1, 200))
    return st.lists(pair, max_size=5).map(lambda found: union(Interval(s, s + n) for s, n in found))


@given(intervals(900, 1600), st.lists(st.tuples(st.booleans(), intervals(900, 1600), intervals(900, 1600)), max_size=4))
def test_every_second_is_declared_once(shown: Intervals, told: list[tuple[bool, Intervals, Intervals]]) -> None:
    holdings = [Holding(str(n), answers, held, asked) for n, (answers, held, asked) in enumerate(told)]
    declared = declare(WINDOW, shown, holdings)
    sets = [
        declared.covered, declared.unreachable, declared.unknown, declared.unfinished,
        tuple(gap.interval for gap in declared.gaps),
    ]  # fmt: skip
    total = union(interval for found in sets for interval in found)
    assert abs(sum(map(seconds, sets)) - seconds(total)) < 1e-6, "declared twice"
    assert all(rest.seconds <= GAP_SECONDS for rest in subtract((WINDOW,), total)), "not declared"
    assert not subtract(intersect(shown, (WINDOW,)), declared.covered)
    for held in holdings:
        if not held.answers:
            hidden = intersect(held.intervals, (gap.interval for gap in declared.gaps))
            assert not hidden, "a silent recorder's footage is no gap"


def test_a_gap_has_the_cause_that_explains_most_of_it() -> None:
    entries = [
        {"kind": "deletion", "body": {"store": "recordings", "camera": "c", "from": 1000, "to": 1100, "reason": "ceiling"}},
        {"kind": "gap_cause", "body": {"camera": "c", "from": 1100, "to": 1500, "cause": "the camera had no power"}},
        {"kind": "deletion", "body": {"store": "evidence", "camera": "c", "from": 0, "to": 9999, "reason": "released"}},
        {"kind": "deletion", "body": {"store": "recordings", "camera": "d", "from": 0, "to": 9999, "reason": "ceiling"}},
        {"kind": "deletion", "body": {"camera": "c", "from": "?", "reason": "ceiling"}},
        {"kind": "clock", "body": {"accepted": 1}},
    ]  # fmt: skip
    causes = causes_in(entries, "c")
    assert len(causes) == 2
    whole = declare(WINDOW, (), [], causes)
    assert [gap.cause for gap in whole.gaps] == ["the camera had no power"]
    early = declare(Interval(1000, 1150), (), [], causes)
    assert [gap.cause for gap in early.gaps] == ["erased: past the ceiling of its retention"]
    assert [gap.cause for gap in declare(WINDOW, (), [], [Cause(Interval(0, 10), "x")]).gaps] == [None]
