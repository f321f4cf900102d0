"""Evidence locks: what of a camera must not be erased, why, until when, and who said so.

The journal is their only store: a lock is in it before anyone is told that it holds.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from vigie.recording.journal import Cursor, Entry, Journal
from vigie.recording.layout import check_camera_id

TEXT_LIMIT: Final = 500
EXPIRED: Final = "expired"
KEEPER: Final = "keeper"

Action = Literal["add", "release"]


class LockError(ValueError):
    """A lock cannot be set or released as asked; the message names the field and the fix."""


class LockRefusedError(Exception):
    """The city's approval rule does not allow it yet; the message says what is missing."""


class LockConflictError(Exception):
    """The id names another lock already."""


@dataclass(frozen=True, slots=True)
class Release:
    """The end of a lock: when (Unix seconds), by whom, why, approved by whom."""

    at: float
    who: str
    reason: str
    approvals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """Footage of ``camera`` that overlaps [``start``, ``end``) is kept until the lock is released or ``until`` has
    passed. Instants are Unix seconds; ``until`` None: until released."""

    id: str
    camera: str
    start: float
    end: float
    reason: str
    until: float | None
    who: str
    created: float
    approvals: tuple[str, ...] = ()
    released: Release | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values, with ``from`` and ``to`` as people name them."""
        value: dict[str, Any] = {
            "id": self.id,
            "camera": self.camera,
            "from": self.start,
            "to": self.end,
            "reason": self.reason,
            "until": self.until,
            "who": self.who,
            "created": self.created,
            "approvals": list(self.approvals),
            "released": None,
        }
        if self.released is not None:
            release = self.released
            value["released"] = {
                "at": release.at,
                "who": release.who,
                "reason": release.reason,
                "approvals": list(release.approvals),
            }
        return value


@dataclass(frozen=True, slots=True)
class LockRequest:
    """What somebody asks for. A given ``id`` makes asking again safe."""

    camera: str
    start: float
    end: float
    reason: str
    who: str
    until: float | None = None
    id: str = ""
    approvals: tuple[str, ...] = ()


class Approval(Protocol):
    """The city's rule about who must agree. The VMS brings its own; these here know names only."""

    def missing(self, action: Action, who: str, approvals: Sequence[str]) -> str | None:
        """What is still missing, in words; None when the action may go ahead."""
        ...


class NoApproval:
    """Whoever may speak to the keeper may lock and release."""

    def missing(self, action: Action, who: str, approvals: Sequence[str]) -> str | None:  # noqa: ARG002 - the interface
        return None


class TwoPersons:
    """Four eyes: a release ends a protection and needs a second person. Locking never waits: it harms nothing."""

    def missing(self, action: Action, who: str, approvals: Sequence[str]) -> str | None:
        others = {name.strip().casefold() for name in approvals if name.strip()} - {who.strip().casefold()}
        if action == "release" and not others:
            return f"a release needs the approval of a second person beside {who}"
        return None


APPROVALS: Final[Mapping[str, Approval]] = {"none": NoApproval(), "two_persons": TwoPersons()}


class LockedTime:
    """The locked intervals of every camera, merged: a question costs a binary search."""

    def __init__(self, locks: Iterable[Lock] = ()) -> None:
        spans: dict[str, list[tuple[float, float]]] = {}
        for lock in locks:
            spans.setdefault(lock.camera, []).append((lock.start, lock.end))
        self._spans = {camera: _merged(found) for camera, found in spans.items()}
        self._starts = {camera: [start for start, _ in found] for camera, found in self._spans.items()}

    def overlaps(self, camera: str, start: float, end: float) -> bool:
        """Whether any instant of [start, end), or the instant ``start`` itself, is locked."""
        index = bisect_right(self._starts.get(camera, ()), max(start, _before(end)))
        return index > 0 and self._spans[camera][index - 1][1] > start

    def spans(self, camera: str, start: float, end: float) -> bool:
        """Whether all of [start, end] is locked without a break."""
        index = bisect_right(self._starts.get(camera, ()), start)
        return index > 0 and self._spans[camera][index - 1][1] > end


def _before(end: float) -> float:
    return end - 1e-6  # a lock that begins where the footage ends does not touch it


def _merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


