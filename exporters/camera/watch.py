"""Checks pictures beside the samples, a few at a time, the most overdue camera first."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from exporters.camera.pictures import DecodeError, Shot, decode
from exporters.camera.state import CameraState
from vigie.recording.tail import KeyframeReference, read_keyframes

_LOG: Final = logging.getLogger(__name__)
STAGE: Final = "picture"
_WORKERS: Final = 2
_IDLE_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0
_DECODE_SECONDS: Final = 10.0
_PICTURE_LIVES_INTERVALS: Final = 3


class PictureWatch:
    """Decodes the newest keyframes of each camera every `interval` seconds."""

    def __init__(self, states: Sequence[CameraState], interval: float, errors: Counter[str]) -> None:
        self.states = states
        self._interval = interval
        self._errors = errors
        now = time.monotonic()
        for index, state in enumerate(states):
            state.picture_due_at = now + interval * index / max(1, len(states))

    async def run(self) -> None:
        """Works for ever."""
        await asyncio.gather(*(self._work() for _ in range(_WORKERS)))

    def forget_old(self, unix: float) -> None:
        """Drops pictures that are no longer evidence, as of Unix second `unix`."""
        for state in self.states:
            if state.picture_time is not None:
                expired = unix - state.picture_time > _PICTURE_LIVES_INTERVALS * self._interval
                if expired or not state.observe(unix).recorded:
                    state.picture = None

    async def _work(self) -> None:
        while True:
            state = min(self.states, key=lambda candidate: candidate.picture_due_at, default=None)
            if state is None or state.picture_due_at > time.monotonic():
                await asyncio.sleep(_IDLE_SECONDS)
                continue
            state.picture_due_at = float("inf")  # claimed
            checked = await self.check(state)
            state.picture_due_at = time.monotonic() + (self._interval if checked else _RETRY_SECONDS)

    async def check(self, state: CameraState) -> bool:
        """Whether a new picture was judged; False when there is none yet."""
        references = list(state.keyframes)
        unix = time.time()
        if not references or not state.observe(unix).recorded or references[-1].instant <= state.history.newest:
            return False
        try:
            shots = await _shoot(references)
        except (OSError, ValueError, DecodeError) as error:
            self._errors[STAGE] += 1
            _LOG.warning("camera %s: %s", state.camera.id, error)
            return True
        state.picture = state.history.add(shots)
        state.picture_time = time.time()
        return True


async def _shoot(references: list[KeyframeReference]) -> list[Shot]:
    mp4 = await asyncio.to_thread(read_keyframes, references)
    pictures = await decode(mp4, len(references), _DECODE_SECONDS)
    return [Shot(reference.instant, pixels) for reference, pixels in zip(references, pictures, strict=True)]
