"""The declared grid of clips that a lab device can stream, and the command that encodes them.

A stream profile of the city is served by the clip with the same codec, resolution and frame rate; a profile outside
the grid (vigie/city/lab.py) is an error when the city is loaded, not a surprise in the lab. Every clip has three variants with identical parameter
sets, so that a recorder decodes on when a device switches from one to another at a keyframe.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from vigie.city.lab import CLIPS, clip_name

Codec = Literal["h264", "h265"]

KEYFRAME_INTERVAL_SECONDS: Final = 2


class Variant(StrEnum):
    """What the clip shows: the scene, its first picture for ever, or a covered lens."""

    MAIN = "main"
    FREEZE = "freeze"
    BLACK = "black"


# Loop lengths in groups of pictures. The main loop is 22 s: 11 is prime, so that someone who samples the picture every
# 10, 15, 20, 30 or 60 s never meets the same keyframe twice running and takes a healthy camera for a frozen one.
# The frozen loop is one group: its keyframe is the same to the last bit for ever.
LOOP_GROUPS: Final = {Variant.MAIN: 11, Variant.FREEZE: 1, Variant.BLACK: 3}


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """One cell of the grid. `width`/`height` in pixels, `fps` in frames a second, `bitrate` in bits a second."""

    codec: Codec
    width: int
    height: int
    fps: int
    bitrate: int

    @property
    def name(self) -> str:
        """Name of the clip in configuration and file names, e.g. `h264-2560x1440-15`."""
        return clip_name(self.codec, self.width, self.height, self.fps)

    @property
    def group_frames(self) -> int:
        """Frames from one keyframe to the next."""
        return self.fps * KEYFRAME_INTERVAL_SECONDS

    def frames(self, variant: Variant) -> int:
        """Frames in the loop of `variant`."""
        return self.group_frames * LOOP_GROUPS[variant]

    def file_name(self, variant: Variant) -> str:
        """Name of the stored clip in a folder of clips."""
        return f"{self.name}.{variant.value}.clip"


GRID: Final = tuple(
    ClipSpec(clip.codec, clip.width, clip.height, clip.frames_per_second, clip.bits_per_second) for clip in CLIPS
)

BY_NAME: Final = {spec.name: spec for spec in GRID}


class UnknownClipError(LookupError):
    """No clip of the grid has the wanted codec, resolution and frame rate."""


def clip_for(codec: str, width: int, height: int, fps: int) -> ClipSpec:
    """Return the clip with exactly this codec (`h264` or `h265`), size in pixels and frame rate.

    Raises UnknownClipError, naming what the grid offers.
    """
    name = clip_name(codec, width, height, fps)
    try:
        return BY_NAME[name]
    except KeyError:
        offered = ", ".join(BY_NAME)
        raise UnknownClipError(f"no lab clip {name}: the grid of vigie/city/lab.py has {offered}") from None


if __name__ == "__main__":
    from simulators.encoder.encode import main

    sys.exit(main())
