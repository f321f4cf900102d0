"""Streams that no codec made: NAL units of the right types with random content, for tests without ffmpeg."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path

from simulators.encoder.clipfile import StoredClip, read_clip, write_clip
from simulators.encoder.clips import BY_NAME, ClipSpec, Codec, Variant
from simulators.encoder.nal import AccessUnit

USER, PASSWORD = "lab", "correct horse"

_HEADERS: dict[Codec, dict[str, bytes]] = {
    "h264": {"sets": b"\x67\x68", "idr": b"\x65", "slice": b"\x41", "aud": b"\x09", "filler": b"\x0c", "sei": b"\x06"},
    "h265": {
        "sets": b"\x40\x42\x44",
        "idr": b"\x26\x01",
        "slice": b"\x02\x01",
        "aud": b"\x46\x01",
        "filler": b"\x4c\x01",
        "sei": b"\x4e\x01",
    },
}


def unit(codec: Codec, kind: str, size: int, seed: int = 0) -> bytes:
    """Return a NAL unit of `size` bytes or a little more; its content never looks like a start code."""
    return _HEADERS[codec][kind] + bytes(random.Random(seed).choices(range(1, 256), k=size))


def sets(codec: Codec) -> tuple[bytes, ...]:
    """Return the parameter sets of every synthetic clip of `codec`."""
    second = b"" if codec == "h264" else b"\x01"
    return tuple(bytes([first]) + second + bytes(range(0x4D, 0x55)) for first in _HEADERS[codec]["sets"])


def pictures(spec: ClipSpec, variant: Variant) -> list[AccessUnit]:
    """Return the pictures of a clip; keyframes are longer than a packet."""
    return list(_pictures(spec, variant))


@cache
def _pictures(spec: ClipSpec, variant: Variant) -> tuple[AccessUnit, ...]:
    result = []
    for number in range(spec.frames(variant)):
        keyframe = number % spec.group_frames == 0
        seed = number + 1_000 * list(Variant).index(variant)
        body = unit(spec.codec, "idr" if keyframe else "slice", 5_000 if keyframe else 300, seed)
        result.append(AccessUnit((*sets(spec.codec), body) if keyframe else (body,), keyframe))
    return tuple(result)


def store(folder: Path, names: list[str]) -> None:
    """Write the named clips of the grid, all variants, into `folder`."""
    folder.mkdir(exist_ok=True)
    for name in names:
        spec = BY_NAME[name]
        for variant in Variant:
            write_clip(folder / spec.file_name(variant), spec, variant, pictures(spec, variant), recipe="synthetic")


def stored(folder: Path, name: str) -> dict[Variant, StoredClip]:
    """Write and read back all variants of a clip."""
    store(folder, [name])
    return {variant: read_clip(folder / BY_NAME[name].file_name(variant)) for variant in Variant}


def configuration(folder: Path, devices: list[dict[str, object]], control_port: int = 1) -> Path:
    """Write clips, credentials and configuration for `devices` into `folder`; return the configuration's path."""
    store(folder / "clips", list(BY_NAME))
    (folder / "credentials.json").write_text(json.dumps({"username": USER, "password": PASSWORD}))
    path = folder / "lab-encoder.json"
    path.write_text(
        json.dumps(
            {
                "clips": str(folder / "clips"),
                "control": {"address": "127.0.0.1", "port": control_port},
                "credentials_file": str(folder / "credentials.json"),
                "devices": devices,
            }
        )
    )
    return path


def device(identity: str, address: str, port: int, cameras: list[str]) -> dict[str, object]:
    """Return the configuration of an encoder with a channel (main and sub) per camera."""
    streams = [
        {"path": f"/ch{n}/{role}", "camera": camera, "clip": clip, "role": role}
        for n, camera in enumerate(cameras, 1)
        for role, clip in (("main", "h264-2560x1440-15"), ("sub", "h264-640x360-15"))
    ]
    return {"id": identity, "address": address, "port": port, "streams": streams}
