"""Passes of the keeper over real files under a simulated clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.unit.recording.keeper.city import HOUR, Recorder, ram_folder
from tests.unit.recording.segments import init, segment_bytes
from vigie.recording.journal import Kind
from vigie.recording.keeper.evidence import Room
from vigie.recording.keeper.locks import LockedTime
from vigie.recording.keeper.memory import load
from vigie.recording.keeper.rules import Keeping, PressurePolicy
from vigie.recording.keeper.store import DAY

KEEPING = Keeping(floor=5 * DAY, ceiling=6 * DAY, profile="street")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with ram_folder() as folder:
        yield Recorder(folder, {"cam-1": KEEPING, "cam-2": KEEPING}, stranger=Keeping(5 * DAY, 6 * DAY, planned=False))


def settle(recorder: Recorder) -> None:
    for camera in ("cam-1", "cam-2"):
        recorder.archive(camera, 10)


def test_what_is_past_the_ceiling_goes_and_nothing_else(recorder: Recorder) -> None:
    settle(recorder)
    report = recorder.run()
    limit = recorder.time.true - KEEPING.ceiling - recorder.segment
    assert recorder.starts("cam-1")[0] > limit
    assert len(recorder.starts("cam-1")) == 48
    assert (report.holds, report.overdue) == ({}, {})
    assert report.counters.erased == 64
    assert report.counters.erased_bytes == 6400
    assert not (recorder.root / "cam-1/2027/12/10").exists()
    assert recorder.run().counters.erased == 64


def test_the_account_of_erasures_is_in_the_journal(recorder: Recorder) -> None:
    settle(recorder)
    recorder.run()
    for _ in range(16):
        recorder.time.pass_by(3 * HOUR)
        recorder.run()
    entries = [e.body for e in recorder.journal.entries({"deletion"}) if e.body["camera"] == "cam-1"]
    assert [e["day"] for e in entries] == ["2027-12-10", "2027-12-11", "2027-12-12", "2027-12-13", "2027-12-14"]
    assert all(e["segments"] == 8 and e["bytes"] == 800 and e["to"] - e["from"] == DAY for e in entries)
    assert {e["reason"] for e in entries} == {"ceiling"}


def test_a_camera_that_left_and_an_orphan_are_erased_by_the_citys_ceiling(recorder: Recorder) -> None:
    settle(recorder)
    recorder.archive("gone", 10)
    recorder.keeping["cam-2"] = Keeping(5 * DAY, 6 * DAY, planned=False)
    recorder.restart()
    for _ in range(60):
        recorder.run()
        recorder.time.pass_by(3 * HOUR)
    assert recorder.starts("gone") == recorder.starts("cam-2") == []
    assert not (recorder.root / "gone").exists()
    assert {e.body["reason"] for e in recorder.journal.entries({"deletion"}) if e.body["camera"] != "cam-1"} == {
        "left_plan"
    }


def test_locked_footage_stays_whole_until_it_is_released(recorder: Recorder) -> None:
    settle(recorder)
    begin = recorder.time.true - 9 * DAY + HOUR
    name = recorder.lock("cam-1", begin, begin + 2 * HOUR)
    wide = recorder.lock("cam-2", begin - 3 * DAY, begin + 3 * DAY, until=recorder.time.true + 2 * DAY)
    report = recorder.run()
    assert recorder.starts("cam-1")[0] == begin - HOUR
    assert len([s for s in recorder.starts("cam-1") if s < recorder.time.true - 6 * DAY - recorder.segment]) == 1
    assert recorder.starts("cam-2")[0] == recorder.time.true - 10 * DAY
    assert report.weight.files == 1 + 33
    assert report.weight.beyond > 0
    recorder.restart()
    recorder.run()
    assert recorder.starts("cam-1")[0] == begin - HOUR
    recorder.book.release(name, "officer", "case closed", recorder.time.true)
    recorder.time.pass_by(2 * DAY + 1)
    recorder.run()
    assert recorder.starts("cam-1")[0] > recorder.time.true - 6 * DAY - recorder.segment
    assert recorder.starts("cam-2")[0] > recorder.time.true - 6 * DAY - recorder.segment
    assert recorder.book.get(wide).released is not None
    assert [e.body["reason"] for e in recorder.journal.entries({"release"})] == ["case closed", "expired"]


@pytest.mark.parametrize("jump", [40 * DAY, -40 * DAY])
def test_a_clock_jump_erases_nothing_and_heals_by_itself(recorder: Recorder, jump: float) -> None:
    settle(recorder)
    recorder.run()
    before = recorder.files()
    recorder.time.jump(jump)
    for _ in range(4):
        recorder.time.pass_by(60)
        report = recorder.run()
        assert "continuity" in report.holds["*"]
    assert recorder.files() == before
    recorder.restart()
    assert "continuity" in recorder.run().holds["*"]
    recorder.time.jump(-jump)
    recorder.time.pass_by(3 * HOUR)
    assert recorder.run().holds == {}
    assert len(recorder.starts("cam-1")) == 47
    states = [(e.body["camera"], e.body["state"]) for e in recorder.journal.entries({"hold"})]
    assert states == [("*", "begun"), ("*", "ended")]


def test_a_wrong_clock_after_a_reboot_erases_a_days_worth_at_most(recorder: Recorder) -> None:
    """No server answers and the hardware clock is a month ahead: nobody can tell, so little may go."""
    settle(recorder)
    recorder.run()
    before = len(recorder.starts("cam-1"))
    recorder.time.reboot()
    recorder.time.servers.reached = False
    recorder.time.jump(40 * DAY)
    recorder.restart()
    for _ in range(10):
        report = recorder.run()
        recorder.time.pass_by(60)
    assert before - len(recorder.starts("cam-1")) <= 10
    assert "do not agree" in report.holds["cam-1"]
    assert report.overdue["cam-1"].count >= 38
    assert report.agreed


def test_a_person_may_vouch_for_the_clock(recorder: Recorder) -> None:
    settle(recorder)
    recorder.run()
    recorder.time.jump(3 * HOUR)
    recorder.time.servers.difference = 0
    assert recorder.run().holds
    recorder.keeper.accept_clock("operator")
    assert recorder.run().holds == {}
    assert [e.body["who"] for e in recorder.journal.entries({"clock"})] == ["operator"]


def test_after_days_without_power_the_backlog_goes_when_the_sources_agree(recorder: Recorder) -> None:
    settle(recorder)
    recorder.run()
    recorder.time.pass_by(4 * DAY)
    recorder.time.reboot()
    recorder.restart()
    report = recorder.run()
    assert report.holds == {}
    assert len(recorder.starts("cam-1")) == 16


def test_pressure_takes_the_oldest_between_floor_and_ceiling_first_and_evenly(recorder: Recorder) -> None:
    settle(recorder)
    recorder.run()
    recorder.capacity, recorder.room = 9600 + 500, Room(headroom=1000, evidence=100)
    recorder.restart()
    report = recorder.run()
    assert (len(recorder.starts("cam-1")), len(recorder.starts("cam-2"))) == (45, 45)
    assert report.pressure == "room"
    assert report.counters.early == 6
    assert report.counters.below_floor == 0
    assert [e.body["state"] for e in recorder.journal.entries({"pressure"})] == ["room"]


def test_pressure_does_not_go_below_the_floor_without_a_policy(recorder: Recorder) -> None:
    settle(recorder)
    recorder.run()
    recorder.capacity, recorder.room = 9600, Room(headroom=4000)
    recorder.restart()
    report = recorder.run()
    assert (len(recorder.starts("cam-1")), len(recorder.starts("cam-2"))) == (40, 40)
    assert report.short_of == 4000 - 1600
    assert report.pressure == "short"


def test_the_policy_says_what_is_given_up_below_the_floor(recorder: Recorder) -> None:
    settle(recorder)
    recorder.keeping["cam-2"] = Keeping(5 * DAY, 6 * DAY, profile="park")
    locked = recorder.time.true - 5 * DAY + HOUR
    recorder.lock("cam-2", locked, locked + 1)
    recorder.run()
    recorder.capacity, recorder.room = 9600, Room(headroom=3000)
    recorder.pressure = PressurePolicy(("park", "street"), keep_at_least=4 * DAY)
    recorder.restart()
    report = recorder.run()
    assert (len(recorder.starts("cam-1")), len(recorder.starts("cam-2"))) == (33, 33)
    assert locked - HOUR in recorder.starts("cam-2")
    assert report.counters.below_floor == 14
    assert report.pressure == "below_floor"
    recorder.time.pass_by(2 * HOUR)
    recorder.run()
    reasons = [e.body["reason"] for e in recorder.journal.entries({"deletion"})]
    assert reasons.count("pressure") >= 2


def test_an_unlink_that_fails_holds_its_camera_alone(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(recorder)
    real = os.unlink

    def refuse(path: str, *, dir_fd: int) -> None:
        if "cam-1" in str(Path(f"/proc/self/fd/{dir_fd}").readlink()):
            raise PermissionError(1, "Operation not permitted")
        real(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refuse)
    report = recorder.run()
    assert "Operation not permitted" in report.holds["cam-1"]
    assert report.counters.failed == 1
    assert report.overdue["cam-1"].count == 32
    assert len(recorder.starts("cam-2")) == 48
    monkeypatch.undo()
    report = recorder.run()
    assert (report.holds, report.overdue) == ({}, {})
    assert [e.body["state"] for e in recorder.journal.entries({"hold"})] == ["begun", "ended"]


def test_a_read_only_disk_holds_everything(recorder: Recorder) -> None:
    settle(recorder)
    recorder.store.read_only = True
    before = recorder.files()
    assert recorder.run().holds == {"*": "the disk is read-only"}
    assert recorder.files() == before
    recorder.store.read_only = False
    assert recorder.run().holds == {}


def test_a_journal_that_cannot_be_written_or_read_holds_everything(recorder: Recorder) -> None:
    settle(recorder)
    recorder.lock("cam-1", recorder.time.true - 9 * DAY, recorder.time.true - 8 * DAY)
    path = recorder.journal.folder / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"officer", b"nobody!"))
    recorder.restart()
    before = recorder.files()
    assert "digest" in recorder.run().holds["*"]
    assert recorder.files() == before


def test_broken_files_and_strangers_are_set_aside(recorder: Recorder) -> None:
    recorder.size = 70_000  # large enough not to be looked into
    recorder.search_broken = True
    recorder.restart()
    settle(recorder)
    old = recorder.time.true - 2 * DAY
    empty = recorder.record("cam-1", old + 1, size=0)
    header = recorder.record("cam-1", old + 2)
    header.write_bytes(init())
    whole = recorder.record("cam-1", old + 3)
    whole.write_bytes(segment_bytes(2))
    growing = recorder.record("cam-1", size=0)
    note = recorder.root / "cam-1/2027/12/11/notes.txt"
    note.write_text("x")
    locked = recorder.record("cam-2", old + 1, size=0)
    recorder.lock("cam-2", old, old + 10)
    report = recorder.run()
    assert report.quarantined == 2
    assert not empty.exists()
    assert not header.exists()
    assert not note.exists()
    assert whole.exists()
    assert growing.exists()
    assert locked.exists()
    quarantine = recorder.root / ".quarantine/cam-1"
    kept = sorted(str(path.relative_to(quarantine)) for path in quarantine.rglob("*") if path.is_file())
    assert kept == ["2027/12/18/00-00-01-000000.mp4", "2027/12/18/00-00-02-000000.mp4", "2027/12/20/stranger-notes.txt"]
    assert [e.body["reason"] for e in recorder.journal.entries({"quarantine"})] == [
        "empty",
        "header only",
        "not a segment",
    ]
    for _ in range(9 * 4):
        recorder.time.pass_by(6 * HOUR)
        recorder.run()
    assert not list(quarantine.rglob("*.*"))


def test_links_lead_nowhere(recorder: Recorder, tmp_path: Path) -> None:
    """A link in the archive must not make the keeper erase something else."""
    settle(recorder)
    outside = tmp_path / "outside"
    victim = outside / "2027/12/01/00-00-00-000000.mp4"
    victim.parent.mkdir(parents=True)
    victim.write_bytes(b"x")
    (recorder.root / "cam-3").symlink_to(outside)
    (recorder.root / "cam-1/2027/11").symlink_to(outside / "2027/12")
    (recorder.root / "cam-2/2027/12/10/00-00-00-000001.mp4").symlink_to(victim)
    report = recorder.run()
    assert victim.read_bytes() == b"x"
    assert (recorder.root / "cam-3").is_symlink()
    assert report.strangers >= 1
    (recorder.root / "cam-1/2027/11").unlink()
    assert len(recorder.starts("cam-1")) == 48


def test_a_pass_that_was_killed_is_counted_to_the_end(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Erased but not yet counted: the intent on the disk tells."""
    settle(recorder)
    calls = []
    real = recorder.store.erase

    def dies(item: object) -> None:
        calls.append(item)
        if len(calls) > 10:
            raise KeyboardInterrupt
        real(item)  # type: ignore[arg-type]

    monkeypatch.setattr(recorder.store, "erase", dies)
    with pytest.raises(KeyboardInterrupt):
        recorder.run()
    recorder.restart()
    report = recorder.run()
    assert report.counters.erased == 64
    recorder.time.pass_by(30 * HOUR)
    recorder.run()
    recorder.time.pass_by(30 * HOUR)
    recorder.run()
    total = sum(e.body["segments"] for e in recorder.journal.entries({"deletion"}))
    total += sum(tally.segments for tally in load(recorder.journal.folder / "keeper-recordings.json").tallies)
    assert total == recorder.keeper.report.counters.erased  # type: ignore[union-attr]


