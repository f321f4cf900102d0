"""A hundred and twenty days in seconds: cameras come, go and move; disks fill; clocks jump; people lock and release.

The keeper's clock is simulated; files, journal, locks and passes are real. After every pass the law is checked against
a diary that the keeper never sees.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

import pytest

from tests.unit.recording.keeper.city import HOUR, Recorder, ram_folder
from vigie.recording.keeper.evidence import Room
from vigie.recording.keeper.memory import load
from vigie.recording.keeper.rules import Keeping
from vigie.recording.keeper.store import DAY

STEP = 12 * HOUR
KEEPING = Keeping(floor=20 * DAY, ceiling=22 * DAY, profile="street")
STRANGER = Keeping(floor=20 * DAY, ceiling=22 * DAY, planned=False)
GRACE = 2 * STEP  # a pass, and the one after it
SEEDS = [int(word) for word in os.environ.get("VIGIE_SEEDS", "1").split()]  # more of them: VIGIE_SEEDS="1 2 3"


@dataclass
class Diary:
    """What was recorded and locked, by true time; what may be gone and what must be."""

    recorded: dict[tuple[str, float], float] = field(default_factory=dict)  # file -> true time of its beginning
    locks: dict[str, tuple[str, float, float, float | None]] = field(default_factory=dict)
    trouble_until: float = 0.0  # the clock was wrong until then

    def locked(self, camera: str, start: float, end: float, now: float) -> bool:
        return any(
            name == camera and begin < end and start < finish and (until is None or until > now)
            for name, begin, finish, until in self.locks.values()
        )


class City:
    """The recorder under test and its diary."""

    def __init__(self, recorder: Recorder, seed: int) -> None:
        self.recorder, self.diary, self.random = recorder, Diary(), random.Random(seed)
        self.cameras = {"cam-1", "cam-2", "cam-3"}
        self.jumped = False

    @property
    def now(self) -> float:
        return self.recorder.time.true

    def record(self) -> None:
        for camera in sorted(self.cameras):
            if self.random.random() < 0.03:
                continue  # a gap
            path = self.recorder.record(camera)
            shown = self.recorder.time.shown()
            assert path.exists()
            self.diary.recorded[camera, shown] = self.now

    def change_plan(self, camera: str, *, joins: bool) -> None:
        if joins:
            self.cameras.add(camera)
            self.recorder.keeping[camera] = KEEPING
        else:
            self.cameras.discard(camera)
            self.recorder.keeping.pop(camera, None)
        self.recorder.restart()

    def lock(self) -> None:
        camera, shown = self.random.choice(sorted(self.recorder.files()))
        begin = shown + self.random.uniform(-1, 1) * DAY
        end = begin + self.random.uniform(0.1, 3) * DAY
        until = None if self.random.random() < 0.5 else self.recorder.time.shown() + self.random.uniform(1, 30) * DAY
        name = self.recorder.lock(camera, begin, end, until)
        self.diary.locks[name] = (camera, begin, end, until)

    def release(self) -> None:
        if self.diary.locks:
            name = self.random.choice(sorted(self.diary.locks))
            self.recorder.book.release(name, "officer", "closed", self.recorder.time.shown())
            del self.diary.locks[name]

    def jump(self) -> None:
        self.jumped = not self.jumped
        if self.jumped:
            self.recorder.time.jump(self.random.choice([-400, -30, -2, 3, 25, 90, 4000]) * DAY)
        else:
            self.recorder.time.jump(-self.recorder.time.wrong_by)
            self.diary.trouble_until = self.now + GRACE

    def check(self) -> None:
        """The law, by true time. Footage recorded under a wrong clock carries a wrong name: its name rules it."""
        left = self.recorder.files()
        for (camera, shown), true in self.diary.recorded.items():
            there = (camera, shown) in left
            end = shown + self.recorder.segment
            if not there:
                assert not self.diary.locked(camera, shown, end, self.now), f"locked footage of {camera} is gone"
                if shown == true:
                    assert true + KEEPING.floor <= self.now, f"{camera} lost footage within its floor"
            elif not self.jumped and self.now > self.diary.trouble_until:
                overdue = end + KEEPING.ceiling + GRACE <= self.now
                kept = self.diary.locked(camera, shown, end, self.now - GRACE)
                assert not overdue or kept, f"{camera} {shown} is past its ceiling"
        self.diary.recorded = {key: true for key, true in self.diary.recorded.items() if key in left}

    def something_happens(self) -> None:
        """One of the events of a long time, or none."""
        recorder, event = self.recorder, self.random.random()
        if event < 0.03:
            self.change_plan(f"new-{len(recorder.keeping)}-{int(self.now) % 1000}", joins=True)
        elif event < 0.06 and len(self.cameras) > 1:
            self.change_plan(self.random.choice(sorted(self.cameras)), joins=False)
        elif event < 0.14 and not self.jumped and recorder.files():
            self.lock()
        elif event < 0.18:
            self.release()
        elif event < 0.21 or (self.jumped and event < 0.5):
            self.jump()
        elif event < 0.24:
            recorder.restart()
        elif event < 0.28:
            self.fill()

    def fill(self) -> None:
        """The disk becomes too small, or large again."""
        recorder = self.recorder
        recorder.capacity, recorder.room = None, Room()
        if self.random.random() < 0.6:
            recorder.capacity = (len(recorder.files()) + self.random.randint(0, 20)) * recorder.size
            recorder.room = Room(headroom=self.random.randint(1, 30) * recorder.size)
        recorder.restart()

    def end(self) -> None:
        """The clock is right, nothing is locked, every camera has left the plan."""
        if self.jumped:
            self.jump()
        for name in self.diary.locks:
            self.recorder.book.release(name, "officer", "the end", self.recorder.time.shown())
        self.diary.locks.clear()
        for camera in sorted(self.cameras):
            self.change_plan(camera, joins=False)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hundred_and_twenty_days(seed: int) -> None:
    with ram_folder() as folder:
        keeping = dict.fromkeys(("cam-1", "cam-2", "cam-3"), KEEPING)
        recorder = Recorder(folder, keeping, segment=STEP, stranger=STRANGER)
        city = City(recorder, seed)
        for _ in range(int(120 * DAY / STEP)):
            recorder.time.pass_by(STEP)
            city.record()
            city.something_happens()
            recorder.run()
            city.check()
        city.end()
        for _ in range(int(24 * DAY / STEP)):
            recorder.time.pass_by(STEP)
            recorder.run()
            city.check()
        _check_the_end(recorder)


def _check_the_end(recorder: Recorder) -> None:
    left = recorder.files()
    # Nothing is left but what a clock that ran ahead has named after the future: its name rules it.
    assert all(start > recorder.time.true - 24 * DAY for _, start in left)
    assert {path.name for path in recorder.root.iterdir() if path.name != ".quarantine"} == {
        camera for camera, _ in left
    }
    assert recorder.journal.verify().intact
    memory = load(recorder.journal.folder / "keeper-recordings.json")
    written = sum(e.body["segments"] for e in recorder.journal.entries({"deletion"}))
    assert written + sum(tally.segments for tally in memory.tallies) == memory.counters.erased > 300
    kinds = {entry.kind for entry in recorder.journal.entries()}
    assert {"lock", "release", "deletion", "hold"} <= kinds
