"""NAL units of H.264 (ITU-T H.264 §7.4.1, Annex B) and H.265 (ITU-T H.265 §7.4.2, Annex B). Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from simulators.encoder.clips import Codec

# H.264 table 7-1
H264_IDR: Final = 5
H264_SEI: Final = 6
H264_SPS: Final = 7
H264_PPS: Final = 8
H264_AUD: Final = 9
H264_FILLER: Final = 12
# H.265 table 7-1
H265_IDR: Final = (19, 20)
H265_VPS: Final = 32
H265_SPS: Final = 33
H265_PPS: Final = 34
H265_AUD: Final = 35
H265_FILLER: Final = 38
H265_SEI: Final = (39, 40)

PARAMETER_SETS: Final[dict[Codec, tuple[int, ...]]] = {
    "h264": (H264_SPS, H264_PPS),
    "h265": (H265_VPS, H265_SPS, H265_PPS),
}
_IDR: Final[dict[Codec, tuple[int, ...]]] = {"h264": (H264_IDR,), "h265": H265_IDR}
_AUD: Final[dict[Codec, int]] = {"h264": H264_AUD, "h265": H265_AUD}
# Delimiters, filler and the encoder's signature carry no picture; many cameras send none of them.
_OMITTED: Final[dict[Codec, tuple[int, ...]]] = {
    "h264": (H264_AUD, H264_FILLER, H264_SEI),
    "h265": (H265_AUD, H265_FILLER, *H265_SEI),
}

_START_CODE: Final = re.compile(rb"\x00\x00\x01")


class BitstreamError(ValueError):
    """The elementary stream is not what a clip needs."""


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture: its NAL units without start codes, parameter sets in front of every keyframe."""

    units: tuple[bytes, ...]
    keyframe: bool


def unit_type(codec: Codec, unit: bytes) -> int:
    """Return the NAL unit type of a non-empty unit."""
    return unit[0] & 0x1F if codec == "h264" else (unit[0] >> 1) & 0x3F


def split_annex_b(stream: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a byte stream (Annex B), without start codes and trailing zero bytes."""
    starts = [match.end() for match in _START_CODE.finditer(stream)]
    for start, following in pairwise([*starts, len(stream) + 3]):
        unit = stream[start : following - 3].rstrip(b"\x00")
        if unit:
            yield unit


def access_units(codec: Codec, stream: bytes) -> list[AccessUnit]:
    """Group a byte stream with access unit delimiters into pictures.

    Raises BitstreamError if a picture precedes the first delimiter, or if the first picture is no keyframe with its
    parameter sets.
    """
    pictures: list[list[bytes]] = []
    for unit in split_annex_b(stream):
        kind = unit_type(codec, unit)
        if kind == _AUD[codec]:
            pictures.append([])
        elif not pictures:
            raise BitstreamError("the stream does not begin with an access unit delimiter")
        if kind not in _OMITTED[codec]:
            pictures[-1].append(unit)
    return _with_parameter_sets(codec, pictures)


def _with_parameter_sets(codec: Codec, pictures: list[list[bytes]]) -> list[AccessUnit]:
    wanted = PARAMETER_SETS[codec]
    known: dict[int, bytes] = {}
    result: list[AccessUnit] = []
    for units in pictures:
        known.update({unit_type(codec, unit): unit for unit in units if unit_type(codec, unit) in wanted})
        slices = [unit for unit in units if unit_type(codec, unit) not in wanted]
        keyframe = any(unit_type(codec, unit) in _IDR[codec] for unit in slices)
        if not slices:
            continue
        if not result and not (keyframe and len(known) == len(wanted)):
            raise BitstreamError("the stream does not begin with a keyframe and its parameter sets")
        result.append(AccessUnit((*(known[kind] for kind in wanted), *slices) if keyframe else tuple(slices), keyframe))
    return result


def parameter_sets(codec: Codec, keyframe: AccessUnit) -> tuple[bytes, ...]:
    """Return (SPS, PPS) of H.264 or (VPS, SPS, PPS) of H.265 from a keyframe."""
    found = {unit_type(codec, unit): unit for unit in keyframe.units}
    try:
        return tuple(found[kind] for kind in PARAMETER_SETS[codec])
    except KeyError as error:
        raise BitstreamError(f"the keyframe lacks the parameter set of type {error}") from None
