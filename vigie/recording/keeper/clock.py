"""Whether the clock may be believed when footage is to be erased by age. Nothing here sets a clock.

Each source confirms, contradicts or is silent. One contradiction holds erasure by age; more than a normal day's worth
needs two confirmations from sources that do not depend on each other.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

STEP_SECONDS: Final = 60.0  # a clock that is disciplined by NTP never moves so far against the monotonic clock at once
FUTURE_SECONDS: Final = 120.0  # what was recorded lies in the past, but for hosts whose clocks differ a little
SHORT_ABSENCE_SECONDS: Final = 86_400.0  # a host that was off for less is still where it was
ANCHOR_SECONDS: Final = 3600.0  # a clock pushed a little each minute must not take its reference along
MAXIMUM_OFFSET_SECONDS: Final = 1.0  # between this clock and the time servers'
AGREEMENT: Final = 2
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_CHRONYC_SECONDS: Final = 5.0
_FRESH_SECONDS: Final = 10.0

Word = Literal["confirms", "contradicts", "silent"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one source says of an instant. ``weight`` counts the independent witnesses behind a confirmation;
    ``outvoted`` marks a contradiction that any other witness overrules."""

    source: str
    word: Word
    reason: str
    weight: int = 1
    outvoted: bool = False


class TimeSource(Protocol):
    """A witness of the time."""

    def read(self, now: float) -> Reading:
        """What it says of ``now`` (Unix seconds). Never raises: a source that fails is silent."""
        ...


class Clock(Protocol):
    """The keeper's clock. Instants are Unix seconds."""

    def now(self) -> float: ...

    def earliest(self) -> float:
        """An instant that the present is not before, as far as known: what the floor is counted from."""
        ...

    def elapsed(self) -> float:
        """Seconds since a fixed instant of this boot, whatever the clock does."""
        ...

    def trusted(self) -> str | None:
        """None when erasure by age may go on, else why not."""
        ...

    def agreed(self) -> str | None:
        """None when the sources agree well enough to erase more than a normal day's worth, else what is missing."""
        ...

    def accept(self) -> None:
        """A person vouches for the clock as it is."""
        ...

    def anchor(self) -> Anchor | None:
        """When the clock was last believed."""
        ...

    def boot(self) -> str:
        """Which boot ``elapsed`` counts from."""
        ...


@dataclass(frozen=True, slots=True)
class Anchor:
    """An instant when the clock was believed: Unix seconds, seconds since boot, and which boot that was."""

    now: float
    since_boot: float
    boot: str


class Continuity:
    """The clock against the monotonic clock, across restarts of the keeper and, within bounds, of the host."""

    def __init__(self, anchor: Anchor | None, since_boot: Callable[[], float], boot: str) -> None:
        self.anchor = anchor
        self.since_boot = since_boot
        self.boot = boot

    def expected(self) -> float | None:
        """What the clock should show; None when nothing is known of this boot."""
        if self.anchor is None or self.anchor.boot != self.boot:
            return None
        return self.anchor.now + self.since_boot() - self.anchor.since_boot

    def read(self, now: float) -> Reading:
        name = "continuity"
        expected = self.expected()
        if expected is not None:
            step = now - expected
            if abs(step) > STEP_SECONDS:
                return Reading(name, "contradicts", f"the clock jumped by {step:+.0f} s while the host was up")
            return Reading(name, "confirms", "the clock went on evenly")
        if self.anchor is None:
            return Reading(name, "silent", "the clock was never seen before")
        absence = now - self.anchor.now
        if absence < -STEP_SECONDS:
            return Reading(name, "contradicts", f"the clock is {-absence:.0f} s before the last instant seen here")
        if absence > SHORT_ABSENCE_SECONDS:
            return Reading(name, "silent", f"the host was off for {absence / 86_400:.1f} days, or its clock is wrong")
        return Reading(name, "confirms", "the host was off for a short time only")

    def advance(self, now: float, *, force: bool = False) -> None:
        """Moves the anchor on to ``now``, which the caller trusts; at most once an hour of one boot."""
        since_boot = self.since_boot()
        fresh = self.anchor is not None and self.anchor.boot == self.boot
        if not force and fresh and self.anchor and since_boot - self.anchor.since_boot < ANCHOR_SECONDS:
            return
        self.anchor = Anchor(now, since_boot, self.boot)


