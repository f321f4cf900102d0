"""Placement decides who loses footage: each camera has its recorders, and no recorder more than it can write."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from vigie.plan.capacity import Limits
from vigie.plan.fleet import Batch, Fleet, Recorder
from vigie.plan.placement import Placement, fits, lower_bound, place, place_beside

batch_rows = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 50), st.integers(1, 8), st.integers(1, 2)), min_size=1, max_size=12
)


@st.composite
def lots_of_batches(draw: st.DrawFn) -> list[list[Batch]]:
    """One or two lots, in the order of locality, with cameras of their own."""
    lots: list[list[Batch]] = []
    for lot in range(draw(st.integers(1, 2))):
        rows = draw(batch_rows)
        batches = [
            Batch(
                site=f"site-{lot}-{rank}",
                rank=10 * lot + rank,
                bits_per_second=bits,
                floor_bytes=bits,
                cameras=tuple(f"cam-{lot}-{number}-{camera}" for camera in range(count)),
                copies=copies,
            )
            for number, (rank, bits, count, copies) in enumerate(rows)
        ]
        lots.append(sorted(batches, key=lambda batch: (batch.rank, -batch.bits_per_second, batch.copies)))
    return lots


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    size = draw(st.integers(1, 300))
    limits = Limits(draw(st.integers(1, 20)), draw(st.integers(1, 300)), draw(st.integers(1, 300)), size, 1200)
    return Fleet.of(limits, draw(st.integers(1, 3)), draw(st.integers(1, 6) | st.none()))


def counted_anew(recorder: Recorder, asked: dict[str, Batch]) -> tuple[int, int, int]:
    """Cameras, bits a second and bytes, summed from the cameras and not read from the running totals."""
    batches = [asked[camera] for camera in recorder.cameras]
    return len(batches), sum(b.bits_per_second for b in batches), sum(b.floor_bytes for b in batches)


def check(placement: Placement, lots: list[list[Batch]]) -> None:
    """Nothing lost, nothing doubled on one host, no bound broken, no group too large."""
    asked = {camera: batch for lot in lots for batch in lot for camera in batch.cameras}
    held: defaultdict[str, set[int]] = defaultdict(set)
    for recorder in placement.fleet.recorders:
        limits = recorder.limits
        cameras, bits, size = counted_anew(recorder, asked)
        assert (bits, size) == (recorder.bits_per_second, recorder.floor_bytes)
        assert cameras <= limits.cameras
        assert bits <= limits.ingest_bits_per_second
        assert bits * 1200 <= limits.read_bits_per_second * 10_000
        assert size <= limits.usable_bytes
        for camera in recorder.cameras:
            assert recorder.number not in held[camera], "twice on one host"
            held[camera].add(recorder.number)
    left = {camera for batch in placement.left_over for camera in batch.cameras}
    for camera, batch in asked.items():
        assert len(held[camera]) == batch.copies or camera in left
    assert len({recorder.number for recorder in placement.fleet.recorders}) == len(placement.fleet.recorders)
    assert all(len(members) <= placement.fleet.group_size for members in placement.fleet.groups.values())


@given(lots_of_batches(), fleets())
@settings(deadline=None, max_examples=120)
def test_each_camera_is_placed_and_no_bound_is_broken(lots: list[list[Batch]], fleet: Fleet) -> None:
    """The oracle counts by hand; the fleet that was given stays empty, so that it can be tried again."""
    check(place(fleet, lots), lots)
    assert not any(recorder.cameras for recorder in fleet.recorders)


@given(lots_of_batches(), fleets())
@settings(deadline=None, max_examples=80)
def test_a_camera_is_left_over_only_when_no_recorder_has_room(lots: list[list[Batch]], fleet: Fleet) -> None:
    """Space that is there is used: a refusal while a recorder could still take the camera would be a lie."""
    placement = place(fleet, lots)
    assert fits(fleet, lots) == (not placement.left_over)
    for batch in placement.left_over:
        free = [recorder for recorder in placement.fleet.recorders if recorder.room(batch)]
        mine = [set(recorder.cameras) & set(batch.cameras) for recorder in placement.fleet.recorders]
        assert len(free) < batch.copies or any(mine)
        if fleet.grows:
            assert not Recorder(0, "", fleet.limits).room(batch)


@given(lots_of_batches(), fleets())
@settings(deadline=None, max_examples=60)
def test_no_placement_beats_the_lower_bound(lots: list[list[Batch]], fleet: Fleet) -> None:
    """The bound that says quickly that a city cannot fit must never say so of one that does."""
    placement = place(fleet, lots)
    if not placement.left_over:
        used = [recorder for recorder in placement.fleet.recorders if recorder.cameras]
        assert lower_bound(lots, fleet.limits) <= len(used)


@given(lots_of_batches(), lots_of_batches(), fleets())
@settings(deadline=None, max_examples=60)
def test_what_is_placed_beside_moves_nothing(lots: list[list[Batch]], more: list[list[Batch]], fleet: Fleet) -> None:
    """Growth: a camera that was there before is where it was."""
    before = place(fleet, lots)
    held = [list(recorder.cameras) for recorder in before.fleet.recorders]
    added = [[_renamed(batch) for batch in lot] for lot in more]
    after = place_beside(before.fleet, added)
    for cameras, recorder in zip(held, after.fleet.recorders, strict=False):
        assert recorder.cameras[: len(cameras)] == cameras
    if not before.left_over:
        check(after, [*lots, *added])


def _renamed(batch: Batch) -> Batch:
    cameras = tuple(f"new-{camera}" for camera in batch.cameras)
    return Batch(batch.site, batch.rank, batch.bits_per_second, batch.floor_bytes, cameras, batch.copies)


def fleet_of(count: int | None, cameras: int, bits: int = 100, size: int = 100, group_size: int = 16) -> Fleet:
    return Fleet.of(Limits(cameras, bits, bits, size, 0), group_size, count)


def batch(site: str, rank: int, count: int, each: int = 10, copies: int = 1) -> Batch:
    return Batch(site, rank, each, each, tuple(f"cam-{site}-{number}" for number in range(count)), copies)


def sites_on(placement: Placement) -> list[Counter[str]]:
    return [Counter(camera.split("-")[1] for camera in recorder.cameras) for recorder in placement.fleet.recorders]


def test_a_site_stays_together_where_it_fits() -> None:
    """One site on one recorder: a loss then darkens one district, not a bit of each."""
    for count in (2, None):
        placement = place(fleet_of(count, 6), [[batch("a", 0, 4), batch("b", 1, 4)]])
        assert sites_on(placement)[0] == {"a": 4} if count else sum(sites_on(placement)[0].values()) == 6


def test_a_site_too_large_for_one_recorder_is_spread() -> None:
    """Locality is a wish, a recorder for each camera is a duty."""
    placement = place(fleet_of(2, 3), [[batch("a", 0, 6)]])
    assert placement.left_over == ()
    assert [len(recorder.cameras) for recorder in placement.fleet.recorders] == [3, 3]


def test_given_recorders_share_the_load() -> None:
    """Who has bought four recorders wants four to work: the loss of one then costs a quarter."""
    lots = [[batch(name, rank, 2) for rank, name in enumerate("abcdefgh")]]
    assert [len(recorder.cameras) for recorder in place(fleet_of(4, 8), lots).fleet.recorders] == [4, 4, 4, 4]


def test_neighbours_share_a_group() -> None:
    """Eight sites along a road on two groups: the groups part the road in the middle."""
    lots = [[batch(name, rank, 2) for rank, name in enumerate("abcdefgh")]]
    fleet = place(fleet_of(4, 4, group_size=2), lots).fleet
    sites = [
        {camera.split("-")[1] for recorder in members for camera in recorder.cameras}
        for members in fleet.groups.values()
    ]
    assert sites == [set("abcd"), set("efgh")]


def test_a_second_lot_has_recorders_of_its_own() -> None:
    """A firm lot that is spread over every recorder would make the city buy the conditional lots' servers too."""
    lots = [[batch("a", 0, 4)], [batch("b", 1, 4)]]
    assert sites_on(place(fleet_of(2, 8), lots)) == [{"a": 4}, {"b": 4}]


