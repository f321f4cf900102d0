"""The feeder: what is recorded now, into the store, for all cameras of a recorder by one thread.

No hooks: the name of a segment says to the microsecond when it starts, and its growth says the rest, also after `kill -9`,
when no hook runs. One `stat` for each camera every two seconds is all that sound recording costs (docs/reports/2026-11-24-ledger.md).
"""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie.recording.layout import newest_segments, parse_path, segments_after
from vigie.recording.ledger.follow import Follower, Growth
from vigie.recording.ledger.interval import Interval
from vigie.recording.ledger.limits import FLUSH_SECONDS, LOOK_SECONDS
from vigie.recording.ledger.scan import SegmentRule, cameras_on_disk
from vigie.recording.ledger.stalls import Stall, StallLog
from vigie.recording.ledger.store import IntervalStore

_LOG: Final = logging.getLogger(__name__)
_DISCOVER_SECONDS: Final = 10.0
_FRESH_SECONDS: Final = 30.0  # a segment that is no older was met at its beginning
_IDLE_LOOK_SECONDS: Final = 10.0


@dataclass(slots=True)
class _Camera:
    id: str
    follower: Follower | None = None
    path: str = ""
    due: float = 0.0  # when to look again
    successor_due: float = 0.0  # when to look for a newer segment, if it does not grow
    # Its next segment was there before the feeder, or was looked for in vain: then it may begin with a stall.
    late: bool = True


class Feeder:
    """Follows every camera under `root` and keeps `store` up to date. One thread; call `tick` every `TICK_SECONDS`.

    `opened`, `stalls` and `errors` count files opened, stalls found, and looks that the disk refused.
    """

    def __init__(self, root: Path, store: IntervalStore, rule: SegmentRule) -> None:
        self._root = root
        self._store = store
        self._rule = rule
        self._log = StallLog(root)
        self._cameras: dict[str, _Camera] = {}
        self._pending: defaultdict[str, list[Interval]] = defaultdict(list)
        self._unlogged: list[tuple[str, Stall]] = []
        self._growth = Growth()
        self._discover_at = 0.0
        self._flush_at = 0.0
        self.opened = 0
        self.stalls = 0
        self.errors = 0
        self.flushed: float | None = None

    @property
    def cameras(self) -> int:
        """How many cameras it follows."""
        return len(self._cameras)

    def tick(self, now: float) -> None:
        """A look at every camera that is due. Never raises for one camera's disk; raises `sqlite3.OperationalError` of the store."""
        if now >= self._discover_at or self._discover_at - now > _DISCOVER_SECONDS:
            self._discover()
            self._discover_at = now + _DISCOVER_SECONDS
        for camera in self._cameras.values():
            if now < camera.due < now + _IDLE_LOOK_SECONDS:
                continue
            try:
                self._look(camera, now)
            except OSError as error:
                self.errors += 1
                _LOG.debug("camera %s: %s", camera.id, error)
        if now >= self._flush_at or self._flush_at - now > FLUSH_SECONDS:
            self.flush(now)
            self._flush_at = now + FLUSH_SECONDS

    def flush(self, now: float) -> None:
        """Writes what is known into the store, in one transaction. What it refuses is kept for the next time."""
        for camera in self._cameras.values():
            if camera.follower is not None:
                growth = Growth()
                camera.follower.flush(growth)
                self._take(camera, growth)
        with self._store.transaction():
            for name, footage in self._pending.items():
                for interval in footage:
                    self._store.extend(name, interval.start, interval.end)
        self._pending.clear()
        self._write_log()
        self.flushed = now

    def _discover(self) -> None:
        try:
            found = cameras_on_disk(self._root, [])
        except OSError as error:
            self.errors += 1
            _LOG.warning("%s: %s", self._root, error)
            return
        for name in found:
            self._cameras.setdefault(name, _Camera(name))
        for name in self._cameras.keys() - set(found):
            del self._cameras[name]

    def _look(self, camera: _Camera, now: float) -> None:
        follower = camera.follower
        if follower is None:
            self._begin(camera, now)
            return
        try:
            status = os.stat(camera.path)  # noqa: PTH116 - 1,000 times a second
        except FileNotFoundError:  # erased
            camera.follower = None
            return
        growth = self._growth
        if follower.observe(status.st_size, min(status.st_mtime, now), now, growth):
            camera.due = follower.modified + LOOK_SECONDS
        else:
            camera.due = max(now, follower.modified + LOOK_SECONDS)
            if camera.due <= now and not now < camera.successor_due < now + _IDLE_LOOK_SECONDS:
                self._look_for_successor(camera, follower, now)
        if growth.footage or growth.opened:
            self._take(camera, growth)
            self._growth = Growth()

    def _look_for_successor(self, camera: _Camera, follower: Follower, now: float) -> None:
        newer = segments_after(follower.path, self._root, camera.id)
        camera.late = camera.late or not newer
        for path in newer:
            follower = self._step(camera, path, now, self._growth)
        if now - follower.modified > _FRESH_SECONDS:  # nothing is recorded: less often
            camera.due = camera.successor_due = now + _IDLE_LOOK_SECONDS / 2

    def _begin(self, camera: _Camera, now: float) -> None:
        camera.due = now + _IDLE_LOOK_SECONDS / 2
        # The newest one, and those that came between two looks; what is older is the reconciliation's.
        recent: list[Path] = []
        for path in newest_segments(self._root, camera.id):
            if recent and now - self._start(path) > _FRESH_SECONDS:
                break
            recent.append(path)
        growth = Growth()
        for path in reversed(recent):
            self._step(camera, path, now, growth)
        self._take(camera, growth)

    def _start(self, path: Path) -> float:
        return parse_path(path, self._root).start.timestamp()

    def _step(self, camera: _Camera, path: Path, now: float, growth: Growth) -> Follower:
        """From one segment of a camera to the next."""
        start = self._start(path)
        if camera.follower is not None:
            camera.follower.succeed(start, growth)
        fresh, camera.late = not camera.late and now - start < _FRESH_SECONDS, False
        known = [] if fresh else self._log.of(camera.id)
        camera.follower = Follower(path, start, self._rule, known, fresh=fresh)
        camera.path, camera.due, camera.successor_due = str(path), now, now
        try:
            status = path.stat()
            # A clock that was wrong, or a hand that touched the file: nothing is recorded later than now.
            camera.follower.observe(status.st_size, min(status.st_mtime, now), now, growth)
        except FileNotFoundError:
            _LOG.debug("%s: erased at once", path)
        return camera.follower

    def _take(self, camera: _Camera, growth: Growth) -> None:
        self._pending[camera.id] += growth.footage
        self.opened += growth.opened
        self.stalls += len(growth.stalls)
        if growth.stalls:
            self._unlogged += ((camera.id, stall) for stall in growth.stalls)
            # Before the footage around them reaches the store: a rebuild in between must know them.
            self._write_log()

    def _write_log(self) -> None:
        while self._unlogged:
            camera, stall = self._unlogged[0]
            try:
                self._log.add(camera, stall)
            except OSError as error:  # full or read-only: the store has it, and the next flush tries again
                self.errors += 1
                _LOG.warning("stall of %s not logged: %s", camera, error)
                return
            self._unlogged.pop(0)
