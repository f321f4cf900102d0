"""Names of other recorders become instants and places, or are left with a reason; moves can be cut short and undone."""

from __future__ import annotations

import errno
import os
import string
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.recording.segments import frames, init, part
from vigie.recording.adoption import Found, Pattern, PatternError, assign
from vigie.recording.adoption import move as moving
from vigie.recording.adoption.clock import instants
from vigie.recording.adoption.handover import confirm_recording, too_fresh
from vigie.recording.adoption.media import footage_seconds
from vigie.recording.adoption.scan import scan
from vigie.recording.layout import Segment, parse_path

MEDIAMTX = "%path/%Y-%m-%d_%H-%M-%S-%f"
FFMPEG = "%path_%Y%m%dT%H%M%S.mp4"
PARIS, FES = ZoneInfo("Europe/Paris"), ZoneInfo("Africa/Casablanca")
CAMERAS = {"cam3": "cam-3", "gate/north": "cam-north"}


def found(path: str, modified: float = 0, duration: float | None = None) -> Found:
    return Found(path, 100, modified, duration)


@pytest.mark.parametrize(
    ("pattern", "path", "camera", "written"),
    [
        (MEDIAMTX, "gate/north/2026-11-24_10-15-00-000250.mp4", "gate/north", "2026-11-24T10:15:00.000250"),
        (FFMPEG, "cam3_20261124T101500.mp4", "cam3", "2026-11-24T10:15:00"),
        ("cam3_%F_%T", "cam3_2026-11-24_10:15:00.mp4", "", "2026-11-24T10:15:00"),
        ("%Y/%j/%path-%H%M%S%z", "2026/328/cam3-101500+0100.mp4", "cam3", "2026-11-24T10:15:00+01:00"),
        ("%path/%s", "cam3/1795515300.mp4", "cam3", "2026-11-24T10:15:00+00:00"),
        ("%path/%y%m%d/%path_%H%M%S", "cam3/261124/cam3_101500.mp4", "cam3", "2026-11-24T10:15:00"),
        ("100%%/%path_%Y%m%d%H%M%S", "100%/cam3_20261124101500.mp4", "cam3", "2026-11-24T10:15:00"),
    ],
)
def test_names_are_read_as_their_recorder_wrote_them(pattern: str, path: str, camera: str, written: str) -> None:
    named = Pattern.compile(pattern).read(path)
    assert named is not None
    assert (named.camera, named.written.isoformat()) == (camera, written)


@pytest.mark.parametrize("path", ["cam3/cam4_101500.mp4", "cam3/261124/cam4_101500.mp4", "cam3.mp4", "x/cam3_1.ts"])
def test_other_names_are_not_read(path: str) -> None:
    assert Pattern.compile("%path/%y%m%d/%path_%H%M%S").read(path) is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("%path/%Y-%m", "no instant"), ("%path/%Q", "%Q is not known"), ("/data/%path/%s", "leading slash")],
)
def test_a_pattern_that_names_no_file_is_refused(pattern: str, said: str) -> None:
    with pytest.raises(PatternError, match=said):
        Pattern.compile(pattern)


