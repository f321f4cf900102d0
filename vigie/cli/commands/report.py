"""``vigie report``."""

from __future__ import annotations


def report() -> None:
    """Stub while building."""
