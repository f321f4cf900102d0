"""The store of intervals: SQLite, one row for each uninterrupted stretch of footage (docs/decisions/007-ledger-store.md).

Instants are Unix seconds at the interface and integer milliseconds in the file. Two tables hold the same kind of rows:
`kept` is on the disk, `erased` was once and is not any more.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from vigie.recording.ledger.interval import Interval, Intervals, intersect, seconds, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS

_LOG: Final = logging.getLogger(__name__)
_VERSION: Final = 1
_GAP_MS: Final = round(GAP_SECONDS * 1000)
_EVER: Final = 1 << 52  # milliseconds; further than any clock
_BUSY_SECONDS: Final = 10.0

Table = Literal["kept", "erased"]

# Clustered by camera and start: a window of a camera is one range of one tree, and a row costs some 20 bytes.
_SCHEMA: Final = """
CREATE TABLE camera (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE kept (camera INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL CHECK (stop > start),
  PRIMARY KEY (camera, start)) WITHOUT ROWID;
CREATE TABLE erased (camera INTEGER NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL CHECK (stop > start),
  PRIMARY KEY (camera, start)) WITHOUT ROWID;
"""

# Rows of a camera lie more than GAP_SECONDS apart, so every step from one to the next is a gap: counting is enough.
_SUMMARY: Final = """
WITH counted AS (
  SELECT camera, sum(min(stop, :end) - max(start, :begin)) AS recorded, count(*) AS stretches,
         min(start) AS first, max(start) AS latest, max(stop) AS last
  FROM kept WHERE start < :end AND stop > :begin GROUP BY camera
)
SELECT camera.name, coalesce(recorded, 0), coalesce(stretches, 0), max(first, :begin), latest, min(last, :end),
       (SELECT stop FROM kept WHERE kept.camera = camera.id AND start < latest ORDER BY start DESC LIMIT 1),
       (SELECT min(start) FROM kept WHERE kept.camera = camera.id),
       (SELECT stop FROM kept WHERE kept.camera = camera.id ORDER BY start DESC LIMIT 1),
       EXISTS (SELECT 1 FROM erased WHERE erased.camera = camera.id AND start < :end AND stop > :begin AND start >=
         coalesce((SELECT max(start) FROM erased WHERE erased.camera = camera.id AND start <= :begin), :begin))
FROM camera LEFT JOIN counted ON counted.camera = camera.id ORDER BY camera.name
"""


class StoreError(Exception):
    """The store cannot be used; the message names the file and what to do."""


@dataclass(frozen=True, slots=True)
class CameraSummary:
    """One camera in a window. `coverage` is 0 to 1; instants are Unix seconds, None when nothing is recorded.

    `oldest` and `newest` are of all that is on the disk. `gaps` counts absences in the window, those at its edges too;
    `last_gap` is the latest of them. `erased_seconds` is what was recorded in the window and is on the disk no more.
    """

    camera: str
    coverage: float
    recorded_seconds: float
    oldest: float | None
    newest: float | None
    gaps: int
    last_gap: Interval | None
    erased_seconds: float = 0.0


class IntervalStore:
    """The intervals of all cameras of a recorder, in one file. One connection: use it from one thread at a time.

    One process writes; any number read meanwhile, and each sees whole transactions only. Methods raise
    `sqlite3.OperationalError` when the disk fails or another writer holds the file for more than 10 s.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[str, int] = {}

    @classmethod
    def open(cls, file: Path) -> tuple[IntervalStore, Path | None]:
        """The store in `file` for writing, made when it is not there.

        A damaged file is set aside and a new one begun; then the second value is where the old one lies now, and the
        caller fills the new one from the disk. Raises StoreError when the folder cannot be written, or when a later
        version of Vigie made the file.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        _prepare(file)
        aside = None
        try:
            connection = _connect(file)
        except sqlite3.DatabaseError as error:
            if _is_trouble_of_the_disk(error):
                raise StoreError(
                    f"{file}: {error}; fix: let this user write its folder, on a disk with room"
                ) from error
            aside = _set_aside(file)
            _LOG.error("%s is damaged (%s); set aside as %s", file, error, aside.name)
            _prepare(file)
            connection = _connect(file)
        return cls(connection), aside

    @classmethod
    def read(cls, file: Path) -> IntervalStore:
        """The store in `file` for reading only. Raises StoreError when there is none, or none that can be read."""
        try:
            connection = sqlite3.connect(
                f"file:{file}?mode=ro", uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            if connection.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                connection.close()
                raise StoreError(f"{file}: not a ledger of this version; fix: vigie ledger rebuild")
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{file}: {error}; fix: vigie ledger rebuild") from error
        return cls(connection)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside; may be nested."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._known.clear()
            raise
        self._connection.execute("COMMIT")

    def extend(self, camera: str, start: float, end: float) -> None:
        """Adds footage from `start` to `end`; joins it with what it touches (absences within `GAP_SECONDS`)."""
        if not start < end:
            raise ValueError(f"{camera}: footage from {start} to {end} is empty")
        with self.transaction():
            key, first, last = self._key(camera), _ms(start), max(_ms(end), _ms(start) + 1)
            # The common case: the newest interval grows.
            newest = self._connection.execute(
                "SELECT start, stop FROM kept WHERE camera = ? ORDER BY start DESC LIMIT 1", (key,)
            ).fetchone()
            if newest and newest[0] <= first <= newest[1] + _GAP_MS:
                if last > newest[1]:
                    self._connection.execute(
                        "UPDATE kept SET stop = ? WHERE camera = ? AND start = ?", (last, key, newest[0])
                    )
            else:
                self._merge(key, "kept", first, last)

    def intervals(self, camera: str, begin: float, end: float, table: Table = "kept") -> Intervals:
        """What is on the disk (or `erased` from it) between `begin` and `end`, cut to them; nothing for strangers."""
        key = self._lookup(camera)
        if key is None or not _ms(begin) < _ms(end):
            return ()
        return tuple(
            Interval(max(start, _ms(begin)) / 1000, min(stop, _ms(end)) / 1000)
            for start, stop in self._window(key, table, _ms(begin), _ms(end))
        )

    def replace(
        self, camera: str, begin: float, end: float, intervals: Iterable[Interval], *, remember: bool = True
    ) -> None:
        """What is on the disk between `begin` and `end` is exactly `intervals` (cut to them), in one transaction.

        What was kept there and is not in `intervals` is remembered as erased, but for corrections of `GAP_SECONDS`; without
        `remember` it was never there.
        """
        window = Interval(begin, end)
        with self.transaction():
            key = self._key(camera)
            old = self.intervals(camera, begin, end)
            new = intersect(union(intervals, GAP_SECONDS), (window,))
            self._cut(key, _ms(begin), _ms(end))
            for interval in new:
                self._merge(key, "kept", _ms(interval.start), max(_ms(interval.end), _ms(interval.start) + 1))
            for lost in subtract(old, new):
                if remember and lost.seconds > GAP_SECONDS:
                    self._merge(key, "erased", _ms(lost.start), _ms(lost.end))

    def forget_before(self, camera: str, instant: float) -> None:
        """The footage before `instant` is erased: it is history now."""
        self.replace(camera, -_EVER / 1000, instant, ())

    def drop_history(self, instant: float) -> None:
        """Drops what was erased and lies before `instant`: the end of the years that history is kept for."""
        with self.transaction():
            self._connection.execute("DELETE FROM erased WHERE stop <= ?", (_ms(instant),))

    def cameras(self) -> tuple[str, ...]:
        """Every camera that has or had footage, sorted."""
        return tuple(row[0] for row in self._connection.execute("SELECT name FROM camera ORDER BY name"))

    def newest(self, camera: str) -> float | None:
        """The end of what is on the disk of `camera`."""
        row = self._connection.execute(
            "SELECT stop FROM kept WHERE camera = ? ORDER BY start DESC LIMIT 1", (self._lookup(camera),)
        ).fetchone()
        return row[0] / 1000 if row else None

    def summary(self, begin: float, end: float) -> list[CameraSummary]:
        """Every camera between `begin` and `end`, by name; one query, and one more for each camera that lost footage of
        the window. Raises ValueError for an empty window."""
        window = Interval(begin, end)
        values = {"begin": _ms(begin), "end": _ms(end), "gap": _GAP_MS}
        found = []
        for *row, erased in self._connection.execute(_SUMMARY, values).fetchall():
            summary = _summarised(window, tuple(row))
            found.append(replace(summary, erased_seconds=self._erased_seconds(row[0], window)) if erased else summary)
        return found

    def _erased_seconds(self, camera: str, window: Interval) -> float:
        erased = self.intervals(camera, window.start, window.end, "erased")
        return seconds(subtract(erased, self.intervals(camera, window.start, window.end)))  # what came back is not lost

    def _key(self, camera: str) -> int:
        key = self._lookup(camera)
        if key is None:
            key = self._connection.execute("INSERT INTO camera (name) VALUES (?)", (camera,)).lastrowid
            assert key is not None
            self._known[camera] = key
        return key

    def _lookup(self, camera: str) -> int | None:
        if camera not in self._known:
            row = self._connection.execute("SELECT id FROM camera WHERE name = ?", (camera,)).fetchone()
            if row is None:
                return None
            self._known[camera] = row[0]
        return self._known[camera]

    def _window(self, key: int, table: Table, first: int, last: int) -> list[tuple[int, int]]:
        # Intervals do not overlap, so the one that reaches into the window from before is the last that starts there.
        return self._connection.execute(
            f"""SELECT start, stop FROM {table} WHERE camera = :camera AND start < :last AND stop > :first AND start >=
            coalesce((SELECT max(start) FROM {table} WHERE camera = :camera AND start <= :first), :first) ORDER BY start""",  # noqa: S608 - one of two literals
            {"camera": key, "first": first, "last": last},
        ).fetchall()

    def _merge(self, key: int, table: Table, first: int, last: int) -> None:
        for start, stop in self._window(key, table, first - _GAP_MS - 1, last + _GAP_MS + 1):
            self._connection.execute(f"DELETE FROM {table} WHERE camera = ? AND start = ?", (key, start))  # noqa: S608 - one of two literals
            first, last = min(first, start), max(last, stop)
        self._connection.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (key, first, last))  # noqa: S608 - one of two literals

    def _cut(self, key: int, first: int, last: int) -> None:
        for start, stop in self._window(key, "kept", first, last):
            self._connection.execute("DELETE FROM kept WHERE camera = ? AND start = ?", (key, start))
            for left, right in ((start, first), (last, stop)):
                if left < right:
                    self._connection.execute("INSERT INTO kept VALUES (?, ?, ?)", (key, left, right))


def _summarised(window: Interval, row: tuple[Any, ...]) -> CameraSummary:
    camera, recorded, stretches, first, latest, last, before, oldest, newest = row
    last_gap = window if window.seconds > GAP_SECONDS else None
    gaps = int(last_gap is not None)
    if stretches:
        gaps, last_gap = stretches - 1, Interval(before / 1000, latest / 1000) if stretches > 1 else None
        if first / 1000 - window.start > GAP_SECONDS:
            gaps += 1
            last_gap = last_gap or Interval(window.start, first / 1000)
        if window.end - last / 1000 > GAP_SECONDS:
            gaps += 1
            last_gap = Interval(last / 1000, window.end)
    return CameraSummary(
        camera,
        min(1.0, recorded / 1000 / window.seconds),
        recorded / 1000,
        None if oldest is None else oldest / 1000,
        None if newest is None else newest / 1000,
        gaps,
        last_gap,
    )


def _ms(instant: float) -> int:
    return max(-_EVER, min(_EVER, round(instant * 1000)))


def _connect(file: Path) -> sqlite3.Connection:
    """A connection to a sound store. Raises `sqlite3.DatabaseError` for a damaged one."""
    connection = sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # WAL with NORMAL survives a killed writer; of a power cut it may lose the last seconds, which the disk gives back.
        connection.execute("PRAGMA synchronous = NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version > _VERSION:
            raise StoreError(f"{file}: made by a later version of Vigie; fix: update this host")  # noqa: TRY301
        check = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if check != "ok":
            raise sqlite3.DatabaseError(check)  # noqa: TRY301
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(file: Path) -> None:
    """A file that root makes (`vigie ledger rebuild`) belongs to whom the folder belongs: the service writes on in it."""
    if os.geteuid() == 0 and not file.exists() and str(file) != ":memory:":
        file.touch(mode=0o640)
        owner = file.parent.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


def _is_trouble_of_the_disk(error: sqlite3.DatabaseError) -> bool:
    """Whether the file may be sound and only cannot be had: that is no reason to begin anew."""
    names = (
        "SQLITE_CANTOPEN",
        "SQLITE_READONLY",
        "SQLITE_FULL",
        "SQLITE_BUSY",
        "SQLITE_LOCKED",
        "SQLITE_IOERR",
        "SQLITE_PERM",
    )
    return getattr(error, "sqlite_errorname", "").startswith(names)


def _set_aside(file: Path) -> Path:
    aside = file.with_name(f"{file.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    os.replace(file, aside)  # noqa: PTH105 - the same folder, atomic
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    return aside
