"""The feeder, driven by a simulated clock beside a simulated recorder; then the disk alone, which must say the same."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.recording.archive import Camera, Recording, Session, Stall, Write, apply, worst
from tests.unit.recording.scenarios import DAYS, sessions
from vigie.recording.ledger import feed as feed_module
from vigie.recording.ledger import stalls as stalls_module
from vigie.recording.ledger.feed import Feeder
from vigie.recording.ledger.interval import Intervals
from vigie.recording.ledger.limits import TICK_SECONDS
from vigie.recording.ledger.reconcile import rebuild, reconcile
from vigie.recording.ledger.scan import SegmentRule
from vigie.recording.ledger.stalls import StallLog
from vigie.recording.ledger.store import IntervalStore

RULE = SegmentRule(60, 2)
T = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
ALL = (0.0, 4e9)
TENTH = 0.1
PART = 1.1  # where in a part a stream's clock stood still, no file tells


def watch(feeder: Feeder, writes: Sequence[Write], phase: float = 0.3, after: float = 40.0) -> float:
    """Lets the recorder write and the feeder look, until `after` the last write; returns the instant."""
    waiting = list(writes)
    now = waiting[0].at - 3 + phase
    end = waiting[-1].at + after
    while now < end:
        while waiting and waiting[0].at <= now:
            apply(waiting.pop(0))
        feeder.tick(now)
        now += TICK_SECONDS
    feeder.flush(now)
    return now


class Recorder:
    """A recordings folder with one camera that is fed into a store of its own."""

    def __init__(self, root: Path, fps: int = 15) -> None:
        self.root = root / "recordings"
        self.root.mkdir()
        (self.root / "cam-1").mkdir()
        self.camera = Camera(self.root, "cam-1", fps=fps)
        self.store, _ = IntervalStore.open(root / "fed.db")
        self.feeder = Feeder(self.root, self.store, RULE)
        self.now = 0.0

    def run(self, recorded: Iterable[Session], phase: float = 0.3) -> Recording:
        recording = self.camera.record(recorded)
        self.now = watch(self.feeder, recording.writes, phase)
        return recording

    @property
    def fed(self) -> Intervals:
        return self.store.intervals("cam-1", *ALL)

    def rebuilt(self) -> Intervals:
        store, _ = IntervalStore.open(self.root.parent / "rebuilt.db")
        rebuild(self.root, store, RULE, lambda: self.now)
        return store.intervals("cam-1", *ALL)


@DAYS
@given(sessions(stalls=False), st.floats(0, TICK_SECONDS))
def test_fed_intervals_are_right_to_a_tenth_of_a_second(recorded: tuple[Session, ...], phase: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder))
        recording = recorder.run(recorded, phase)
        assert worst(recording.intervals, recorder.fed) <= TENTH
        assert worst(recorder.fed, recorder.rebuilt()) <= TENTH


@DAYS
@given(sessions(stalls=True, shortest_outage=3), st.floats(0, TICK_SECONDS))
def test_stalls_are_found_while_they_happen_and_known_to_a_rebuild(recorded: tuple[Session, ...], phase: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder))
        recording = recorder.run(recorded, phase)
        clock = any(stall.kind == "clock" for session in recorded for stall in session.stalls)
        assert len(recorder.fed) == len(recording.intervals)
        assert worst(recording.intervals, recorder.fed) <= (PART if clock else TENTH)
        # How long nothing came is right to a tenth whatever the clock did.
        true = [later.start - earlier.end for earlier, later in pairwise(recording.intervals)]
        assert [later.start - earlier.end for earlier, later in pairwise(recorder.fed)] == pytest.approx(
            true, abs=TENTH
        )
        assert worst(recorder.fed, recorder.rebuilt()) <= TENTH


@pytest.mark.parametrize("kind", ["frames", "clock"])
def test_a_segment_of_nominal_length_whose_parts_stop_and_go_on_has_its_gap(tmp_path: Path, kind: str) -> None:
    """Names and sizes say nothing of it; the gap is there in the store, and in a rebuild."""
    recorder = Recorder(tmp_path)
    recording = recorder.run([Session(T, 150, stalls=(Stall(80.0, 2.9, kind),))])  # type: ignore[arg-type]
    assert len(recording.intervals) == len(recorder.fed) == 2
    assert recorder.fed[1].start - recorder.fed[0].end == pytest.approx(2.9, abs=TENTH)
    assert worst(recorder.fed, recorder.rebuilt()) <= TENTH
    assert [stall.kind for stall in StallLog(recorder.root).of("cam-1")] == [kind]


def test_the_last_part_of_a_dead_stream_is_no_stall(tmp_path: Path) -> None:
    """It is written ten seconds late, when the recorder gives the stream up."""
    recorder = Recorder(tmp_path)
    recording = recorder.run([Session(T, 100.5, "given_up"), Session(T + 130, 30)])
    assert len(recorder.fed) == 2
    assert worst(recording.intervals, recorder.fed) <= TENTH
    assert recorder.feeder.stalls == 0


def test_sound_recording_opens_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, fps=10)
    recording = recorder.camera.record([Session(T, 900)])
    begun = [write for write in recording.writes if write.at < T + 20]
    sound = [write for write in recording.writes if T + 20 <= write.at < T + 890]
    watch(recorder.feeder, begun, after=0)
    opened = recorder.feeder.opened  # how it began is looked at
    watch(recorder.feeder, sound, after=0)
    assert recorder.feeder.opened == opened <= 1


def test_a_store_is_never_ahead_of_what_is_recorded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recording = recorder.camera.record([Session(T, 90, "killed")])
    for write in recording.writes:
        apply(write)
        recorder.feeder.tick(write.at + 0.5)
        recorder.feeder.flush(write.at + 0.5)
        assert (recorder.store.newest("cam-1") or 0) <= write.at + 0.001


def test_a_feeder_that_starts_late_takes_over_with_the_disk(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recording = recorder.camera.record([Session(T, 130, "killed"), Session(T + 150, 100)])
    middle = next(n for n, write in enumerate(recording.writes) if write.at > T + 200)
    for write in recording.writes[:middle]:
        apply(write)
    watch(recorder.feeder, recording.writes[middle:])
    # Its own segment it knows; what came before is the reconciliation's.
    assert worst(recording.intervals, recorder.fed) > 60
    report = reconcile(recorder.root, recorder.store, RULE, clock=lambda: recorder.now)
    assert worst(recording.intervals, recorder.fed) <= TENTH
    assert [difference.camera for difference in report.differences] == ["cam-1"]


def test_erased_segments_and_cameras_do_not_stop_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recording = recorder.camera.record([Session(T, 100), Session(T + 120, 60)])
    half = len(recording.writes) // 2
    watch(recorder.feeder, recording.writes[:half], after=2)
    for path in {write.path for write in recording.writes[:half]}:
        path.unlink()
    watch(recorder.feeder, recording.writes[half:])
    assert recorder.fed[-1].end == pytest.approx(recording.intervals[-1].end, abs=TENTH)


def test_a_disk_that_refuses_one_camera_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path)
    other = Camera(recorder.root, "cam-2").record([Session(T, 60)])
    recording = recorder.camera.record([Session(T, 60)])

    def refuse(path: str) -> object:
        if "/cam-2/" in str(path):
            raise OSError(errno.EIO, "Input/output error")
        return Path(path).stat()

    monkeypatch.setattr(feed_module, "os", SimpleNamespace(stat=refuse))
    watch(recorder.feeder, sorted([*recording.writes, *other.writes], key=lambda write: write.at))
    assert worst(recording.intervals, recorder.fed) <= TENTH
    assert recorder.feeder.errors > 30


def test_a_stall_that_the_disk_refuses_to_note_is_noted_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path)
    add = StallLog.add
    refusing = True

    def refuse(log: StallLog, camera: str, stall: stalls_module.Stall) -> None:
        if refusing:
            raise OSError(errno.ENOSPC, "No space left on device")
        add(log, camera, stall)

    monkeypatch.setattr(StallLog, "add", refuse)
    recorder.run([Session(T, 100, stalls=(Stall(40.0, 4.0, "frames"),))])
    assert len(recorder.fed) == 2
    assert StallLog(recorder.root).of("cam-1") == []
    refusing = False
    recorder.feeder.flush(recorder.now + 10)
    assert len(StallLog(recorder.root).of("cam-1")) == 1


def test_a_modification_time_to_come_is_not_believed(tmp_path: Path) -> None:
    """Somebody touched the file, or the clock was wrong for a moment."""
    recorder = Recorder(tmp_path)
    recording = recorder.camera.record([Session(T, 100, "killed")])
    for write in recording.writes:
        apply(write)
        os.utime(write.path, (write.at + 1e8, write.at + 1e8))
        recorder.feeder.tick(write.at + 0.2)
        recorder.feeder.flush(write.at + 0.2)
        assert (recorder.store.newest("cam-1") or 0) <= write.at + 0.201


def test_footage_that_was_only_written_late_is_no_stall(tmp_path: Path) -> None:
    """The disk hung for a moment as the feeder started; what the recorder held back came then."""
    recorder = Recorder(tmp_path)
    recording = recorder.camera.record([Session(T, 150)])
    late = [
        Write(T + 36 + number * 0.01, write.path, write.content) if T + 30 <= write.at < T + 36 else write
        for number, write in enumerate(recording.writes)
    ]
    shown = next(number for number, write in enumerate(late) if write.at >= T + 36) + 1
    for write in late[:shown]:
        apply(write)
    watch(recorder.feeder, late[shown:])
    assert worst(recording.intervals, recorder.fed) <= TENTH
    assert recorder.feeder.stalls == 0
