"""A stored clip: one line of JSON (the index), then the access units, each a run of 4-byte-length-prefixed NAL units.

The length prefix is that of ISO/IEC 14496-15. The first line can be read with `head -1 FILE`; the body is mapped to
frames by the sizes in it, so that a host without any codec library loads a clip in milliseconds.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from simulators.encoder.clips import ClipSpec, Codec, Variant
from simulators.encoder.nal import AccessUnit, parameter_sets

_LENGTH: Final = struct.Struct(">I")
_MAX_INDEX_BYTES: Final = 1 << 20


class ClipFileError(ValueError):
    """A stored clip is missing, cut short or not of this format; the message names the file and the fix."""


class ClipIndex(BaseModel):
    """The first line of a stored clip."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["vigie-clip-1"] = "vigie-clip-1"
    name: str
    variant: Variant
    codec: Codec
    width: PositiveInt
    height: PositiveInt
    fps: PositiveInt
    bitrate: PositiveInt  # bits a second aimed at by the main variant
    recipe: str  # digest of how it was encoded
    sha256: str  # of the body
    frame_bytes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    keyframes: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    parameter_sets: tuple[Base64Bytes, ...]


@dataclass(frozen=True, slots=True)
class StoredClip:
    """A clip in memory: its index and its pictures in order."""

    index: ClipIndex
    pictures: tuple[AccessUnit, ...]


def write_clip(path: Path, spec: ClipSpec, variant: Variant, pictures: list[AccessUnit], recipe: str) -> ClipIndex:
    """Store `pictures` at `path`, whole or not at all (renamed into place), and return the index."""
    bodies = [b"".join(_LENGTH.pack(len(unit)) + unit for unit in picture.units) for picture in pictures]
    body = b"".join(bodies)
    index = ClipIndex.model_construct(
        name=spec.name,
        variant=variant,
        codec=spec.codec,
        width=spec.width,
        height=spec.height,
        fps=spec.fps,
        bitrate=spec.bitrate,
        recipe=recipe,
        sha256=hashlib.sha256(body).hexdigest(),
        frame_bytes=tuple(map(len, bodies)),
        keyframes=tuple(number for number, picture in enumerate(pictures) if picture.keyframe),
        parameter_sets=parameter_sets(spec.codec, pictures[0]),
    )
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(index.model_dump_json().encode() + b"\n" + body)
    temporary.replace(path)
    return index


def read_index(path: Path) -> ClipIndex:
    """Read the index alone. Raises ClipFileError."""
    try:
        with path.open("rb") as stream:
            line = stream.readline(_MAX_INDEX_BYTES)
    except OSError as error:
        raise ClipFileError(f"{path}: {error.strerror}; encode it with python -m simulators.encoder.clips") from error
    try:
        return ClipIndex.model_validate_json(line)
    except ValidationError as error:
        raise ClipFileError(
            f"{path}: not a clip of this version ({error.errors()[0]['msg']}); encode it anew"
        ) from None


def read_clip(path: Path) -> StoredClip:
    """Read and verify a stored clip. Raises ClipFileError."""
    index = read_index(path)
    body = path.read_bytes().split(b"\n", 1)[1]
    if len(body) != sum(index.frame_bytes) or hashlib.sha256(body).hexdigest() != index.sha256:
        raise ClipFileError(f"{path}: the body does not match its index (cut short?); delete it and encode it anew")
    keyframes = frozenset(index.keyframes)
    pictures = []
    start = 0
    for number, size in enumerate(index.frame_bytes):
        pictures.append(AccessUnit(tuple(_units(body[start : start + size])), number in keyframes))
        start += size
    return StoredClip(index, tuple(pictures))


def _units(body: bytes) -> list[bytes]:
    units = []
    position = 0
    while position < len(body):
        (length,) = _LENGTH.unpack_from(body, position)
        position += _LENGTH.size
        units.append(body[position : position + length])
        position += length
    return units
