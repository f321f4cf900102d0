"""The keeper: the only one who erases. One pass looks, decides by the rules, erases, and writes down what it did.

Order of a pass, so that a crash at any moment loses no account: intent on the disk, erasures, tallies on the disk,
journal. Each erasure asks for the locks again while no lock can be set.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vigie.metrics.reasons import HoldReason
from vigie.recording.journal import Journal, JournalError
from vigie.recording.keeper import memory as memories
from vigie.recording.keeper.allowance import Allowances
from vigie.recording.keeper.clock import Clock
from vigie.recording.keeper.evidence import EvidenceScale, Room, Weight
from vigie.recording.keeper.holds import WORDS
from vigie.recording.keeper.locks import LockBook, LockedTime
from vigie.recording.keeper.memory import Tally
from vigie.recording.keeper.quarantine import Quarantined, find_broken, set_stranger_aside
from vigie.recording.keeper.report import Report
from vigie.recording.keeper.rules import (
    Decision,
    Erasure,
    Item,
    Keeping,
    Need,
    Overdue,
    PressurePolicy,
    Situation,
    decide,
    due_at,
)
from vigie.recording.keeper.store import DAY, DatedStore, midnight_of
from vigie.recording.keeper.tree import Space

_LOG: Final = logging.getLogger(__name__)
EVERYTHING: Final = "*"  # held: the whole store, not one camera
TALLY_SECONDS: Final = 26 * 3600.0  # a day's tally is written at the latest then
PRESSURE_TALLY_SECONDS: Final = 3600.0  # of what went early; that anything does is in the journal at once
PRESSURE_OVER_SECONDS: Final = 3600.0  # without early erasure, before pressure counts as over
SWEEP_SECONDS: Final = 3600.0  # between two searches for broken files
_SEVERITY: Final = ("", "room", "below_floor", "short")
_WHOLE_DISK: Final = frozenset({errno.EROFS, errno.EIO, errno.ENXIO, errno.ESTALE})


@dataclass(frozen=True, slots=True)
class Policy:
    """What one store is kept by. ``stranger`` is the rule for folders of cameras that the plan does not know."""

    keeping: Mapping[str, Keeping]
    stranger: Keeping
    room: Room = field(default_factory=Room)
    pressure: PressurePolicy | None = None
    erasures_per_second: float = 50.0
    erasures_per_pass: int = 5000
    quarantine: bool = True
    optional: bool = False  # the root need not exist yet

    def ceiling(self, camera: str) -> float:
        """Seconds after which an item of the camera goes."""
        return self.rule(camera).ceiling

    def rule(self, camera: str) -> Keeping:
        """How long items of the camera are kept."""
        return self.keeping.get(camera, self.stranger)


class Keeper:
    """The keeper of one store. `run` is one pass; not safe for two threads at once."""

    def __init__(
        self,
        store: DatedStore,
        policy: Policy,
        journal: Journal,
        book: LockBook,
        clock: Clock,
        memory_file: Path,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self.policy = policy
        self._journal = journal
        self._book = book
        self._clock = clock
        self._file = memory_file
        self._sleep = sleep
        self._memory = memories.load(memory_file)
        self._allowances = Allowances(self._memory.allowances)
        self._scale = EvidenceScale(store)
        self._settled = False
        self._swept_at: float | None = None
        self._agreed: str | None = None
        self.report: Report | None = None

    def run(self) -> Report:
        """One pass. Raises nothing that a disk or a journal can cause: that holds, and is in the report."""
        began = time.monotonic()
        if self.policy.optional and not self._store.tree.root.exists():
            report = Report(self._store.name, self._clock.now())
        else:
            try:
                report = self._pass()
            except (OSError, JournalError) as error:
                _LOG.error("store %s: nothing is erased: %s", self._store.name, error)
                self._memory.intent = []  # what went is counted already
                report = Report(
                    self._store.name, self._clock.now(), holds={EVERYTHING: f"{WORDS[HoldReason.KEEPER]}: {error}"}
                )
                report.counters = self._memory.counters
        report.duration = time.monotonic() - began
        self.report = report
        return report

    def accept_clock(self, who: str) -> None:
        """A person vouches for the clock; goes into the journal. Raises ``OSError``, ``JournalError``."""
        self._journal.append("clock", {"accepted": self._clock.now(), "who": who}, self._clock.now())
        self._clock.accept()

    def _pass(self) -> Report:
        if not self._settled:
            self._settle()
            self._settled = True
        space = self._store.space()
        now, earliest = self._clock.now(), self._clock.earliest()
        untrusted = self._clock.trusted()
        if untrusted is None:
            self._book.expire(now)
        weight = self._scale.weigh(self._book.active(), now, self.policy.ceiling)
        report = Report(self._store.name, now, clock=untrusted or "", weight=weight, space=space)
        report.quarantined = 0 if space.read_only or untrusted else self._sweep(now)
        decision = self._decide(now if untrusted is None else None, earliest, untrusted or "", space, weight)
        report.agreed = self._agreed or ""
        if space.read_only:
            decision.holds, decision.erasures = {EVERYTHING: WORDS[HoldReason.READ_ONLY]}, []
        self._carry_out(decision)
        if not space.read_only:
            self._tidy(earliest)
        report.strangers = self._strangers(now if untrusted is None and not space.read_only else None)
        self._note_pressure(decision, space)
        self._note_holds(decision.holds)
        self._keep_memory()
        report.holds, report.overdue, report.short_of = decision.holds, decision.overdue, decision.short_of
        report.pressure, report.counters = self._memory.pressure, self._memory.counters
        return report

    def _decide(self, now: float | None, earliest: float, untrusted: str, space: Space, weight: Weight) -> Decision:
        owners = self._store.owners()
        self._grow(owners)
        self._agreed = self._clock.agreed()
        failed: dict[str, str] = {}
        with self._book.guard() as locked:
            pass
        situation = Situation(
            now=now,
            earliest=earliest,
            keeping=self.policy.keeping,
            stranger=self.policy.stranger,
            listings={owner: self._listing(owner, locked, failed) for owner in owners},
            locked=locked,
            need=Need(self.policy.room.comfort(space, weight.beyond), self.policy.room.urgent(space)),
            policy=self.policy.pressure,
            allowance=None if self._agreed is None else self._allowances.left(),
            limit=self.policy.erasures_per_pass,
            untrusted=untrusted,
        )
        decision = decide(situation)
        if untrusted:
            decision.holds = {EVERYTHING: untrusted}
        decision.holds.update(failed)
        return decision

    def _listing(self, owner: str, locked: LockedTime, failed: dict[str, str]) -> Iterator[Item]:
        """The items of one camera; a folder that cannot be read holds that camera and no other."""
        try:
            yield from self._store.oldest(owner, lambda start, end: locked.spans(owner, start, end))
        except OSError as error:
            failed[owner] = f"{WORDS[HoldReason.LISTING]}: {error.strerror}"

    def _grow(self, owners: list[str]) -> None:
        boot, elapsed = self._clock.boot(), self._clock.elapsed()
        before = self._memory.elapsed if self._memory.boot == boot else None
        self._allowances.forget(owners)
        self._allowances.grow(owners, 0.0 if before is None else elapsed - before)
        self._memory.boot, self._memory.elapsed = boot, elapsed

    def _carry_out(self, decision: Decision) -> None:
        if not decision.erasures:
            if self._memory.tallies:
                self._write_tallies()
            return
        self._memory.intent = decision.erasures
        self._keep_memory()
        held: dict[str, str] = {}
        for number, erasure in enumerate(decision.erasures):
            if erasure.item.camera in held:
                self._overdue_again(erasure, decision)
                continue
            if number:
                self._sleep(1 / self.policy.erasures_per_second)
            error = self._erase(erasure)
            if error is None:
                continue
            self._memory.counters.failed += 1
            held[erasure.item.camera] = f"{WORDS[HoldReason.ERASURE]}: {'/'.join(erasure.item.key)}: {error.strerror}"
            _LOG.error("store %s: %s", self._store.name, held[erasure.item.camera])
            self._overdue_again(erasure, decision)
            if error.errno in _WHOLE_DISK:
                held[EVERYTHING] = f"{WORDS[HoldReason.DISK]}: {error.strerror}"
                break
        decision.holds.update(held)
        self._memory.intent = []
        self._write_tallies()

    def _erase(self, erasure: Erasure) -> OSError | None:
        """Erases one item unless it is locked by now; the disk's error, if any."""
        with self._book.guard() as locked:
            if self._store.protected(erasure.item, locked):
                return None
            try:
                self._store.erase(erasure.item)
            except OSError as error:
                return error
        self._count(erasure)
        return None

    def _overdue_again(self, erasure: Erasure, decision: Decision) -> None:
        if erasure.reason == "pressure":
            return
        late = self._clock.earliest() - due_at(erasure.item, self.policy.rule(erasure.item.camera))
        decision.overdue.setdefault(erasure.item.camera, Overdue()).add(erasure.item, max(0.0, late))

    def _count(self, erasure: Erasure) -> None:
        item, counters = erasure.item, self._memory.counters
        counters.erased += 1
        counters.erased_bytes += item.size
        if erasure.reason == "pressure":
            counters.early += 1
            counters.early_bytes += item.size
            counters.early_seconds += item.span
        else:
            self._allowances.spend(item.camera, item.span)
        if erasure.below_floor:
            counters.below_floor += 1
            counters.below_floor_bytes += item.size
        day = "-".join(item.key[1:4])
        for tally in self._memory.tallies:
            if (tally.camera, tally.day, tally.reason) == (item.camera, day, erasure.reason):
                tally.add(item)
                return
        begun = self._clock.now()
        self._memory.tallies.append(Tally(item.camera, day, erasure.reason, item.start, item.end, 1, item.size, begun))

    def _write_tallies(self) -> None:
        """Tallies go into the journal when their day is over, and when they are old: hours for early erasure."""
        self._memory.journal_sequence = self._journal.head().sequence
        self._keep_memory()
        newest: dict[str, str] = {}
        for tally in self._memory.tallies:
            newest[tally.camera] = max(newest.get(tally.camera, ""), tally.day)
        now, left = self._clock.now(), []
        for tally in self._memory.tallies:
            patience = PRESSURE_TALLY_SECONDS if tally.reason == "pressure" else TALLY_SECONDS
            if tally.day == newest[tally.camera] and abs(now - tally.begun) < patience:
                left.append(tally)
            else:
                self._journal.append("deletion", tally.body(self._store.name), now)
        self._memory.tallies = left

    def _settle(self) -> None:
        """Counts what a pass that was killed had erased, and drops tallies that reached the journal."""
        if self._memory.tallies:
            written = [entry.body for entry in self._journal.entries({"deletion"}, self._memory.journal_sequence)]
            self._memory.tallies = [t for t in self._memory.tallies if t.body(self._store.name) not in written]
        for erasure in self._memory.intent:
            if not self._store.holds(erasure.item):
                self._count(erasure)
        if self._memory.intent:
            self._memory.intent = []
            self._write_tallies()
            self._keep_memory()

    def _sweep(self, now: float) -> int:
        """Searches for broken files at the first pass and every hour; returns how many were moved."""
        if not self.policy.quarantine or (self._swept_at is not None and 0 <= now - self._swept_at < SWEEP_SECONDS):
            return 0
        self._swept_at = now
        found = 0
        with self._book.guard() as locked:
            pass
        for camera in self._store.owners():
            try:
                for moved in find_broken(self._store, camera, now, self._memory.swept, locked):
                    self._note_quarantined(moved)
                    found += 1
            except OSError as error:
                _LOG.error("store %s: %s cannot be searched for broken files: %s", self._store.name, camera, error)
        self._memory.swept = now - DAY
        return found

    def _strangers(self, now: float | None) -> int:
        """What is no item and lies in a day past the ceiling is set aside; returns how many are left as they are."""
        left = 0
        with self._book.guard() as locked:
            pass
        for key in self._store.strangers():
            midnight = midnight_of(key) if len(key) == 5 else None
            old = now is not None and midnight is not None and midnight + DAY + self.policy.ceiling(key[0]) <= now
            free = midnight is not None and not locked.overlaps(key[0], midnight, midnight + DAY)
            moved = (
                set_stranger_aside(self._store, key, now or 0.0) if old and free and self.policy.quarantine else None
            )
            if moved is None:
                left += 1
            else:
                self._note_quarantined(moved)
        return left

    def _tidy(self, earliest: float) -> None:
        self._store.tidy(earliest - DAY)
        for owner in self._store.owners():
            if not self.policy.keeping.get(owner, self.policy.stranger).planned:
                self._store.drop(owner)

    def _note_quarantined(self, moved: Quarantined) -> None:
        _LOG.warning("store %s: %s is %s: set aside", self._store.name, "/".join(moved.key), moved.reason)
        self._journal.append("quarantine", {"store": self._store.name, **moved.body()}, self._clock.now())
        self._memory.counters.quarantined += 1

    def _note_pressure(self, decision: Decision, space: Space) -> None:
        below = any(erasure.below_floor for erasure in decision.erasures)
        early = any(erasure.reason == "pressure" for erasure in decision.erasures)
        state = "short" if decision.short_of else "below_floor" if below else "room" if early else ""
        if state:
            self._memory.pressed = self._clock.now()
        relieved = _SEVERITY.index(state) < _SEVERITY.index(self._memory.pressure)
        if state == self._memory.pressure or (
            relieved and 0 <= self._clock.now() - self._memory.pressed < PRESSURE_OVER_SECONDS
        ):
            return
        body = {
            "store": self._store.name,
            "state": state or "over",
            "before": self._memory.pressure or "none",
            "free_bytes": space.free,
            "total_bytes": space.total,
            "short_of_bytes": decision.short_of,
        }
        self._journal.append("pressure", body, self._clock.now())
        self._memory.pressure = state

    def _note_holds(self, holds: Mapping[str, str]) -> None:
        """Holds go into the journal when they begin and when they end, not at each pass."""
        before = self._memory.holds
        changed = [(name, "begun", holds[name]) for name in sorted(holds.keys() - before.keys())]
        changed += [(name, "ended", before[name]) for name in sorted(before.keys() - holds.keys())]
        for camera, state, reason in changed:
            body = {"store": self._store.name, "camera": camera, "state": state, "reason": reason}
            self._journal.append("hold", body, self._clock.now())
        self._memory.holds = dict(holds)

    def _keep_memory(self) -> None:
        self._memory.allowances = self._allowances.left()
        self._memory.anchor = self._clock.anchor()
        memories.save(self._memory, self._file)
