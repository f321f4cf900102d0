"""The rules alone: for any archive, what goes is what may go, in the right order, and no more than is needed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vigie.recording.keeper.locks import Lock, LockedTime
from vigie.recording.keeper.rules import Item, Keeping, Need, PressurePolicy, Situation, decide

NOW = 1000.0
RULES = {
    "a": Keeping(floor=300, ceiling=500, profile="street"),
    "b": Keeping(floor=200, ceiling=400, profile="park"),
    "c": Keeping(floor=300, ceiling=500, planned=False, profile="park"),
}
STRANGER = Keeping(floor=300, ceiling=500, planned=False)
POLICY = PressurePolicy(("park",), keep_at_least=100)


def lock(camera: str, start: float, end: float) -> Lock:
    return Lock(f"{camera}{start}", camera, start, end, "x", None, "x", 0.0)


def items(camera: str, starts: list[int]) -> list[Item]:
    return [Item(camera, s * 10.0, s * 10.0 + 10, 7, (camera, str(s)), 10.0) for s in sorted(starts)]


listings = st.fixed_dictionaries(
    {}, optional={name: st.lists(st.integers(0, 99), unique=True, max_size=60) for name in ("a", "b", "c", "orphan")}
).map(lambda value: {name: items(name, starts) for name, starts in value.items()})
locks = st.lists(
    st.builds(
        lambda camera, start, length: lock(camera, start, start + length),
        st.sampled_from(["a", "b", "c", "orphan"]),
        st.floats(0, 1000),
        st.floats(0.5, 300),
    ),
    max_size=6,
)


def situation(listing: dict[str, list[Item]], locked: list[Lock], **changes: object) -> Situation:
    values: dict[str, object] = {
        "now": NOW,
        "earliest": NOW,
        "keeping": RULES,
        "stranger": STRANGER,
        "listings": listing,
        "locked": LockedTime(locked),
        **changes,
    }
    return Situation(**values)  # type: ignore[arg-type]


def overlaps(item: Item, locked: list[Lock]) -> bool:
    return any(k.camera == item.camera and k.start < item.end and item.start < k.end for k in locked)


@settings(max_examples=150, deadline=None)
@given(listing=listings, locked=locks, need=st.integers(0, 900), urgent=st.integers(0, 900), policy=st.booleans())
def test_what_goes_may_go_and_is_needed(
    listing: dict[str, list[Item]], locked: list[Lock], need: int, urgent: int, policy: bool
) -> None:
    urgent = min(need, urgent)
    chosen = POLICY if policy else None
    decision = decide(situation(listing, locked, need=Need(need, urgent), policy=chosen))
    erased = {erasure.item.key: erasure for erasure in decision.erasures}
    assert len(erased) == len(decision.erasures)
    freed = 7 * len(erased)
    for camera, found in listing.items():
        rule = RULES.get(camera, STRANGER)
        for item in found:
            gone = erased.get(item.key)
            if overlaps(item, locked):
                assert gone is None
            elif item.end + rule.ceiling <= NOW:
                assert gone is not None
                assert gone.reason == ("ceiling" if rule.planned else "left_plan")
            elif gone:
                assert gone.reason == "pressure"
                least = POLICY.keep_at_least if policy and rule.profile == "park" else rule.floor
                assert item.end + least <= NOW
                assert gone.below_floor == (item.end + rule.floor > NOW)
    early = [erasure for erasure in decision.erasures if erasure.reason == "pressure" and not erasure.below_floor]
    assert [e.item.start for e in early] == sorted(e.item.start for e in early)
    if early:
        assert freed - 7 < max(need, urgent) or any(e.below_floor for e in decision.erasures)
    assert decision.short_of == max(0, urgent - freed)
    if any(e.below_floor for e in decision.erasures):
        assert freed - 7 < urgent


@settings(max_examples=100, deadline=None)
@given(listing=listings, locked=locks, allowance=st.integers(0, 200), trusted=st.booleans(), limit=st.integers(0, 40))
def test_what_is_held_is_counted(
    listing: dict[str, list[Item]], locked: list[Lock], allowance: int, trusted: bool, limit: int
) -> None:
    bounds = dict.fromkeys(listing, float(allowance))
    changes = {
        "allowance": bounds,
        "limit": limit,
        "now": NOW if trusted else None,
        "untrusted": "" if trusted else "jumped",
    }
    decision = decide(situation(listing, locked, **changes))
    assert len(decision.erasures) <= limit
    if not trusted:
        assert decision.erasures == []
    for camera, found in listing.items():
        rule = RULES.get(camera, STRANGER)
        due = [item for item in found if item.end + rule.ceiling <= NOW and not overlaps(item, locked)]
        gone = [erasure for erasure in decision.erasures if erasure.item.camera == camera]
        assert sum(erasure.item.span for erasure in gone) <= allowance
        overdue = decision.overdue.get(camera)
        assert (overdue.count if overdue else 0) == len(due) - len(gone)
        if overdue:
            left = [item for item in due if item.key not in {erasure.item.key for erasure in gone}]
            assert overdue.seconds == max(NOW - item.end - rule.ceiling for item in left)


def test_all_cameras_keep_equally_far_back() -> None:
    listing = {"a": items("a", list(range(50, 100))), "c": items("c", list(range(60, 100)))}
    decision = decide(situation(listing, [], need=Need(comfort=7 * 14)))
    oldest = {
        camera: min(i.start for i in found if i.key not in {e.item.key for e in decision.erasures})
        for camera, found in listing.items()
    }
    assert oldest == {"a": 620.0, "c": 620.0}


def test_nothing_beyond_the_first_young_item_is_read() -> None:
    """A pass costs what goes, not what is kept."""
    read = []

    def listing() -> object:
        for item in items("a", list(range(1000))):
            read.append(item)
            yield item

    decide(situation({"a": listing()}, []))  # type: ignore[dict-item]
    assert len(read) == 51
