"""Intervals from the disk alone, against archives whose truth is known."""

from __future__ import annotations

import errno
import os
import random
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given

from tests.unit.recording.archive import Camera, Recording, Session, Stall, put, worst
from tests.unit.recording.scenarios import DAYS, sessions
from vigie.recording.ledger import scan as scan_module
from vigie.recording.ledger.footage import Look, look
from vigie.recording.ledger.interval import Interval, gaps, union
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.scan import CameraScan, SegmentRule, cameras_on_disk, scan_camera

RULE = SegmentRule(60, 2)
T = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
NOW = T + 1e9


def made(root: Path, *recorded: Session, fps: int = 15) -> Recording:
    recording = Camera(root, "cam-1", fps=fps).record(recorded)
    put(recording.writes)
    return recording


def scanned(root: Path, rule: SegmentRule = RULE) -> CameraScan:
    return scan_camera(root, "cam-1", rule, NOW)


def kinds(scan: CameraScan) -> list[str]:
    return sorted(anomaly.kind for anomaly in scan.anomalies)


@DAYS
@given(sessions(stalls=False))
def test_rebuilt_intervals_are_right_to_two_seconds(recorded: tuple[Session, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recording = made(Path(folder), *recorded, fps=5)
        found = scanned(Path(folder))
        assert worst(recording.intervals, found.intervals) <= GAP_SECONDS
        assert found.opened <= len(recorded) + sum(1 for s in recorded if s.ending != "closed") + 2


@DAYS
@given(sessions(stalls=True, shortest_outage=3))
def test_a_deep_scan_finds_stalls_that_nobody_logged(recorded: tuple[Session, ...]) -> None:
    only_frames = [
        Session(s.start, s.seconds, s.ending, tuple(Stall(x.at, x.seconds, "frames") for x in s.stalls))
        for s in recorded
    ]
    with tempfile.TemporaryDirectory() as folder:
        recording = made(Path(folder), *only_frames, fps=10)
        found = scanned(Path(folder), SegmentRule(60, 2, deep=True))
        assert worst(recording.intervals, found.intervals) <= GAP_SECONDS


def test_sound_segments_are_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, Session(T, 1200), fps=5)
    looked: list[Path] = []

    def counted(path: Path, whole: bool) -> Look:
        looked.append(path)
        return look(path, whole=whole)

    monkeypatch.setattr(scan_module, "look", counted)
    found = scanned(tmp_path)
    assert found.segments == 20
    assert len(looked) == found.opened == 1
    assert len(found.intervals) == 1


def test_a_camera_that_returns_one_nominal_segment_later_by_chance_leaves_its_gap(tmp_path: Path) -> None:
    """Names alone would call this whole: a segment cut after 20 s, whose successor starts 61 s after it."""
    recording = made(tmp_path, Session(T, 20, "killed"), Session(T + 61, 30))
    assert len(recording.intervals) == 2
    assert worst(recording.intervals, scanned(tmp_path).intervals) < 0.1


@pytest.mark.parametrize(("offset", "size"), [(60.0, 0), (60.5, 700)])
def test_an_empty_file_of_a_full_disk_is_no_footage(tmp_path: Path, offset: float, size: int) -> None:
    recording = made(tmp_path, Session(T, 59.5, "killed"))
    broken = Camera(tmp_path, "cam-1").record([Session(T + offset, 10)]).writes[0].path
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_bytes(recording.writes[0].content[:size])
    os.utime(broken, (T + 120, T + 120))
    later = made(tmp_path, Session(T + 120, 30))
    found = scanned(tmp_path)
    truth = union([*recording.intervals, *later.intervals])
    assert len(found.intervals) == 2
    assert worst(truth, found.intervals) <= GAP_SECONDS
    assert kinds(found) == (["empty"] if size == 0 else ["header_only"])


def test_wrong_names_and_foreign_files_are_told_and_change_nothing(tmp_path: Path) -> None:
    recording = made(tmp_path, Session(T, 200), fps=5)
    day = recording.writes[0].path.parent
    (day / "12-00-61-000000.mp4").write_bytes(b"x")
    (day / "12-00-30.mp4").write_bytes(b"x")
    (day / "12-00-30-000000.mp4.part").write_bytes(b"x")
    (day / "12-00-31-000000.mp4").mkdir()
    (day / "12-00-32-000000.mp4").symlink_to(recording.writes[0].path)
    (day / ".vigie").write_bytes(b"ours")
    (day.parent / "30").mkdir()  # 30 February does not exist, 30 March does
    (day.parent.parent / "02" / "30").mkdir(parents=True)
    (tmp_path / "cam-1" / "notes.txt").write_text("from a person")
    found = scanned(tmp_path)
    assert worst(recording.intervals, found.intervals) < 0.5
    assert kinds(found) == ["foreign", "foreign", "foreign", "wrong_name", "wrong_name", "wrong_name", "wrong_name"]


def test_cameras_are_directories_with_sound_names(tmp_path: Path) -> None:
    for name in ("cam-1", "Bad Name", ".ledger", "lost+found"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    anomalies: list[scan_module.Anomaly] = []
    assert cameras_on_disk(tmp_path, anomalies) == ["cam-1"]
    assert sorted(anomaly.path.name for anomaly in anomalies) == ["Bad Name", "file"]


def test_overlapping_segments_are_counted_once_and_told(tmp_path: Path) -> None:
    """A clock that was set back: the second session says that it starts 30 s before the first one ended."""
    recording = made(tmp_path, Session(T, 100, "killed"), Session(T + 70, 100))
    found = scanned(tmp_path)
    assert worst(recording.intervals, found.intervals) <= 1.5
    assert len(found.intervals) == 1
    assert "overlap" in kinds(found)


def test_a_file_of_zeros_at_its_end_counts_up_to_them(tmp_path: Path) -> None:
    """A power cut: the size was written, the bytes were not."""
    recording = made(tmp_path, Session(T, 30, "killed"), Session(T + 100, 20))
    with recording.writes[0].path.open("ab") as file:
        file.write(bytes(3 << 20))
    found = scanned(tmp_path)
    assert kinds(found) == ["torn"]
    assert worst(recording.intervals, found.intervals) < 0.1


def test_a_picture_that_looks_like_a_part_misleads_nobody(tmp_path: Path) -> None:
    recording = made(tmp_path, Session(T, 30, "killed"))
    path = recording.writes[0].path
    content = path.read_bytes()
    at = content.rindex(b"mdat") + 30
    path.write_bytes(content[:at] + b"\0\0\0\x20moof\0\0\0\x10mfhd" + content[at + 16 :])
    assert worst(recording.intervals, scanned(tmp_path).intervals) == 0


def test_a_segment_in_the_future_is_told(tmp_path: Path) -> None:
    made(tmp_path, Session(T, 30))
    assert kinds(scan_camera(tmp_path, "cam-1", RULE, T - 3600)) == ["future"]


def test_a_segment_that_cannot_be_read_counts_up_to_its_modification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = made(tmp_path, Session(T, 30, "killed"))

    def refuse(path: Path, whole: bool) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(scan_module, "look", refuse)
    found = scanned(tmp_path)
    assert kinds(found) == ["unreadable"]
    assert worst(recording.intervals, found.intervals) < 0.5


def test_a_directory_that_cannot_be_read_is_an_error_not_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = made(tmp_path, Session(T, 30))
    day = str(recording.writes[0].path.parent)

    def refuse(path: str) -> object:
        if str(path) == day:
            raise OSError(errno.EIO, "Input/output error")
        return os.scandir(path)

    monkeypatch.setattr(scan_module, "os", SimpleNamespace(scandir=refuse))
    with pytest.raises(OSError, match="Input/output"):
        scanned(tmp_path)


def test_thousands_of_segments(tmp_path: Path) -> None:
    """A week of a camera, seeded: 30 outages of every kind, and the only files opened are those around them."""
    chance = random.Random(6)
    recorded, start = [], datetime(2024, 2, 28, 20, tzinfo=UTC).timestamp()
    for _ in range(30):
        length = chance.randrange(60, 9_000)
        recorded.append(Session(start, length, chance.choice(("closed", "killed", "torn", "given_up"))))
        start += length + chance.uniform(16, 900)
    recording = Camera(tmp_path, "cam-1", fps=1).record(recorded)
    assert put(recording.writes) > 2000
    found = scanned(tmp_path)
    assert len(found.intervals) == 30
    assert worst(recording.intervals, found.intervals) <= GAP_SECONDS
    assert found.opened <= 40
    window = Interval(recorded[0].start, start)
    assert len(gaps(found.intervals, window, GAP_SECONDS)) == 30
