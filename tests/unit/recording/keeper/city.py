"""A recorder host in miniature: a simulated clock, real files on a memory filesystem, a real journal and keeper."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from vigie.recording.journal import Journal
from vigie.recording.keeper.clock import Anchor, Continuity, HostClock, NewestInstant, Reading, TimeSource
from vigie.recording.keeper.evidence import Room
from vigie.recording.keeper.keeper import Keeper, Policy
from vigie.recording.keeper.locks import LockBook, LockRequest
from vigie.recording.keeper.memory import load
from vigie.recording.keeper.report import Report
from vigie.recording.keeper.rules import Keeping, PressurePolicy
from vigie.recording.keeper.store import DAY, FileStore, SegmentStore
from vigie.recording.keeper.tree import Space
from vigie.recording.layout import Segment, newest_segments, parse_path

HOUR = 3600.0
START = datetime(2027, 12, 20, tzinfo=UTC).timestamp()  # a new year and a leap day lie ahead
RAM = Path("/dev/shm")


@contextmanager
def ram_folder() -> Iterator[Path]:
    """A folder in memory where the machine has one: durable writes cost nothing there."""
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None, prefix="vigie-test-") as name:
        yield Path(name)


class Servers:
    """Time servers that confirm, or are not reached."""

    def __init__(self) -> None:
        self.reached = True
        self.difference = 0.0

    def read(self, now: float) -> Reading:
        if not self.reached:
            return Reading("chrony", "silent", "not synchronised with any server")
        if abs(self.difference) > 1:
            return Reading("chrony", "contradicts", f"the time servers differ by {self.difference} s")
        return Reading("chrony", "confirms", "2 time servers agree", weight=2)


class SimulatedTime:
    """True time, and the host's clock that may differ from it. Nothing of the machine's clock is used."""

    def __init__(self) -> None:
        self.true = START
        self.wrong_by = 0.0
        self.boot = "boot-1"
        self.booted = START - DAY
        self.servers = Servers()

    def shown(self) -> float:
        return self.true + self.wrong_by

    def pass_by(self, seconds: float) -> None:
        self.true += seconds

    def jump(self, seconds: float) -> None:
        self.wrong_by += seconds
        self.servers.difference = -self.wrong_by

    def reboot(self) -> None:
        self.boot, self.booted = f"{self.boot}+", self.true

    def clock(self, anchor: Anchor | None, *sources: TimeSource) -> HostClock:
        boot, booted = self.boot, self.booted
        continuity = Continuity(anchor, lambda: self.true - booted, boot)
        return HostClock(continuity, [self.servers, *sources], self.shown)


class SmallDisk(SegmentStore):
    """A store that says how full it is by what it holds, of ``capacity`` bytes; None: endless."""

    capacity: int | None = None
    each = 100  # bytes of one file
    read_only = False

    def space(self) -> Space:
        if self.capacity is None:
            return Space(10**12, 10**12, self.read_only)
        used = sum(len(names) for folder, _, names in os.walk(self.tree.root) if "/." not in folder) * self.each
        return Space(self.capacity, self.capacity - used, self.read_only)


class Recorder:
    """One recorder host under test. ``keeping`` may change as the plan does; `restart` begins a new keeper."""

    def __init__(
        self,
        folder: Path,
        keeping: Mapping[str, Keeping],
        *,
        segment: float = 3 * HOUR,
        size: int = 100,
        stranger: Keeping | None = None,
    ) -> None:
        self.folder, self.segment, self.size = folder, segment, size
        self.time = SimulatedTime()
        self.keeping = dict(keeping)
        self.stranger = stranger or Keeping(30 * DAY, 31 * DAY, planned=False)
        self.room = Room()
        self.pressure: PressurePolicy | None = None
        self.capacity: int | None = None
        self.search_broken = False  # the small files of most tests hold no footage
        self.root = folder / "recordings"
        self.root.mkdir(exist_ok=True)
        self.restart()

    def restart(self) -> None:
        """A new keeper over what is on the disk."""
        self.journal = Journal(self.folder / "ledger")
        self.journal.folder.mkdir(exist_ok=True)
        self.book = LockBook(self.journal)
        memory_file = self.journal.folder / "keeper-recordings.json"
        self.store = SmallDisk(self.root, self.segment)
        self.store.capacity, self.store.each = self.capacity, self.size
        self.clock = self.time.clock(load(memory_file).anchor, NewestInstant("the newest footage", self.newest))
        policy = Policy(self.keeping, self.stranger, self.room, self.pressure, quarantine=self.search_broken)
        self.keeper = Keeper(self.store, policy, self.journal, self.book, self.clock, memory_file, lambda _: None)
        quarantine = Policy({}, self.stranger, quarantine=False, optional=True)
        file = self.journal.folder / "keeper-quarantine.json"
        store = FileStore("quarantine", self.root / ".quarantine")
        self.quarantine = Keeper(store, quarantine, self.journal, self.book, self.clock, file, lambda _: None)

    def newest(self) -> float | None:
        paths = (next(newest_segments(self.root, camera), None) for camera in sorted(self.keeping))
        return max((parse_path(path, self.root).start.timestamp() for path in paths if path), default=None)

    def record(self, camera: str, at: float | None = None, size: int | None = None) -> Path:
        """A segment that begins at ``at`` (now, as the host's clock shows it)."""
        start = datetime.fromtimestamp(self.time.shown() if at is None else at, UTC)
        path = Segment(camera, start).path(self.root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * (self.size if size is None else size))
        return path

    def archive(self, camera: str, days: float) -> None:
        """Footage without a gap of the last ``days``."""
        for number in range(int(days * DAY / self.segment)):
            self.record(camera, self.time.true - (number + 1) * self.segment)

    def files(self) -> set[tuple[str, float]]:
        """Camera and start of every segment on the disk."""
        found = set()
        for folder, _, names in os.walk(self.root):
            camera, *day = folder[len(str(self.root)) + 1 :].split("/")
            if len(day) == 3 and not camera.startswith("."):
                midnight = datetime(int(day[0]), int(day[1]), int(day[2]), tzinfo=UTC).timestamp()
                timed = (name.split(".")[0].split("-") for name in names if name.endswith(".mp4"))
                for h, m, s, f in timed:
                    found.add((camera, midnight + int(h) * 3600 + int(m) * 60 + int(s) + int(f) / 1e6))
        return found

    def starts(self, camera: str) -> list[float]:
        return sorted(start for name, start in self.files() if name == camera)

    def lock(self, camera: str, start: float, end: float, until: float | None = None) -> str:
        name = f"lock{len(self.book.all())}"  # a number, so that the same events give the same locks
        request = LockRequest(camera, start, end, "case 12", "officer", until, name)
        return self.book.add(request, self.time.shown()).id

    def run(self) -> Report:
        self.quarantine.run()
        return self.keeper.run()