def test_as_many_recorders_as_it_takes_and_no_more() -> None:
    """40 cameras of which ten fill a recorder are four recorders, in groups of three."""
    placement = place(fleet_of(None, 100, group_size=3), [[batch("a", 0, 25), batch("b", 1, 15)]])
    assert [len(recorder.cameras) for recorder in placement.fleet.recorders] == [10, 10, 10, 10]
    assert [len(members) for members in placement.fleet.groups.values()] == [3, 1]


def test_two_bounds_are_filled_together() -> None:
    """Large cameras fill the disks, small ones the camera limit: only a mix fills both. By size alone it would
    take 15 recorders (10 of five large ones, 5 of ten small ones); 2,250 bytes need 12 of 200."""
    lots = [[batch("a", 0, 50, each=40), batch("b", 1, 50, each=5)]]
    placement = place(fleet_of(None, 10, 200, 200), lots)
    assert len(placement.fleet.recorders) == 12
    check(placement, lots)


def test_a_mirrored_camera_needs_two_hosts() -> None:
    """Two copies on one host die together."""
    lots = [[batch("a", 0, 3, copies=2)]]
    assert place(fleet_of(1, 10), lots).count_left_over == 3
    placement = place(fleet_of(None, 10), lots)
    assert [len(recorder.cameras) for recorder in placement.fleet.recorders] == [3, 3]


def names(recorders: Iterable[Recorder]) -> list[tuple[int, str]]:
    return [(recorder.number, recorder.group) for recorder in recorders]


def test_an_existing_fleet_keeps_numbers_and_groups() -> None:
    """Numbers are names and addresses: those of a recorder that is gone are not given to another one."""
    limits = Limits(10, 10, 10, 10, 0)
    fleet = Fleet.of(limits, 2, 4, [(5, "group-2"), (1, "group-1"), (2, "group-1")], first_new=8)
    assert names(fleet.recorders) == [(1, "group-1"), (2, "group-1"), (5, "group-2"), (8, "group-2")]
    assert names(Fleet.of(limits, 2, 1, [(5, "group-2"), (1, "group-1")]).recorders) == [(1, "group-1")]
    assert fleet.add(None).group == "group-3"
