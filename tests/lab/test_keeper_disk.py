"""Disks that are really full, really read-only, and refuse to unlink: a small ext4 on a loop device."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vigie.recording.journal import Journal
from vigie.recording.keeper.clock import HostClock, host_continuity
from vigie.recording.keeper.evidence import Room
from vigie.recording.keeper.keeper import Keeper, Policy
from vigie.recording.keeper.locks import LockBook, LockRequest
from vigie.recording.keeper.rules import Keeping, PressurePolicy
from vigie.recording.keeper.store import DAY, SegmentStore
from vigie.recording.layout import Segment

pytestmark = pytest.mark.lab

MEGABYTE = 1 << 20
SEGMENT = 600.0
CAMERAS = ("cam-1", "cam-2")


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 64 MB; its loop device goes with its mount."""
    image, mount = tmp_path / "image", tmp_path / "mount"
    mount.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * MEGABYTE)
    run("mkfs.ext4", "-q", "-m", "0", str(image))
    run("mount", "-o", "loop,noatime", str(image), str(mount))
    try:
        yield mount
    finally:
        subprocess.run(["chattr", "-R", "-i", str(mount)], check=False, capture_output=True)
        # Lazily: a test that failed may still hold a file; the device goes with the last of them.
        run("umount", "--lazy", str(mount))


class Recorder:
    """Writes segments as a recorder does, and keeps them by a real clock that went on evenly."""

    def __init__(
        self, disk: Path, ledger: Path, keeping: Keeping, room: Room, policy: PressurePolicy | None = None
    ) -> None:
        self.root = disk
        self.journal = Journal(ledger)
        ledger.mkdir(exist_ok=True)
        self.book = LockBook(self.journal)
        rules = Policy(dict.fromkeys(CAMERAS, keeping), keeping, room, policy, erasures_per_second=1000)
        clock = HostClock(host_continuity(None), [])
        self.keeper = Keeper(
            SegmentStore(disk, SEGMENT), rules, self.journal, self.book, clock, ledger / "keeper-recordings.json"
        )
        self.keeper.run()  # sees the clock once, so that it is trusted from here on

    def path(self, camera: str, age: float) -> Path:
        start = (time.time() - age) // SEGMENT * SEGMENT
        return Segment(camera, datetime.fromtimestamp(start, UTC)).path(self.root)

    def record(self, camera: str, age: float, size: int = MEGABYTE) -> Path:
        """A segment of ``size`` bytes, in parts; what a full disk takes of it. Raises ``OSError`` then."""
        path = self.path(camera, age)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            for _ in range(size // 65536):
                os.write(descriptor, os.urandom(65536))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return path

    def fill(self) -> None:
        """Records until the disk refuses. Raises ``OSError`` then."""
        for number in itertools.count():
            self.record(CAMERAS[number % 2], 12 * DAY - number * 2 * SEGMENT)


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


def test_a_full_disk_makes_room_by_the_policy_and_recording_goes_on(disk: Path, tmp_path: Path) -> None:
    keeping = Keeping(floor=10 * DAY, ceiling=20 * DAY, profile="street")
    room = Room(headroom=8 * MEGABYTE)
    recorder = Recorder(disk, tmp_path / "ledger", keeping, room, PressurePolicy(("street",), 1 * DAY))
    locked = time.time() - 9 * DAY
    recorder.book.add(LockRequest("cam-1", locked - SEGMENT, locked + SEGMENT, "case", "x"), time.time())
    kept = recorder.record("cam-1", 9 * DAY)
    with pytest.raises(OSError, match="No space"):
        recorder.fill()
    written = sorted(path for path in disk.rglob("*.mp4"))
    began = time.monotonic()
    report = recorder.keeper.run()
    assert time.monotonic() - began < 30
    assert report.holds == {}
    assert report.pressure == "room"
    assert report.quarantined + report.counters.early >= 8
    assert kept.exists()
    assert os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize >= 7 * MEGABYTE
    recorder.record("cam-1", 0, 4 * MEGABYTE)
    recorder.record("cam-2", 0, 2 * MEGABYTE)
    assert len(written) > 40
    assert recorder.journal.verify().intact
    assert [entry.body["state"] for entry in recorder.journal.entries({"pressure"})] == ["room"]


def test_a_disk_that_turns_read_only_is_held_and_heals_by_itself(disk: Path, tmp_path: Path) -> None:
    recorder = Recorder(disk, tmp_path / "ledger", Keeping(DAY, 2 * DAY), Room())
    old = [recorder.record(camera, 2.5 * DAY, 65536) for camera in CAMERAS]
    recorder.record("cam-1", 0.5 * DAY, 65536)
    run("mount", "-o", "remount,ro", str(disk))
    report = recorder.keeper.run()
    assert report.holds == {"*": "the disk is read-only"}
    assert report.space.read_only
    assert all(path.exists() for path in old)
    run("mount", "-o", "remount,rw", str(disk))
    report = recorder.keeper.run()
    assert (report.holds, report.overdue) == ({}, {})
    assert not any(path.exists() for path in old)
    assert [entry.body["state"] for entry in recorder.journal.entries({"hold"})] == ["begun", "ended"]


def test_a_file_that_cannot_be_unlinked_holds_its_camera_and_no_other(disk: Path, tmp_path: Path) -> None:
    recorder = Recorder(disk, tmp_path / "ledger", Keeping(DAY, 2 * DAY), Room())
    stuck = recorder.record("cam-1", 2.6 * DAY, 65536)
    behind = recorder.record("cam-1", 2.5 * DAY, 65536)
    other = recorder.record("cam-2", 2.5 * DAY, 65536)
    run("chattr", "+i", str(stuck))
    report = recorder.keeper.run()
    assert "Operation not permitted" in report.holds["cam-1"]
    assert (stuck.exists(), behind.exists(), other.exists()) == (True, True, False)
    assert report.overdue["cam-1"].count == 2
    assert report.counters.failed == 1
    run("chattr", "-i", str(stuck))
    assert recorder.keeper.run().holds == {}
    assert not list(disk.rglob("*.mp4"))


def test_a_system_disk_that_is_full_holds_everything(disk: Path, tmp_path: Path) -> None:
    """What cannot be written down is not erased; a lock that cannot be written down is not acknowledged."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    recorder = Recorder(recordings, disk / "ledger", Keeping(DAY, 2 * DAY), Room())
    old = recorder.record("cam-1", 2.5 * DAY, 65536)
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space"):
        _fill(filler)
    lost = 0
    for number in range(100):
        try:
            recorder.book.add(LockRequest("cam-1", 1, 2, "case " * 90, f"x{number}"), time.time())
        except OSError:
            lost += 1
    assert lost > 0
    assert "nothing is erased" in recorder.keeper.run().holds["*"]
    assert old.exists()
    filler.unlink()
    assert recorder.keeper.run().holds == {}
    assert not old.exists()
    assert len(recorder.book.active()) == 100 - lost
    assert recorder.journal.verify().intact
    recorder.journal.close()