@given(
    pattern=st.sampled_from([MEDIAMTX, FFMPEG.replace(".mp4", "%f.mp4"), "%path/%s-%f", "%Y%j/%path.%H.%M.%S.%f"]),
    instant=st.datetimes(datetime(2002, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001
)
def test_what_a_recorder_writes_is_read_back(pattern: str, instant: datetime) -> None:
    aware = instant.replace(tzinfo=UTC)
    path = pattern.replace("%path", "cam3").replace("%s", str(int(aware.timestamp())))
    path = aware.strftime(path)
    named = Pattern.compile(pattern).read(path if path.endswith(".mp4") else f"{path}.mp4")
    assert named is not None
    assert named.camera == "cam3"
    assert instants(named.written, UTC) == (aware,)


@given(text=st.text(alphabet=string.printable, max_size=40), path=st.text(max_size=60))
def test_no_pattern_and_no_name_crashes(text: str, path: str) -> None:
    """Any text is a pattern or is refused; any name is read, is another's, or holds no instant."""
    try:
        Pattern.compile(text).read(path)
    except (ValueError, OverflowError):
        return


@given(
    st.integers(1_262_304_000, 2_114_380_800),  # the years 2010 to 2036
    st.sampled_from([PARIS, FES, ZoneInfo("Australia/Lord_Howe")]),
)
def test_every_instant_is_among_those_its_clock_may_mean(instant: int, zone: ZoneInfo) -> None:
    aware = datetime.fromtimestamp(instant, UTC)
    assert aware in instants(aware.astimezone(zone).replace(tzinfo=None), zone)


def test_local_times_become_utc_and_unknown_files_stay() -> None:
    """Each file that stays says why."""
    adoption = assign(
        [
            found("cam3/2026-11-24_10-15-00-000000.mp4"),
            found("cam9/2026-11-24_10-15-00-000000.mp4"),
            found("cam3/2026-13-24_10-15-00-000000.mp4"),
            found("cam3/notes.txt"),
            found("cam3/export.mp4"),
            Found("cam3/2026-11-24_10-25-00-000000.mp4", 0, 0, None),
            found("cam3/2026-03-29_02-30-00-000000.mp4"),
        ],
        Pattern.compile(MEDIAMTX), PARIS, CAMERAS,
    )  # fmt: skip
    (only,) = adoption.moves
    assert (only.camera, only.new) == ("cam-3", "cam-3/2026/11/24/09-15-00-000000.mp4")
    reasons = {one.path.split("/")[-1][:16] + one.path[:4]: one.reason for one in adoption.unknown}
    assert "no camera is given for 'cam9'" in reasons["2026-11-24_10-15cam9"]
    assert "no instant" in reasons["2026-13-24_10-15cam3"]
    assert "not MP4" in reasons["notes.txtcam3"]
    assert "its name is not" in reasons["export.mp4cam3"]
    assert reasons["2026-11-24_10-25cam3"] == "empty"
    assert "set forward" in reasons["2026-03-29_02-30cam3"]


def test_two_files_for_one_place_are_both_left() -> None:
    """Two recorders of one camera: choosing one of them would lose the other's footage."""
    names = ["cam3/2026-11-24_10-15-00-000000.mp4", "old/2026-11-24_10-15-00-000000.mp4"]
    adoption = assign(map(found, names), Pattern.compile(MEDIAMTX), UTC, {"cam3": "cam-3", "old": "cam-3"})
    assert adoption.moves == ()
    assert [one.path for one in adoption.unknown] == names


def test_an_hour_that_was_shown_twice_is_settled_by_what_is_known_of_the_file() -> None:
    """25 October 2026, Paris: 02:00 to 03:00 comes twice. Last changes, then neighbours, then nothing: left."""

    def at(hour: int, minute: int) -> float:
        return datetime(2026, 10, 25, hour, minute, tzinfo=UTC).timestamp()

    files = [
        found("cam3/2026-10-25_01-50-00-000000.mp4", duration=600),  # 23:50 UTC to 00:00
        found("cam3/2026-10-25_02-00-00-000000.mp4", 0, 600),  # follows it
        found("cam3/2026-10-25_02-10-00-000000.mp4", 0, 600),  # follows that one
        found("cam3/2026-10-25_02-05-00-000000.mp4", at(1, 15), 600),  # changed an hour later
        found("cam3/2026-10-25_02-30-00-000000.mp4", at(20, 0), 600),  # copied since: nothing to go by
        found("cam3/2026-10-25_02-31-00-000000.mp4", at(1, 41), None),  # footage unreadable
    ]
    adoption = assign(files, Pattern.compile(MEDIAMTX), PARIS, CAMERAS)
    assert {move.old[16:21]: (f"{move.start:%H:%M}", move.basis) for move in adoption.moves} == {
        "01-50": ("23:50", "name"),
        "02-00": ("00:00", "sequence"),
        "02-10": ("00:10", "sequence"),
        "02-05": ("01:05", "modified"),
    }
    assert [one.path[16:21] for one in adoption.unknown] == ["02-30", "02-31"]


def test_moroccos_clock_goes_back_for_ramadan() -> None:
    """15 February 2026, 03:00 becomes 02:00: what other zones do in autumn happens here before Ramadan."""
    assert len(instants(datetime(2026, 2, 15, 2, 30), FES)) == 2  # noqa: DTZ001
    assert len(instants(datetime(2026, 7, 15, 2, 30), FES)) == 1  # noqa: DTZ001


# --- moves


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Three segments and a stranger's file, below the volume that will hold our recordings."""
    folder = tmp_path / "rec"
    (folder / "cam3").mkdir(parents=True)
    for minute in (0, 10, 20):
        path = folder / "cam3" / f"2026-11-24_10-{minute:02d}-00-000000.mp4"
        path.write_bytes(init() + part(frames(30), 0))
        os.utime(path, (1_000_000, 1_000_000))
    (folder / "cam3" / "thumbs.db").write_text("not ours")
    (tmp_path / "recordings").mkdir()
    return folder


def adopt(old: Path, defer: object = None) -> moving.Moved:
    adoption = assign(scan(old, Pattern.compile(MEDIAMTX), PARIS), Pattern.compile(MEDIAMTX), PARIS, CAMERAS)
    root = old.parent / "recordings"
    return moving.move(adoption.moves, old, root, old.parent / "journal", defer or (lambda _: None))  # type: ignore[arg-type]


def tree(folder: Path) -> dict[str, tuple[int, bytes, float]]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "journal")
    return {str(p.relative_to(folder)): (p.stat().st_ino, p.read_bytes(), p.stat().st_mtime) for p in files}


def test_files_are_moved_without_being_touched_and_can_be_moved_back(old: Path) -> None:
    before = tree(old.parent)
    moved = adopt(old)
    assert (len(moved.done), moved.left) == (3, ())
    after = tree(old.parent)
    assert sorted(after.values()) == sorted(before.values())  # the same inodes, bytes and times
    segments = [path for path in after if path.startswith("recordings")]
    assert [parse_path(old.parent / s, old.parent / "recordings").start.hour for s in segments] == [9, 9, 9]
    assert "rec/cam3/thumbs.db" in after
    assert adopt(old).done == ()  # nothing is left to do
    assert len(moving.undo(old.parent / "journal").done) == 3
    assert tree(old.parent) == before
    assert moving.undo(old.parent / "journal") == moving.Moved((), ())


@pytest.mark.parametrize("point", ["before the second link", "after the second link", "after the second letting go"])
def test_a_cut_at_any_moment_loses_nothing(old: Path, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    """Killed between the two names, or just before or after: the next run completes it, and undo still knows all."""
    before = sorted(tree(old.parent).values())
    step = "_let_go" if "letting" in point else "_link"
    real = getattr(moving, step)
    count = 0

    def cut(entry: moving.Entry, *owner: int) -> None:
        nonlocal count
        count += 1
        if count < 2 or "after" in point:
            real(entry, *owner)
        if count == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(moving, step, cut)
    with pytest.raises(KeyboardInterrupt):
        adopt(old)
    monkeypatch.setattr(moving, step, real)
    (old.parent / "journal").open("a").write('{"old": "torn')
    adopt(old)
    assert sorted(tree(old.parent).values()) == before
    assert sorted(p.name for p in (old / "cam3").iterdir()) == ["thumbs.db"]
    moving.undo(old.parent / "journal")
    assert len(list((old / "cam3").iterdir())) == 4
    assert sorted(tree(old.parent).values()) == before


def test_a_place_that_is_taken_is_never_overwritten(old: Path) -> None:
    root = old.parent / "recordings"
    ours = Segment("cam-3", datetime(2026, 11, 24, 9, 10, tzinfo=UTC)).path(root)
    ours.parent.mkdir(parents=True)
    ours.write_text("our own footage")
    moved = adopt(old)
    assert len(moved.done) == 2
    ((path, reason),) = moved.left
    assert path.endswith("10-10-00-000000.mp4")
    assert "another file" in reason
    assert ours.read_text() == "our own footage"


def test_another_filesystem_is_refused(old: Path) -> None:
    other = Path("/dev/shm")
    if other.stat().st_dev == old.stat().st_dev:
        pytest.skip("one filesystem")
    with pytest.raises(moving.AdoptionError, match="never copied"):
        moving.check_same_filesystem(old, other)


def test_one_filesystem_mounted_twice_is_said_to_be_so(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cross(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    before = tree(old.parent)
    monkeypatch.setattr(Path, "hardlink_to", cross)
    with pytest.raises(moving.AdoptionError, match="mounted twice"):
        adopt(old)
    assert tree(old.parent) == before


def test_a_journal_that_was_edited_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("{}\n")
    with pytest.raises(ValueError, match="line 1"):
        moving.undo(tmp_path / "journal")


def test_what_is_still_written_or_newer_than_ours_waits(old: Path) -> None:
    """An old file with the newest name would look like a recorder of ours that stopped."""
    root = old.parent / "recordings"
    ours = Segment("cam-3", datetime(2026, 11, 24, 9, 15, tzinfo=UTC)).path(root)
    ours.parent.mkdir(parents=True)
    ours.write_bytes(init() + part(frames(30), 0))
    os.utime(old / "cam3" / "2026-11-24_10-00-00-000000.mp4")
    moved = adopt(old, too_fresh(old, root, ()))
    assert [Path(entry.old).name[11:16] for entry in moved.done] == ["10-10"]
    assert sorted(reason for _, reason in moved.left) == [
        "newer than our own newest segment: it comes with the next one",
        "still being written",
    ]


# --- footage


def test_durations_come_from_the_footage(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(init() + part(frames(30), 0) + part(frames(15), 180_000))
    assert footage_seconds(path) == pytest.approx(3.0)
    path.write_bytes(b"nothing of the kind")
    assert footage_seconds(path) is None
    assert footage_seconds(tmp_path / "missing") is None


def test_recording_is_confirmed_by_parts_that_appear_and_by_nothing_else(tmp_path: Path) -> None:
    """Camera a grows at each look; b has an old file that does not."""
    now = 0.0
    grown = 0
    segment = {name: Segment(name, datetime(2026, 11, 24, 9, 0, tzinfo=UTC)).path(tmp_path) for name in ("a", "b")}
    for path in segment.values():
        path.parent.mkdir(parents=True)
        path.write_bytes(init() + part(frames(15), 0))

    def sleep(seconds: float) -> None:
        nonlocal now, grown
        now += seconds
        grown += 1
        with segment["a"].open("ab") as file:
            file.write(part(frames(15), grown * 90_000))

    both = confirm_recording(tmp_path, ["a", "b"], 10, sleep, lambda: now)
    assert both.missing == ("b",)
    assert both.seconds > 10
    assert confirm_recording(tmp_path, ["a"], 10, sleep, lambda: now).missing == ()


def test_scanning_reads_footage_only_where_names_leave_two_instants(old: Path) -> None:
    assert {one.duration for one in scan(old, Pattern.compile(MEDIAMTX), PARIS)} == {None}
    for path in (old / "cam3").glob("*.mp4"):
        path.rename(path.with_name(path.name.replace("2026-11-24_10", "2026-10-25_02")))
    durations = {one.path: one.duration for one in scan(old, Pattern.compile(MEDIAMTX), PARIS)}
    assert durations.pop("cam3/thumbs.db") is None
    assert set(durations.values()) == {2.0}
