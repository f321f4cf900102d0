"""Whether the archive keeps its two promises for a camera: long enough (floor), and not too long (ceiling). Pure rules over
what the ledger and the keeper of a recorder say.

Red needs one witness; green needs both, and what nobody knows is None. A gap in recording lowers the coverage and breaks no
promise of the archive: only footage that was there and is gone does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from vigie.metrics.thresholds import CEILING_GRACE, FLOOR_TOLERANCE, LEDGER_DELAY
from vigie.recording.ledger.interval import Interval


@dataclass(frozen=True, slots=True)
class Promise:
    """How long a camera's footage is kept at least and at most, and the nominal length of its segments; seconds.

    A segment goes whole, so it may be older than the ceiling by its own length.
    """

    floor: float
    ceiling: float
    segment: float


@dataclass(frozen=True, slots=True)
class Told:
    """What the ledger says of one camera and window: seconds recorded, absences, seconds that were recorded and are gone,
    and the oldest instant on the disk whatever the window (Unix seconds, None when nothing is there)."""

    recorded: float = 0.0
    gaps: int = 0
    erased: float = 0.0
    oldest: float | None = None


HOUR: Final = 3600.0
NEVER_SEEN: Final = Told(gaps=1)  # what a ledger says of a camera that was never recorded there


@dataclass(frozen=True, slots=True)
class Kept:
    """What the keeper says of one camera: how late its oldest unlocked item past the ceiling is (seconds, 0 for none), and
    which times are locked."""

    overdue: float = 0.0
    locked: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """The part of a window that is on the disk, 0 to 1; its absences, and their seconds."""

    ratio: float
    gaps: int
    gap_seconds: float


def settled(now: float) -> float:
    """Up to which instant the ledger can know what is recorded: footage reaches its store with a delay."""
    return now - LEDGER_DELAY.value


def window(now: float, seconds: float, owed_since: float) -> Interval | None:
    """The last ``seconds`` of which footage is owed; None for a camera so new that there is no such time yet."""
    end = settled(now)
    start = max(end - seconds, owed_since)
    return Interval(start, end) if start < end else None


def coverage(over: Interval, told: Told, at_least: float = 0.0) -> Coverage:
    """How much of the window ``over`` is there. Seconds within which the ledger sees no gap are covered.

    A window shorter than ``at_least`` seconds is measured as if it were so long and nothing were missing before it: ten
    seconds of a camera that is planned for a minute are no sixth of anything.
    """
    missing = max(0.0, over.seconds - told.recorded) if told.gaps else 0.0
    return Coverage(1.0 - missing / max(over.seconds, at_least), told.gaps, missing)


def floor_kept(told: Told) -> bool:
    """Whether nothing was erased of a window in which all footage is owed."""
    return told.erased <= FLOOR_TOLERANCE.value


def ceiling_kept(promise: Promise, told: Told | None, compared: float | None, kept: Kept | None) -> bool | None:
    """Whether nothing unlocked is past the ceiling and its grace.

    ``compared`` is when the ledger's last comparison with the disk began (Unix seconds): what was erased since, the ledger
    may not know yet. ``kept`` is None while the keeper is silent, ``told`` while the ledger is.
    """
    if kept is not None and kept.overdue > CEILING_GRACE.value:
        return False
    if kept is None or told is None:
        return None
    if told.oldest is None or touches(kept.locked, told.oldest, told.oldest + promise.segment):
        return True
    if compared is None:
        return True  # the keeper saw the disk, and found nothing
    return compared - (told.oldest + promise.segment) <= promise.ceiling + CEILING_GRACE.value


def kept_seconds(now: float, promise: Promise, told: Told, locked: Iterable[Interval]) -> float | None:
    """How far back footage reaches. What only a lock keeps does not count beyond the ceiling; None without footage."""
    if told.oldest is None:
        return None
    age = max(0.0, now - told.oldest)
    is_locked = touches(locked, told.oldest, told.oldest + promise.segment)
    return min(age, promise.ceiling) if is_locked else age


def touches(intervals: Iterable[Interval], start: float, end: float) -> bool:
    """Whether any of ``intervals`` has an instant in common with [``start``, ``end``)."""
    return any(interval.start < end and start < interval.end for interval in intervals)


@dataclass(frozen=True, slots=True)
class Compliance:
    """One camera, judged. None is what nobody knows; `goal_seconds` is 0 for a camera of which nothing is owed yet."""

    retention: Coverage | None
    hour: Coverage | None
    kept_seconds: float | None
    goal_seconds: float
    floor_kept: bool | None
    ceiling_kept: bool | None


@dataclass(frozen=True, slots=True)
class Account:
    """What the ledger says of a camera at the instant ``now``: of its retention window and of its last hour (each None while
    nothing is owed), and of its archive as a whole."""

    now: float
    retention: tuple[Interval, Told] | None
    hour: tuple[Interval, Told] | None
    whole: Told


def assess(promise: Promise, account: Account | None, compared: float | None, kept: Kept | None) -> Compliance:
    """The judgement on one camera. ``account`` is None while the ledger is silent, ``kept`` while the keeper is; see
    `ceiling_kept` for ``compared``."""
    if account is None:
        return Compliance(None, None, None, promise.floor, None, ceiling_kept(promise, None, compared, kept))
    locked = kept.locked if kept else ()
    retention, hour = account.retention, account.hour
    return Compliance(
        retention=coverage(*retention) if retention else None,
        hour=coverage(*hour, at_least=HOUR) if hour else None,
        kept_seconds=kept_seconds(account.now, promise, account.whole, locked),
        goal_seconds=retention[0].seconds if retention else 0.0,
        floor_kept=floor_kept(retention[1]) if retention else True,
        ceiling_kept=ceiling_kept(promise, account.whole, compared, kept),
    )
