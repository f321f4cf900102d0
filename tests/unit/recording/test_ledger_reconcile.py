"""Store against disk: the disk wins, but not for what the feeder knows better, and not when it is not there."""

from __future__ import annotations

import errno
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.recording.archive import Camera, Recording, Session, put, worst
from vigie.recording.ledger import reconcile as reconcile_module
from vigie.recording.ledger.interval import Interval, Intervals, seconds
from vigie.recording.ledger.reconcile import Difference, RootError, rebuild, reconcile
from vigie.recording.ledger.scan import SegmentRule, scan_camera
from vigie.recording.ledger.store import IntervalStore

RULE = SegmentRule(60, 2)
T = datetime(2024, 12, 31, 23, 50, tzinfo=UTC).timestamp()
ALL = (0.0, 4e9)
SESSIONS = (Session(T, 700), Session(T + 800, 300, "killed"), Session(T + 1200, 60))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> IntervalStore:
    return IntervalStore.open(tmp_path / "intervals.db")[0]


def recorded(root: Path, camera: str = "cam-1") -> Recording:
    recording = Camera(root, camera, fps=5).record(SESSIONS)
    put(recording.writes)
    return recording


def kept(store: IntervalStore, camera: str = "cam-1") -> Intervals:
    return store.intervals(camera, *ALL)


def test_an_empty_store_learns_all_but_the_newest_segment(root: Path, store: IntervalStore) -> None:
    recording = recorded(root)
    report = reconcile(root, store, RULE, clock=lambda: T + 1300)
    assert worst(recording.intervals[:2], kept(store)) < 0.5
    assert [difference.camera for difference in report.differences] == ["cam-1"]
    assert report.differences[0].lost == ()
    assert not reconcile(root, store, RULE, clock=lambda: T + 1300).differences


def test_a_rebuild_learns_all(root: Path, store: IntervalStore) -> None:
    recording = recorded(root)
    rebuild(root, store, RULE, lambda: T + 1300)
    assert worst(recording.intervals, kept(store)) < 0.5


def test_what_the_store_made_up_is_lost_and_what_it_missed_is_found(root: Path, store: IntervalStore) -> None:
    recording = recorded(root)
    store.extend("cam-1", T - 500, T - 300)
    store.extend("cam-1", T, T + 750)
    report = reconcile(root, store, RULE, clock=lambda: T + 1300)
    difference = report.differences[0]
    assert seconds(difference.lost) == pytest.approx(250, abs=1)
    assert seconds(difference.found) == pytest.approx(300, abs=3)
    assert worst(recording.intervals[:2], kept(store)) < 0.5
    assert seconds(store.intervals("cam-1", *ALL, "erased")) == pytest.approx(250, abs=1)


def test_the_feeders_finer_knowledge_stays(root: Path, store: IntervalStore) -> None:
    recorded(root)
    fed = (Interval(T, T + 699.321), Interval(T + 800.5, T + 1098.7))
    for interval in fed:
        store.extend("cam-1", interval.start, interval.end)
    assert not reconcile(root, store, RULE, clock=lambda: T + 1300).differences
    assert worst(fed, kept(store)) < 0.001


def test_erased_segments_become_history(root: Path, store: IntervalStore) -> None:
    recording = recorded(root)
    rebuild(root, store, RULE, lambda: T + 1300)
    for path in sorted({write.path for write in recording.writes})[:5]:
        path.unlink()
    reconcile(root, store, RULE, clock=lambda: T + 1300)
    assert kept(store)[0].start == pytest.approx(T + 300, abs=6)
    erased = store.intervals("cam-1", *ALL, "erased")
    assert worst([*kept(store), *erased], recording.intervals) < 0.5


def test_a_camera_without_folder_is_erased_one_that_cannot_be_read_is_not(
    root: Path, store: IntervalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for camera in ("cam-1", "cam-2", "cam-3"):
        recorded(root, camera)
    rebuild(root, store, RULE, lambda: T + 1300)
    shutil.rmtree(root / "cam-1")

    def refuse(root: Path, camera: str, *rest: object) -> object:
        if camera == "cam-2":
            raise OSError(errno.EIO, "Input/output error")
        return scan_camera(root, camera, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(reconcile_module, "scan_camera", refuse)
    report = reconcile(root, store, RULE, clock=lambda: T + 1300)
    assert kept(store, "cam-1") == ()
    assert len(kept(store, "cam-2")) == len(kept(store, "cam-3")) == 3
    assert list(report.failed) == ["cam-2"]
    assert report.cameras == 2


def test_a_disk_that_is_not_mounted_erases_nothing(root: Path, store: IntervalStore) -> None:
    recorded(root)
    rebuild(root, store, RULE, lambda: T + 1300)
    shutil.rmtree(root)
    with pytest.raises(FileNotFoundError):
        reconcile(root, store, RULE)
    root.mkdir()
    with pytest.raises(RootError, match="mounted"):
        reconcile(root, store, RULE)
    with pytest.raises(RootError, match="mounted"):
        rebuild(root, store, RULE)
    assert len(kept(store)) == 3


def test_the_pace_is_called_for_each_day_and_may_end_the_pass(root: Path, store: IntervalStore) -> None:
    recorded(root)
    calls = 0

    def pace() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconcile(root, store, RULE, pace=pace)
    assert kept(store) == ()


def test_differences_are_told_by_day() -> None:
    midnight = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
    difference = Difference(
        "cam-1", (Interval(midnight - 10, midnight + 20),), (Interval(midnight + 100_000, midnight + 100_001),)
    )
    assert list(difference.by_day()) == [
        (midnight - 86_400, (Interval(midnight - 10, midnight),), ()),
        (midnight, (Interval(midnight, midnight + 20),), ()),
        (midnight + 86_400, (), (Interval(midnight + 100_000, midnight + 100_001),)),
    ]


def test_what_is_still_to_come_was_never_recorded(root: Path, store: IntervalStore) -> None:
    recording = recorded(root)
    rebuild(root, store, RULE, lambda: T + 1300)
    store.extend("cam-1", T + 1250, T + 1e8)
    reconcile(root, store, RULE, clock=lambda: T + 1300)
    assert kept(store)[-1].end == T + 1360  # the newest segment may be growing
    reconcile(root, store, RULE, clock=lambda: T + 1400)
    assert worst(recording.intervals, kept(store)) < 0.5
    assert all(interval.end <= T + 1360 for interval in store.intervals("cam-1", *ALL, "erased"))
