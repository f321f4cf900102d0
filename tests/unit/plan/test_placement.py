"""Placement decides who loses footage: each camera has one recorder, and no recorder more than it can write."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from vigie.plan.placement import Demand, Recorder, place

demand_lists = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 50), st.integers(1, 50)), max_size=40).map(
    lambda rows: [Demand(f"cam-{n}", site, bits, size) for n, (site, bits, size) in enumerate(rows)]
)
recorder_lists = st.tuples(st.integers(1, 6), st.integers(1, 20), st.integers(1, 300), st.integers(1, 300))


def recorders_of(shape: tuple[int, int, int, int]) -> list[Recorder]:
    count, cameras, bits, size = shape
    return [Recorder(f"recorder-{number}", cameras, bits, size) for number in range(count)]


@given(demand_lists, recorder_lists)
def test_each_camera_is_placed_once_and_no_bound_is_broken(
    demands: list[Demand], shape: tuple[int, int, int, int]
) -> None:
    """Sums are counted anew from the cameras, not read from the recorder's own running totals."""
    recorders = recorders_of(shape)
    left_over = place(demands, recorders)
    placed = Counter(demand.camera for recorder in recorders for demand in recorder.demands)
    placed.update(demand.camera for demand in left_over)
    assert placed == Counter(demand.camera for demand in demands)
    for recorder in recorders:
        assert len(recorder.demands) <= shape[1]
        assert sum(demand.bits_per_second for demand in recorder.demands) <= shape[2]
        assert sum(demand.floor_bytes for demand in recorder.demands) <= shape[3]
        assert recorder.ingest_bits_per_second == sum(demand.bits_per_second for demand in recorder.demands)
        assert recorder.needed_bytes == sum(demand.floor_bytes for demand in recorder.demands)


@given(demand_lists, recorder_lists)
def test_a_camera_is_left_over_only_when_no_recorder_has_room(
    demands: list[Demand], shape: tuple[int, int, int, int]
) -> None:
    """Space that is there is used: a refusal while a recorder could still take the camera would be a lie."""
    recorders = recorders_of(shape)
    for demand in place(demands, recorders):
        assert not any(recorder.fits(1, demand.bits_per_second, demand.floor_bytes) for recorder in recorders)


@given(demand_lists, recorder_lists, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_cameras_does_not_matter(
    demands: list[Demand], shape: tuple[int, int, int, int], random: object
) -> None:
    """Equal cities, equal plans, whatever the order of their rows."""
    first, second = recorders_of(shape), recorders_of(shape)
    left = place(demands, first)
    shuffled = list(demands)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert place(shuffled, second) == left
    assert first == second


def test_a_site_stays_together_where_it_fits() -> None:
    """One site on one recorder: a loss then darkens one district, not a bit of each."""
    recorders = recorders_of((2, 10, 100, 100))
    demands = [Demand(f"cam-{site}-{number}", site, 10, 10) for site in "ab" for number in range(4)]
    assert place(demands, recorders) == []
    assert [{demand.site for demand in recorder.demands} for recorder in recorders] == [{"a"}, {"b"}]


def test_a_site_too_large_for_one_recorder_is_spread() -> None:
    """Locality is a wish, a recorder for each camera is a duty."""
    recorders = recorders_of((2, 3, 100, 100))
    assert place([Demand(f"cam-{number}", "a", 10, 10) for number in range(6)], recorders) == []
    assert [len(recorder.demands) for recorder in recorders] == [3, 3]


@given(demand_lists, recorder_lists)
def test_placement_equals_the_plain_rule(demands: list[Demand], shape: tuple[int, int, int, int]) -> None:
    """The queue is there for speed alone: a search of all recorders for each camera gives the same."""
    quick, plain = recorders_of(shape), recorders_of(shape)
    left_over = place(demands, quick)
    assert plainly_placed(demands, plain) == left_over
    assert quick == plain
    assert (place(demands, recorders_of(shape), all_or_nothing=True) == []) == (left_over == [])


def plainly_placed(demands: list[Demand], recorders: list[Recorder]) -> list[Demand]:
    """Sites by load, whole where they fit, else camera by camera; always to the least loaded that can."""

    def least_loaded(members: list[Demand]) -> Recorder | None:
        sums = (len(members), sum(d.bits_per_second for d in members), sum(d.floor_bytes for d in members))
        able = [recorder for recorder in recorders if recorder.fits(*sums)]
        return min(able, key=lambda recorder: (recorder.needed_bytes, recorder.name), default=None)

    sites = {demand.site for demand in demands}
    loads = {site: sum(d.bits_per_second for d in demands if d.site == site) for site in sites}
    left_over = []
    for site in sorted(sites, key=lambda name: (-loads[name], name)):
        members = sorted((d for d in demands if d.site == site), key=lambda d: (-d.bits_per_second, d.camera))
        home = least_loaded(members)
        for demand in members:
            taker = home or least_loaded([demand])
            if taker:
                taker.take(demand)
            else:
                left_over.append(demand)
    return left_over
