"""The words of a hold, and their class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from vigie.metrics.reasons import HoldReason

# How the words of a class begin. Those of an untrusted clock are the clock's own.
WORDS: Final[Mapping[HoldReason, str]] = {
    HoldReason.ALLOWANCE: "more than a normal day's worth",
    HoldReason.READ_ONLY: "the disk is read-only",
    HoldReason.DISK: "the disk fails",
    HoldReason.LISTING: "cannot be listed",
    HoldReason.ERASURE: "cannot be erased",
    HoldReason.KEEPER: "nothing is erased",
}


def hold_reason(words: str) -> HoldReason:
    """The class of a hold by its words."""
    return next((reason for reason, beginning in WORDS.items() if words.startswith(beginning)), HoldReason.CLOCK)