class LockBook:
    """The locks that the journal holds. Safe for several threads as far as the journal is."""

    def __init__(self, journal: Journal, approval: Approval | None = None) -> None:
        self._journal = journal
        self._approval = approval or NoApproval()
        self._cursor = Cursor(journal, ("lock", "release"))
        self._locks: dict[str, Lock] = {}
        self._locked = LockedTime()

    def all(self) -> list[Lock]:
        """Every lock there ever was, oldest first. Raises ``JournalError``, ``OSError``."""
        with self._journal.exclusive():
            self._refresh()
            return list(self._locks.values())

    def active(self) -> list[Lock]:
        """The locks that hold."""
        return [lock for lock in self.all() if lock.released is None]

    def get(self, name: str) -> Lock:
        """The lock with id ``name``. Raises ``KeyError``."""
        with self._journal.exclusive():
            self._refresh()
            return self._locks[name]

    @contextmanager
    def guard(self) -> Iterator[LockedTime]:
        """The locked time as it is and stays within this block: no lock can be set in between, by any process."""
        with self._journal.exclusive():
            self._refresh()
            yield self._locked

    def add(self, request: LockRequest, now: float) -> Lock:
        """Sets a lock; durable when this returns. Asking again with the same id and content returns the same lock.

        Raises ``LockError``, ``LockRefusedError``, ``LockConflictError``, ``OSError``, ``JournalError``.
        """
        _check(request, now)
        if missing := self._approval.missing("add", request.who, request.approvals):
            raise LockRefusedError(missing)
        with self._journal.exclusive():
            self._refresh()
            known = self._locks.get(request.id)
            if known is not None:
                if _asks_for(request, known):
                    return known
                raise LockConflictError(f"lock {request.id} exists with other content; leave the id out")
            lock = Lock(
                request.id or secrets.token_hex(8),
                request.camera,
                float(request.start),
                float(request.end),
                request.reason.strip(),
                None if request.until is None else float(request.until),
                request.who.strip(),
                now,
                request.approvals,
            )
            body = {key: value for key, value in lock.as_json().items() if key != "released"}
            self._journal.append("lock", body, now)
            self._refresh()
            return self._locks[lock.id]

    def release(self, name: str, who: str, reason: str, now: float, approvals: tuple[str, ...] = ()) -> Lock:
        """Ends a lock; durable when this returns. Releasing a released lock changes nothing.

        Raises ``KeyError``, ``LockError``, ``LockRefusedError``, ``OSError``, ``JournalError``.
        """
        _check_text("who", who)
        _check_text("reason", reason)
        if missing := self._approval.missing("release", who, approvals):
            raise LockRefusedError(missing)
        return self._release(name, Release(now, who.strip(), reason.strip(), approvals))

    def expire(self, now: float) -> list[Lock]:
        """Releases the locks whose ``until`` has passed, each with an entry of its own; returns them."""
        due = [lock for lock in self.active() if lock.until is not None and lock.until <= now]
        return [self._release(lock.id, Release(now, KEEPER, EXPIRED)) for lock in due]

    def _release(self, name: str, release: Release) -> Lock:
        with self._journal.exclusive():
            self._refresh()
            lock = self._locks[name]
            if lock.released is None:
                body = {
                    "id": name,
                    "camera": lock.camera,
                    "who": release.who,
                    "reason": release.reason,
                    "approvals": list(release.approvals),
                }
                self._journal.append("release", body, release.at)
                self._refresh()
            return self._locks[name]

    def _refresh(self) -> None:
        entries = self._cursor.new()
        for entry in entries:
            self._apply(entry)
        if entries:
            self._locked = LockedTime(lock for lock in self._locks.values() if lock.released is None)

    def _apply(self, entry: Entry) -> None:
        body = entry.body
        if entry.kind == "lock":
            approvals = tuple(body["approvals"])
            self._locks[body["id"]] = Lock(
                body["id"],
                body["camera"],
                body["from"],
                body["to"],
                body["reason"],
                body["until"],
                body["who"],
                body["created"],
                approvals,
            )
        else:
            release = Release(entry.at, body["who"], body["reason"], tuple(body["approvals"]))
            self._locks[body["id"]] = replace(self._locks[body["id"]], released=release)


def _asks_for(request: LockRequest, lock: Lock) -> bool:
    wanted = (request.camera, float(request.start), float(request.end), request.until, request.reason.strip())
    return wanted == (lock.camera, lock.start, lock.end, lock.until, lock.reason)


def _check(request: LockRequest, now: float) -> None:
    try:
        check_camera_id(request.camera)
    except ValueError as error:
        raise LockError(str(error)) from None
    _check_text("reason", request.reason)
    _check_text("who", request.who)
    if not request.start < request.end:
        raise LockError("to: it must lie after from")
    if request.until is not None and request.until <= now:
        raise LockError("until: it lies in the past; the lock would end at once")
    if request.id and not (request.id.isalnum() and len(request.id) <= 64):
        raise LockError(f"id: {request.id!r} is none; letters and digits, 64 at most, or leave it out")


def _check_text(field: str, text: str) -> None:
    if not text.strip() or len(text) > TEXT_LIMIT:
        raise LockError(f"{field}: say it in 1 to {TEXT_LIMIT} characters")
