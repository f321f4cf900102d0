"""A city that does not fit is refused, with the shortfall in numbers and ways to close it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One bound that the city breaks: ``needed`` against ``available`` and what is ``missing``, as people read them.

    ``ways`` are each enough alone, with their cost in disks and in days of retention.
    """

    where: str
    what: str
    needed: str
    available: str
    ways: tuple[str, ...]
    missing: str = ""

    def __str__(self) -> str:
        ways = "".join(f"\n  - {way}" for way in self.ways)
        missing = f", {self.missing} missing" if self.missing else ""
        return (
            f"{self.where}: {self.what}: {self.needed} needed, {self.available} there{missing}. Ways to close it:{ways}"
        )


class PlanRefused(Exception):  # noqa: N818 - a refusal is an answer of the planner, not a failure of it
    """Raised by ``plan()``; ``shortfalls`` holds every broken bound."""

    def __init__(self, shortfalls: list[Shortfall]) -> None:
        self.shortfalls = shortfalls
        super().__init__("\n".join(str(shortfall) for shortfall in shortfalls))