class NewestInstant:
    """Something that was written before now, such as footage: a clock that shows an earlier time went back.

    It is overruled by any other witness: a clock that ran ahead for an hour leaves footage in the future behind.
    """

    def __init__(self, name: str, newest: Callable[[], float | None]) -> None:
        self._name = name
        self._newest = newest

    def read(self, now: float) -> Reading:
        try:
            newest = self._newest()
        except OSError as error:
            return Reading(self._name, "silent", f"cannot be read: {error.strerror}")
        if newest is None:
            return Reading(self._name, "silent", "holds nothing yet")
        if newest > now + FUTURE_SECONDS:
            return Reading(
                self._name, "contradicts", f"{self._name} is {newest - now:.0f} s in the future", outvoted=True
            )
        if now - newest < SHORT_ABSENCE_SECONDS:
            return Reading(self._name, "confirms", f"{self._name} is {now - newest:.0f} s old")
        return Reading(self._name, "silent", f"{self._name} is {(now - newest) / 86_400:.1f} days old")


class Chrony:
    """The time servers of the host, as its chronyd measures them (``chronyc -c tracking``, ``sources``)."""

    def __init__(self, run: Callable[[Sequence[str]], str] | None = None) -> None:
        self._run = run or _run
        self._asked: tuple[float, str, str] | None = None

    def _ask(self) -> tuple[str, str]:
        """Both answers; those of the last seconds again: one pass asks several times."""
        now = time.monotonic()
        if self._asked is None or now - self._asked[0] > _FRESH_SECONDS:
            tracking, sources = (self._run(["chronyc", "-c", word]) for word in ("tracking", "sources"))
            self._asked = now, tracking, sources
        return self._asked[1:]

    def read(self, now: float) -> Reading:
        name = "chrony"
        try:
            answer, sources = self._ask()
            tracking = answer.strip().split(",")
            leap, reference, offset = tracking[13], float(tracking[3]), float(tracking[4])
        except (OSError, subprocess.SubprocessError, IndexError, ValueError) as error:
            return Reading(name, "silent", f"cannot be asked: {error}")
        selected = sum(line.split(",")[1:2] in (["*"], ["+"]) for line in sources.splitlines())
        if leap == "Not synchronised" or not selected:
            return Reading(name, "silent", "not synchronised with any server")
        if abs(offset) > MAXIMUM_OFFSET_SECONDS:
            return Reading(name, "contradicts", f"the time servers differ by {offset:+.1f} s")
        if abs(now - reference) > SHORT_ABSENCE_SECONDS:
            return Reading(
                name, "contradicts", f"last compared {(now - reference) / 86_400:+.1f} days ago by its clock"
            )
        return Reading(name, "confirms", f"{selected} time servers agree within {abs(offset):.3f} s", weight=selected)


class HostClock:
    """The clock of this host and its witnesses."""

    def __init__(
        self, continuity: Continuity, sources: Sequence[TimeSource], now: Callable[[], float] = time.time
    ) -> None:
        self.continuity = continuity
        self._sources = sources
        self._now = now

    def now(self) -> float:
        return self._now()

    def elapsed(self) -> float:
        return self.continuity.since_boot()

    def earliest(self) -> float:
        expected = self.continuity.expected()
        return self._now() if expected is None else min(self._now(), expected)

    def readings(self) -> list[Reading]:
        """What every source says now."""
        now = self._now()
        return [self.continuity.read(now), *(source.read(now) for source in self._sources)]

    def trusted(self) -> str | None:
        now = self._now()
        reason = objection(self.readings())
        if reason is None:
            self.continuity.advance(now)
        return reason

    def agreed(self) -> str | None:
        return disagreement(self.readings())

    def accept(self) -> None:
        self.continuity.advance(self._now(), force=True)

    def anchor(self) -> Anchor | None:
        return self.continuity.anchor

    def boot(self) -> str:
        return self.continuity.boot


def objection(readings: Sequence[Reading]) -> str | None:
    """The first contradiction that is not outvoted, in words."""
    witnesses = sum(reading.weight for reading in readings if reading.word == "confirms")
    for reading in readings:
        if reading.word == "contradicts" and not (reading.outvoted and witnesses):
            return f"{reading.source}: {reading.reason}"
    return None


def disagreement(readings: Sequence[Reading]) -> str | None:
    """None when nothing contradicts and two witnesses confirm; else what is missing."""
    if reason := objection(readings):
        return reason
    witnesses = sum(reading.weight for reading in readings if reading.word == "confirms")
    if witnesses >= AGREEMENT:
        return None
    silent = "; ".join(f"{reading.source}: {reading.reason}" for reading in readings if reading.word == "silent")
    return f"{witnesses} of {AGREEMENT} witnesses confirm the clock ({silent})"


def host_continuity(anchor: Anchor | None) -> Continuity:
    """Continuity of this host: time since boot counts suspension, too (CLOCK_BOOTTIME)."""
    boot = _BOOT_ID.read_text("ascii").strip()
    return Continuity(anchor, lambda: time.clock_gettime(time.CLOCK_BOOTTIME), boot)


def _run(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_CHRONYC_SECONDS).stdout