def test_a_lock_set_in_the_middle_of_a_pass_holds(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass has decided already; the lock is acknowledged before the item's turn comes."""
    settle(recorder)
    begin = recorder.time.true - 7 * DAY
    calls = []

    def sleep(_: float) -> None:
        calls.append(1)
        if len(calls) == 3:
            recorder.lock("cam-1", begin, begin + 3 * HOUR)

    monkeypatch.setattr(recorder.keeper, "_sleep", sleep)
    recorder.run()
    assert begin in recorder.starts("cam-1")
    assert len(calls) == 63


def test_a_disk_that_fails_is_not_tried_again_in_the_same_pass(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(recorder)
    tried = []

    def fails(path: str, *, dir_fd: int) -> None:
        tried.append(path)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "unlink", fails)
    report = recorder.run()
    assert report.holds["*"] == "the disk fails: Input/output error"
    assert len(tried) == 1
    monkeypatch.undo()
    assert recorder.run().holds == {}


def test_killed_between_journal_and_memory_nothing_is_written_twice(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(recorder)
    real = recorder.journal.append

    def dies(kind: Kind, body: dict[str, object], at: float) -> None:
        real(kind, body, at)
        if kind == "deletion":
            raise KeyboardInterrupt

    monkeypatch.setattr(recorder.journal, "append", dies)
    with pytest.raises(KeyboardInterrupt):
        recorder.run()
    recorder.restart()
    assert recorder.run().counters.erased == 64
    memory = load(recorder.journal.folder / "keeper-recordings.json")
    bodies = [e.body for e in recorder.journal.entries({"deletion"})]
    assert sum(body["segments"] for body in bodies) + sum(tally.segments for tally in memory.tallies) == 64


def test_a_journal_that_fails_after_the_erasure_counts_it_once(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(recorder)

    def full(kind: Kind, body: dict[str, object], at: float) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder.journal, "append", full)
    assert "No space" in recorder.run().holds["*"]
    monkeypatch.undo()
    recorder.run()
    recorder.restart()
    assert recorder.run().counters.erased == 64


def test_the_folder_of_today_stays_and_an_old_empty_one_goes(recorder: Recorder) -> None:
    """A recorder makes the folder first, then the file in it."""
    settle(recorder)
    recorder.keeping["cam-3"] = KEEPING
    recorder.restart()
    old, today = recorder.root / "cam-1/2027/11/30", recorder.root / "cam-3/2027/12/20"
    for folder in (old, today):
        folder.mkdir(parents=True, exist_ok=True)
    recorder.run()
    recorder.run()
    assert today.exists()
    assert not old.parent.exists()


def test_locks_that_cannot_be_read_in_the_middle_of_a_pass_hold_the_rest(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(recorder)
    calls = []
    real = recorder.book.guard

    def fails() -> AbstractContextManager[LockedTime]:
        calls.append(1)
        if len(calls) > 20:
            raise OSError(5, "Input/output error")
        return real()

    monkeypatch.setattr(recorder.book, "guard", fails)
    assert "nothing is erased" in recorder.run().holds["*"]
    gone = 160 - len(recorder.files())
    assert 0 < gone < 64
    monkeypatch.undo()
    for camera in ("cam-1", "cam-2"):  # nothing more goes: what went must be counted once all the same
        recorder.lock(camera, recorder.time.true - 20 * DAY, recorder.time.true)
    recorder.run()
    recorder.restart()
    assert recorder.run().counters.erased == gone
