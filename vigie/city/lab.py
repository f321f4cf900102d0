"""What the simulated devices of a lab can play: clips that are encoded beforehand, under paths of plain letters.

The one source for the loader (a profile outside is refused there), for the configuration of lab hosts and for the
simulator itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

STREAM_PATH: Final = re.compile(r"^(/[A-Za-z0-9._~-]+)+$")


@dataclass(frozen=True, slots=True)
class Clip:
    """What a clip shows: size in pixels, frames a second, and the bits a second that it really has."""

    codec: Literal["h264", "h265"]
    width: int
    height: int
    frames_per_second: int
    bits_per_second: int


# Bit rates are far below a real 4 MP camera's (4 to 8 Mbit/s): the lab proves behaviour, disks are proven elsewhere.
CLIPS: Final = (
    Clip("h264", 2560, 1440, 15, 1_500_000),
    Clip("h265", 2560, 1440, 15, 1_000_000),
    Clip("h264", 640, 360, 15, 400_000),
)


def clip_name(codec: str, width: int, height: int, frames_per_second: int) -> str:
    """The name of a clip by what it shows, such as ``h264-2560x1440-15``."""
    return f"{codec}-{width}x{height}-{frames_per_second}"


CLIP_NAMES: Final = tuple(clip_name(clip.codec, clip.width, clip.height, clip.frames_per_second) for clip in CLIPS)
