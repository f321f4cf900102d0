"""Judges a camera: what was measured -> which faults it has. Pure; limits come from `vigie.metrics.thresholds`.

The disk is the truth. MediaMTX's word that a path is ready counts only as proof of connection, never of recording.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vigie.metrics import thresholds as t
from vigie.metrics.reasons import Reason


class ProbeResult(StrEnum):
    """Answer of the camera itself to RTSP DESCRIBE (RFC 2326 10.2), asked only while its stream is not ready."""

    NO_ANSWER = "no_answer"
    REFUSED = "refused"  # 401 for our credentials
    NO_STREAM = "no_stream"  # answered, but not with a description of the stream
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Picture:
    """What decoded keyframes show. `luminance` 0..1; the last `count` pictures are the same over `unchanged` seconds."""

    luminance: float
    unchanged: float
    count: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What was measured for one camera at one instant. None always means: not known.

    `write_age`: seconds since footage last reached the disk (None: there is none at all).
    `stream_ready`: MediaMTX's word (None: the recorder did not answer). `receiving`: its byte counter grows.
    `probe`: the camera's own answer. Frame rates in frames per second. `picture`: of the newest footage.
    """

    write_age: float | None
    stream_ready: bool | None
    receiving: bool | None
    probe: ProbeResult | None
    frames_per_second: float | None
    frames_per_second_expected: float
    picture: Picture | None

    @property
    def recorded(self) -> bool:
        """Whether footage reaches the disk now."""
        return self.write_age is not None and self.write_age <= t.NOT_WRITTEN_AFTER.value


@dataclass(frozen=True, slots=True)
class Verdict:
    """The faults of a camera; `primary` is the one that explains the others, None when it is well."""

    faults: frozenset[Reason]

    @property
    def primary(self) -> Reason | None:
        """The first fault in the order of Reason."""
        return next((reason for reason in Reason if reason in self.faults), None)


# Pictures are judged over several of them already; everything else must be seen in consecutive samples.
_RAISE_AT_ONCE: Final = frozenset({Reason.BLACK, Reason.FROZEN})


def judge(seen: Observation, present: Set[Reason] = frozenset()) -> frozenset[Reason]:
    """Faults that this one observation shows. `present` are those in force, whose limits to clear are wider."""
    if not seen.recorded:
        reason = _why_not_recorded(seen)
        return frozenset() if reason is None else frozenset({reason})
    # A stream that was just lost still has fresh footage: say so without waiting for it to grow old.
    lost = _connection_fault(seen) if seen.stream_ready is False else None
    return frozenset({lost}) if lost else _quality_faults(seen, present)


def _why_not_recorded(seen: Observation) -> Reason | None:
    if seen.stream_ready:
        # None: one sample of the counter only; the next one tells.
        return {True: Reason.NOT_RECORDED, False: Reason.STALLED, None: None}[seen.receiving]
    fault = _connection_fault(seen)
    if fault is not None:
        return fault
    if seen.probe is None:
        return None
    # The camera is fine as far as it tells. If the recorder answers, frames do not come; if not, it is the recorder.
    return Reason.NOT_RECORDED if seen.stream_ready is None else Reason.STALLED


def _connection_fault(seen: Observation) -> Reason | None:
    if seen.probe is ProbeResult.NO_ANSWER:
        return Reason.UNREACHABLE
    if seen.probe is ProbeResult.REFUSED:
        return Reason.AUTH_FAILED
    return None


def _quality_faults(seen: Observation, present: Set[Reason]) -> frozenset[Reason]:
    faults: set[Reason] = set()
    rate = seen.frames_per_second
    low = t.LOW_FRAME_RATE_CLEAR if Reason.LOW_FPS in present else t.LOW_FRAME_RATE
    if rate is not None and rate < low.value * seen.frames_per_second_expected:
        faults.add(Reason.LOW_FPS)
    if seen.picture is not None:
        dark = t.BLACK_LUMINANCE_CLEAR if Reason.BLACK in present else t.BLACK_LUMINANCE
        if seen.picture.luminance < dark.value:
            faults.add(Reason.BLACK)  # and not frozen: in the dark all pictures are the same
        elif seen.picture.unchanged >= t.FROZEN_AFTER.value and seen.picture.count >= t.FROZEN_PICTURES.value:
            faults.add(Reason.FROZEN)
    return frozenset(faults)


class FaultTracker:
    """Hysteresis for one camera: a fault is raised by consecutive samples and cleared by the first without it.

    While samples do not say why a camera is not recorded, the faults in force stay: unknown is not well.
    """

    def __init__(self) -> None:
        self._streaks: dict[Reason, int] = {}
        self._present: frozenset[Reason] = frozenset()

    def update(self, seen: Observation) -> Verdict:
        """The faults in force after this observation."""
        shown = judge(seen, self._present)
        if not shown and not seen.recorded:
            return Verdict(self._present)
        self._streaks = {reason: self._streaks.get(reason, 0) + 1 for reason in shown}
        raised = {reason for reason in shown if self._raised(reason)}
        if shown and not raised and not seen.recorded:
            # Another cause is about to replace the one in force; until it is certain, the camera is not well.
            return Verdict(self._present)
        self._present = frozenset(raised)
        return Verdict(self._present)

    def _raised(self, reason: Reason) -> bool:
        return reason in _RAISE_AT_ONCE or self._streaks[reason] >= t.SAMPLES_TO_RAISE.value
