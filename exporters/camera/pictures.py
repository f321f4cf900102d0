"""Decodes keyframes to tiny grey pictures, and tells black and frozen from them."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from vigie.health import Picture
from vigie.metrics.thresholds import PICTURE_SAME

WIDTH: Final = 96
HEIGHT: Final = 54
PIXELS: Final = WIDTH * HEIGHT
_WHITE: Final = 255
# Area scaling averages noise away; full range, so that black is 0. One thread: the host has cameras to record.
_DECODE: Final = (
    *("ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-protocol_whitelist", "pipe", "-f", "mp4", "-i", "pipe:0"),
    *("-map", "0:v:0", "-fps_mode", "passthrough"),
    *("-vf", f"scale={WIDTH}:{HEIGHT}:flags=area:out_range=pc,format=gray", "-f", "rawvideo", "pipe:1"),
)


class DecodeError(Exception):
    """ffmpeg gave no picture; the message is its own last line."""


async def decode(mp4: bytes, count: int, timeout_: float) -> list[bytes]:
    """`count` pictures of 96 x 54 grey bytes (0 black, 255 white) from a small MP4 of keyframes.

    Raises DecodeError, also when ffmpeg is missing or takes longer than `timeout_` seconds.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *_DECODE, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise DecodeError(f"ffmpeg cannot be started: {error.strerror}") from error
    try:
        async with asyncio.timeout(timeout_):
            pixels, complaint = await process.communicate(mp4)
    except TimeoutError:
        raise DecodeError(f"ffmpeg took longer than {timeout_:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if len(pixels) != count * PIXELS:
        last = complaint.decode(errors="replace").strip().splitlines()[-1:] or ["no complaint"]
        raise DecodeError(f"{len(pixels) // PIXELS} of {count} pictures: {last[0]}")
    return [pixels[index * PIXELS : (index + 1) * PIXELS] for index in range(count)]


@dataclass(frozen=True, slots=True)
class Shot:
    """A decoded picture and its instant in Unix seconds."""

    instant: float
    pixels: bytes


class PictureHistory:
    """Follows whether the picture of one camera changes.

    Compared with the first picture of a run of equals, not with the last: a slow dusk must not pass for a frozen picture.
    """

    def __init__(self) -> None:
        self._first: Shot | None = None
        self._newest: Shot | None = None
        self._count = 0

    @property
    def newest(self) -> float:
        """Unix second of the newest picture; minus infinity before the first."""
        return self._newest.instant if self._newest else float("-inf")

    def add(self, shots: Sequence[Shot]) -> Picture:
        """Takes pictures, oldest first; those not newer than what is known are skipped. At least one must be new."""
        for shot in shots:
            if self._newest is not None and shot.instant <= self._newest.instant:
                continue
            if self._first is not None and same(self._first.pixels, shot.pixels):
                self._count += 1
            else:
                self._first, self._count = shot, 1
            self._newest = shot
        assert self._first is not None
        assert self._newest is not None
        return Picture(
            luminance=sum(self._newest.pixels) / (_WHITE * len(self._newest.pixels)),
            unchanged=self._newest.instant - self._first.instant,
            count=self._count,
        )


def same(one: bytes, other: bytes) -> bool:
    """Whether two pictures of the same size differ by less than noise does."""
    difference: int = sum(map(abs, map(operator.sub, one, other)))
    return difference < PICTURE_SAME.value * len(one)
