"""How much may go by age in a day on the word of one clock: what a normal day brings past the ceiling, and a quarter.

A clock that jumps ahead makes the whole archive look old. Then a day's worth goes at most, and the rest is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

DAY: Final = 86_400.0
MARGIN: Final = 1.25


class Allowances:
    """Seconds of footage that may still go, for each camera: grows evenly with the time that passes for certain."""

    def __init__(self, left: Mapping[str, float] | None = None) -> None:
        self._left = dict(left or {})

    def grow(self, cameras: Iterable[str], seconds: float) -> None:
        """Adds what ``seconds`` of monotonic time bring, up to a day's worth; a camera seen first starts with one."""
        for camera in cameras:
            before = self._left.get(camera, DAY * MARGIN)
            self._left[camera] = min(DAY * MARGIN, before + max(0.0, seconds) * MARGIN)

    def spend(self, camera: str, seconds: float) -> None:
        self._left[camera] = max(0.0, self._left.get(camera, DAY * MARGIN) - seconds)

    def left(self) -> dict[str, float]:
        """Seconds for each camera."""
        return dict(self._left)

    def forget(self, cameras: Iterable[str]) -> None:
        """Drops all but ``cameras``."""
        known = set(cameras)
        self._left = {camera: left for camera, left in self._left.items() if camera in known}
