"""Reasons of `vigie_camera_fault`, in the order in which they are the primary one."""

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
