"""Reasons: of `vigie_camera_fault`, in the order in which they are the primary one, and of the keeper."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a camera is not well. The order is the priority: an earlier reason explains the later ones."""

    UNREACHABLE = "unreachable"
    AUTH_FAILED = "auth_failed"
    STALLED = "stalled"
    NOT_RECORDED = "not_recorded"
    BLACK = "black"
    FROZEN = "frozen"
    LOW_FPS = "low_fps"


class HoldReason(StrEnum):
    """Why the keeper holds erasure (`vigie_keeper_holds`): the clock, more than a day's worth while time sources disagree, a
    read-only or failing disk, a folder or file that refuses, or the keeper's own books."""

    CLOCK = "clock"
    ALLOWANCE = "allowance"
    READ_ONLY = "read_only"
    DISK = "disk"
    LISTING = "listing"
    ERASURE = "erasure"
    KEEPER = "keeper"


class EarlyReason(StrEnum):
    """Which side of the floor something lay on that was erased for want of room (`vigie_keeper_early_erasures_total`)."""

    ROOM = "room"
    BELOW_FLOOR = "below_floor"
