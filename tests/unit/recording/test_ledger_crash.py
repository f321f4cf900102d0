"""The feeder is killed at twenty random moments while a camera records; store and disk agree in the end.

A recorder writes 120 times as fast as time goes, and feeders in processes of their own look as often.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.unit.recording.archive import Camera, Session, Stall, Write, worst
from vigie.recording.ledger.feed import Feeder
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.reconcile import rebuild, reconcile
from vigie.recording.ledger.scan import SegmentRule
from vigie.recording.ledger.store import IntervalStore

RULE: Final = SegmentRule(60, 2)
T: Final = 1_735_689_000.0  # 31 December 2024, 23:50
KILLS: Final = 20
SPEED: Final = 120.0
ALL: Final = (0.0, 4e9)
SESSIONS: Final = (
    Session(T, 130, "killed"),
    Session(T + 140, 100, "given_up", (Stall(50.0, 4.0, "frames"),)),
    Session(T + 270, 61),
    Session(T + 350, 90, "torn"),
    Session(T + 460, 120, "closed", (Stall(30.0, 6.0, "frames"), Stall(70.0, 3.0, "frames"))),
)


def feed(root: Path, file: Path, clock: Callable[[], float]) -> int:
    """Starts a feeder in a process of its own; returns its id."""
    child = os.fork()
    if child:
        return child
    try:
        store, _ = IntervalStore.open(file)
        feeder = Feeder(root, store, RULE)
        while True:
            feeder.tick(clock())
            time.sleep(1 / SPEED)
    finally:
        os._exit(1)


def put(write: Write) -> None:
    """One write with its time, in one step: a feeder beside sees both or neither."""
    new = write.path.with_name(".new")
    write.path.parent.mkdir(parents=True, exist_ok=True)
    new.write_bytes((write.path.read_bytes() if write.path.exists() else b"") + write.content)
    os.utime(new, (write.at, write.at))
    new.replace(write.path)


def test_twenty_kills_of_the_feeder(tmp_path: Path) -> None:
    root, file = tmp_path / "recordings", tmp_path / "intervals.db"
    (root / "cam-1").mkdir(parents=True)
    recording = Camera(root, "cam-1", fps=15).record(SESSIONS)
    waiting = list(recording.writes)
    chance = random.Random(20)
    began = time.monotonic()

    def clock() -> float:
        return T - 2 + (time.monotonic() - began) * SPEED

    def write(until: float) -> None:
        while time.monotonic() < until:
            now = clock()
            while waiting and waiting[0].at <= now:
                put(waiting.pop(0))
            time.sleep(0.003)

    end = (recording.writes[-1].at - T + 2) / SPEED
    for _ in range(KILLS):
        child = feed(root, file, clock)
        write(time.monotonic() + chance.uniform(0.3, 1.7) * end / KILLS)
        os.kill(child, signal.SIGKILL)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert sqlite3.connect(file).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    child = feed(root, file, clock)
    write(began + end + 40 / SPEED)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not waiting

    store, aside = IntervalStore.open(file)
    assert aside is None
    reconcile(root, store, RULE, clock=clock)
    alone, _ = IntervalStore.open(tmp_path / "rebuilt.db")
    rebuild(root, alone, RULE, clock)
    fed, disk = store.intervals("cam-1", *ALL), alone.intervals("cam-1", *ALL)
    assert worst(fed, disk) <= GAP_SECONDS
    assert worst(fed, recording.intervals) <= GAP_SECONDS
    assert len(fed) == len(recording.intervals)
