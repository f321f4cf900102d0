"""The ways in which a lab device fails, and which picture of which variant that shows at a given instant. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from simulators.encoder.clips import Variant

LOW_FPS_DIVISOR: Final = 5


class Fault(StrEnum):
    """What is wrong with a camera; each has its counterpart among real ones."""

    OK = "ok"
    FREEZE = "freeze"  # the sensor hangs, its encoder goes on: the same picture for ever
    STALL = "stall"  # the encoder hangs: the connection stays, no packet comes
    DROP = "drop"  # power or network lost: connections are refused, standing ones reset
    AUTH = "auth"  # somebody changed the password: every request is answered 401
    LOW_FPS = "low_fps"  # overload or darkness: a fifth of the frames, timestamps still true
    BLACK = "black"  # the lens is covered


# What is seen of a fault of the network or of the encoder is the scene, until nothing is seen.
_VARIANTS: Final = {Fault.FREEZE: Variant.FREEZE, Fault.BLACK: Variant.BLACK}


def variant_of(fault: Fault) -> Variant:
    """Return the variant of the clip that a camera with `fault` plays."""
    return _VARIANTS.get(fault, Variant.MAIN)


def silent(fault: Fault) -> bool:
    """Return whether a camera with `fault` sends nothing to a viewer that it has."""
    return fault in (Fault.STALL, Fault.DROP, Fault.AUTH)


@dataclass(frozen=True, slots=True)
class Loop:
    """The shape of a loop: `frames` in all, a keyframe every `group_frames`."""

    frames: int
    group_frames: int


def frame_number(tick: int, loop: Loop, fault: Fault) -> int | None:
    """Return which frame of `loop` is shown at frame instant `tick`, or None if that instant has none.

    A function of the clock alone: all variants have their keyframes at the same instants, so that a change of
    variant at a keyframe is clean. With LOW_FPS each group keeps its keyframe and plays just as many of the frames
    after it as fit at a fifth of the rate, so that the keyframe interval stays true and every frame can be decoded.
    """
    group, position = divmod(tick, loop.group_frames)
    start = (group * loop.group_frames) % loop.frames
    if fault is not Fault.LOW_FPS:
        return start + position
    shown, rest = divmod(position, LOW_FPS_DIVISOR)
    return start + shown if rest == 0 else None
