"""Beats the frame instants of many streams with few timers."""

from __future__ import annotations

import asyncio
from typing import Final

from simulators.encoder.stream import Stream

# Streams of one rate are spread over so many timers, so that frames do not leave in one burst per instant.
SLOTS: Final = 8
# A host that starves sends late frames late but complete; beyond this lag it skips to the present instead.
MAX_LAG_SECONDS: Final = 2.0


class Metronome:
    """One timer for the streams of one rate and slot. Instant k is `origin` + k / fps on the loop's clock."""

    def __init__(self, fps: int, slot: int, loop: asyncio.AbstractEventLoop, origin: float) -> None:
        self.streams: list[Stream] = []
        self._fps = fps
        self._loop = loop
        self._origin = origin + slot / SLOTS / fps
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._timer = self._loop.call_at(self._instant(self._next), self._beat)

    def stop(self) -> None:
        """Beat no more."""
        if self._timer is not None:
            self._timer.cancel()

    def timestamp_ticks(self, stream: Stream) -> int:
        """Return the present instant on the RTP clock of `stream`, before a viewer's own base is added."""
        return stream.ticks(self._loop.time() - self._origin)

    def _instant(self, tick: int) -> float:
        return self._origin + tick / self._fps

    def _beat(self) -> None:
        now = self._loop.time()
        due = max(self._next, int((now - self._origin) * self._fps))
        if due - self._next > MAX_LAG_SECONDS * self._fps:
            self._next = due
        while self._next <= due:
            late = max(0.0, now - self._instant(self._next))
            for stream in self.streams:
                if stream.viewers:
                    stream.play(self._next, late)
            self._next += 1
        self._timer = self._loop.call_at(self._instant(self._next), self._beat)


class Orchestra:
    """All metronomes of a simulator."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._origin = loop.time()
        self._metronomes: dict[tuple[int, int], Metronome] = {}

    def join(self, stream: Stream) -> Metronome:
        """Assign `stream` to the metronome of its rate and slot, and return it."""
        key = stream.fps, stream.phase % SLOTS
        metronome = self._metronomes.get(key)
        if metronome is None:
            metronome = self._metronomes[key] = Metronome(*key, self._loop, self._origin)
            metronome.start()
        metronome.streams.append(stream)
        return metronome

    def stop(self) -> None:
        """Stop every metronome."""
        for metronome in self._metronomes.values():
            metronome.stop()
