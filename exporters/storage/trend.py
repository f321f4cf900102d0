"""Time until a volume is full, from the median slope of its use (Theil 1950, Sen 1968): deletion rounds do not tip it."""

from __future__ import annotations

import itertools
import statistics
from collections import deque

from vigie.metrics.thresholds import TREND_HORIZON, TREND_MINIMUM, TREND_WINDOW

_POINTS = 60


class FillTrend:
    """Keeps at most 60 points of the last half hour for one volume; times in seconds, use in bytes."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque(maxlen=_POINTS)

    def add(self, now: float, used: int) -> None:
        """Notes the used bytes at a monotonic instant; points closer than the resolution are dropped."""
        if not self._points or now - self._points[-1][0] >= TREND_WINDOW.value / _POINTS:
            self._points.append((now, used))

    def seconds_until_full(self, now: float, used: int, free: int) -> float | None:
        """Seconds until `free` bytes are used up, from 0 to the horizon; None while the history is too short."""
        if free <= 0:
            return 0.0
        points = [point for point in self._points if now - point[0] <= TREND_WINDOW.value]
        if not points or now - points[0][0] < TREND_MINIMUM.value:
            return None
        points.append((now, used))
        slopes = ((b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2) if b[0] > a[0])
        slope = statistics.median(slopes)
        if slope <= 0:
            return TREND_HORIZON.value
        return min(free / slope, TREND_HORIZON.value)
