"""kill -9 at random moments: what was acknowledged holds, what went is counted, the journal verifies."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

from tests.unit.recording.keeper.city import HOUR, START, Recorder, ram_folder
from vigie.recording.journal import Journal
from vigie.recording.keeper.memory import load
from vigie.recording.keeper.rules import Keeping
from vigie.recording.keeper.store import DAY

KEEPING = Keeping(floor=2 * DAY, ceiling=3 * DAY)
CAMERAS = ("cam-1", "cam-2")
KILLS = int(os.environ.get("VIGIE_KILLS", "20"))  # a hundred by night


def _say(folder: Path, name: str, value: object) -> None:
    """A line that is whole or not there, for the parent that kills us."""
    descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, json.dumps(value).encode() + b"\n")
    os.close(descriptor)


def _lines(folder: Path, name: str) -> list[list[float | str]]:
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _host(folder: Path) -> Recorder:
    recorder = Recorder(folder, dict.fromkeys(CAMERAS, KEEPING), segment=HOUR, stranger=KEEPING)
    instants = _lines(folder, "time")
    recorder.time.true = float(instants[-1][0]) if instants else START + 4 * DAY
    recorder.restart()
    return recorder


def _live(folder: Path, seed: int) -> None:
    """Records, locks, releases and keeps until it is killed."""
    recorder, dice = _host(folder), random.Random(seed)
    while True:
        recorder.time.pass_by(HOUR)
        _say(folder, "time", [recorder.time.true])
        for camera in CAMERAS:
            recorder.record(camera)
            _say(folder, "recorded", [camera, recorder.time.true])
        camera, back = dice.choice(CAMERAS), dice.uniform(0, 3) * DAY
        begin = recorder.time.true - back
        kept = [s for s in recorder.starts(camera) if s < begin + 2 * HOUR and begin < s + HOUR]
        name = recorder.lock(camera, begin, begin + 2 * HOUR, until=recorder.time.true + dice.uniform(0.1, 4) * DAY)
        _say(folder, "locked", [name, camera, recorder.book.get(name).until or 0, *kept])
        recorder.run()


def _check(folder: Path) -> None:
    recorder = _host(folder)
    now, left = recorder.time.true, recorder.files()
    for camera, start in _lines(folder, "recorded"):
        if float(start) + KEEPING.floor > now:
            assert (camera, start) in left, "lost within the floor"
    journal = {entry.body["id"]: entry.body for entry in recorder.journal.entries({"lock"})}
    for name, camera, until, *kept in _lines(folder, "locked"):
        assert name in journal, "an acknowledged lock is not in the journal"
        if float(until) > now:
            assert {(camera, start) for start in kept} <= left, "locked footage is gone"
    assert recorder.journal.verify().intact


def test_killed_at_random_moments() -> None:
    dice = random.Random(7)
    context = multiprocessing.get_context("fork")
    with ram_folder() as folder:
        recorder = _host(folder)
        for camera in CAMERAS:
            for hours in range(1, 4 * 24):
                recorder.record(camera, recorder.time.true - hours * HOUR)
                _say(folder, "recorded", [camera, recorder.time.true - hours * HOUR])
        for kill in range(KILLS):
            child = context.Process(target=_live, args=(folder, kill))
            child.start()
            time.sleep(dice.uniform(0.01, 0.25))
            os.kill(child.pid or 0, signal.SIGKILL)
            child.join(10)
            assert child.exitcode == -signal.SIGKILL
            _check(folder)
        last = _host(folder)
        report = last.run()
        assert report.holds == {}
        recorded = {(camera, start) for camera, start in _lines(folder, "recorded")}
        memory = load(folder / "ledger" / "keeper-recordings.json")
        written = sum(e.body["segments"] for e in Journal(folder / "ledger").entries({"deletion"}))
        assert len(recorded - last.files()) == memory.counters.erased > 50
        assert written + sum(tally.segments for tally in memory.tallies) == memory.counters.erased
