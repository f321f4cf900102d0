"""Encodes the grid of clips with ffmpeg, on the control node. Lab hosts only read the result.

The source is ffmpeg's moving test pattern under noise, so that the rate control fills its budget as a busy street
does; the clip's name and the frame number are burnt in, so that a lost or doubled frame can be seen and read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from itertools import product
from pathlib import Path
from typing import Final

from simulators.encoder.clipfile import ClipFileError, ClipIndex, read_clip, write_clip
from simulators.encoder.clips import GRID, KEYFRAME_INTERVAL_SECONDS, LOOP_GROUPS, ClipSpec, Variant
from simulators.encoder.nal import AccessUnit, BitstreamError, access_units, parameter_sets

# How far the mean bit rate of a main clip may be from the declared one: capacity figures of the lab rest on it.
BITRATE_TOLERANCE: Final = 0.10
# Raise when the stored form or the checks change, so that older clips are encoded anew.
_FORMAT_REVISION: Final = 1


class EncodeError(RuntimeError):
    """ffmpeg failed, or what it made is not what the grid declares."""


def _source(spec: ClipSpec, variant: Variant) -> str:
    size = f"size={spec.width}x{spec.height}:rate={spec.fps}"
    if variant is Variant.BLACK:  # a covered lens still has the noise of its sensor
        return f"color=black:{size},format=yuv420p,noise=alls=2:allf=t"
    text = f"drawtext=font=monospace:fontsize={spec.height // 12}:x={spec.width // 20}:y={spec.height // 10}"
    style = "fontcolor=white:box=1:boxcolor=black:boxborderw=8"
    scene = f"testsrc2={size},format=yuv420p,noise=alls=6:allf=t,{text}:{style}:text='{spec.name}  %{{frame_num}}'"
    return f"{scene},loop=loop=-1:size=1:start=0" if variant is Variant.FREEZE else scene


def _codec_arguments(spec: ClipSpec) -> list[str]:
    """One thread each: the result does not depend on the machine, and clips are encoded side by side instead."""
    gop, kilobits = spec.group_frames, spec.bitrate // 1000
    if spec.codec == "h264":
        rate = [f"-{option}" for option in ("b:v", "maxrate", "bufsize")]
        settings = (
            f"scenecut=0:sliced-threads=0:threads=1:aud=1:repeat-headers=1:open-gop=0:keyint={gop}:min-keyint={gop}"
        )
        budget = [argument for option in rate for argument in (option, f"{kilobits}k")]
        codec = ["-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-profile:v", "main", "-bf", "0"]
        return [*codec, *budget, "-x264-params", settings, "-f", "h264"]
    settings = (
        f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:open-gop=0:bitrate={kilobits}:vbv-maxrate={kilobits}"
        f":vbv-bufsize={kilobits}:repeat-headers=1:aud=1:info=0:pools=none:frame-threads=1:log-level=error"
    )
    return ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", settings, "-f", "hevc"]


def ffmpeg_arguments(spec: ClipSpec, variant: Variant) -> list[str]:
    """Return the ffmpeg command that writes the elementary stream (Annex B) of one clip to its standard output."""
    source = ["-f", "lavfi", "-i", _source(spec, variant), "-frames:v", str(spec.frames(variant))]
    quiet = ["ffmpeg", "-nostdin", "-v", "error", "-filter_threads", "1"]
    return [*quiet, *source, "-an", "-pix_fmt", "yuv420p", *_codec_arguments(spec), "-"]


def recipe_digest(spec: ClipSpec, variant: Variant) -> str:
    """Return the SHA-256 of everything that decides what a stored clip is; a cache key for whoever keeps clips."""
    return hashlib.sha256(json.dumps([_FORMAT_REVISION, ffmpeg_arguments(spec, variant)]).encode()).hexdigest()


def check_pictures(spec: ClipSpec, variant: Variant, pictures: list[AccessUnit]) -> None:
    """Raise EncodeError unless frames, keyframe positions and (main variant) the bit rate are as declared."""
    name = spec.file_name(variant)
    if len(pictures) != spec.frames(variant):
        raise EncodeError(f"{name}: {len(pictures)} frames instead of {spec.frames(variant)}")
    for number, picture in enumerate(pictures):
        if picture.keyframe != (number % spec.group_frames == 0):
            raise EncodeError(f"{name}: frame {number}: keyframes must come every {spec.group_frames} frames exactly")
    rate = 8 * sum(len(unit) for picture in pictures for unit in picture.units) * spec.fps / len(pictures)
    if variant is Variant.MAIN and abs(rate / spec.bitrate - 1) > BITRATE_TOLERANCE:
        raise EncodeError(f"{name}: {rate:.0f} bit/s instead of {spec.bitrate} within {BITRATE_TOLERANCE:.0%}")


def encode(spec: ClipSpec, variant: Variant, out: Path) -> ClipIndex:
    """Encode one clip into the folder `out`. Raises EncodeError."""
    try:
        run = subprocess.run(ffmpeg_arguments(spec, variant), capture_output=True, check=False)
    except FileNotFoundError:
        raise EncodeError("ffmpeg is not installed: install Debian's package ffmpeg on the control node") from None
    if run.returncode != 0:
        raise EncodeError(f"{spec.file_name(variant)}: ffmpeg: {run.stderr.decode(errors='replace').strip()}")
    try:
        pictures = access_units(spec.codec, run.stdout)
    except BitstreamError as error:
        raise EncodeError(f"{spec.file_name(variant)}: {error}") from error
    check_pictures(spec, variant, pictures)
    _check_parameter_sets(spec, variant, pictures)
    return write_clip(out / spec.file_name(variant), spec, variant, pictures, recipe_digest(spec, variant))


def _check_parameter_sets(spec: ClipSpec, variant: Variant, pictures: list[AccessUnit]) -> None:
    """A parameter set that changes inside a clip would change the stream under its viewers."""
    sets = {parameter_sets(spec.codec, picture) for picture in pictures if picture.keyframe}
    if len(sets) != 1:
        raise EncodeError(f"{spec.file_name(variant)}: the parameter sets change from keyframe to keyframe")


def _finished(path: Path, recipe: str) -> ClipIndex | None:
    """Return the index of a clip that is whole and made by this recipe."""
    try:
        index = read_clip(path).index
    except ClipFileError:
        return None
    return index if index.recipe == recipe else None


def _effort(cell: tuple[ClipSpec, Variant]) -> int:
    """Return the relative cost of an encode: pixels, threefold for H.265 (measured)."""
    spec, variant = cell
    return spec.width * spec.height * spec.frames(variant) * (3 if spec.codec == "h265" else 1)


def encode_grid(out: Path, jobs: int, report: Callable[[str], None]) -> None:
    """Encode what is missing or outdated in `out`, `jobs` clips at once; `report` gets one line per clip.

    Raises EncodeError; finished clips stay, so that the next call goes on from there.
    """
    out.mkdir(parents=True, exist_ok=True)
    wanted = sorted(product(GRID, Variant), key=_effort, reverse=True)  # the longest first: jobs end together
    begun = time.monotonic()

    def make(number: int, spec: ClipSpec, variant: Variant) -> ClipIndex:
        start = time.monotonic()
        kept = _finished(out / spec.file_name(variant), recipe_digest(spec, variant))
        index = kept or encode(spec, variant, out)
        what = "kept" if kept else f"encoded in {time.monotonic() - start:.1f} s"
        size = sum(index.frame_bytes)
        report(
            f"[{number}/{len(wanted)}] {spec.file_name(variant)}: {len(index.frame_bytes)} frames, {size} bytes, {what}"
        )
        return index

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(make, number, *cell) for number, cell in enumerate(wanted, 1)]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        pool.shutdown(wait=True, cancel_futures=any(future.exception() for future in done))
        indexes = [future.result() for future in futures if not future.cancelled()]
    check_variants(indexes)
    report(f"{len(wanted)} clips in {out}, {time.monotonic() - begun:.1f} s")


def check_variants(indexes: list[ClipIndex]) -> None:
    """Raise EncodeError if the variants of a clip differ in their parameter sets: recorders could not switch."""
    first: dict[str, ClipIndex] = {}
    for index in indexes:
        reference = first.setdefault(index.name, index)
        if index.parameter_sets != reference.parameter_sets:
            raise EncodeError(f"{index.name}: {index.variant} and {reference.variant} differ in their parameter sets")


def _print_grid() -> None:
    for spec, variant in product(GRID, Variant):
        seconds = LOOP_GROUPS[variant] * KEYFRAME_INTERVAL_SECONDS
        digest = recipe_digest(spec, variant)[:12]
        print(f"{spec.file_name(variant):34} {spec.bitrate:>8} bit/s {seconds:>3} s  recipe {digest}")


def main(arguments: list[str] | None = None) -> int:
    """Command line of `python -m simulators.encoder.clips`: exit status 0 all there, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.encoder.clips", description="Encode the lab's grid of clips."
    )
    parser.add_argument("--out", type=Path, help="folder that receives the clips; finished ones in it are kept")
    parser.add_argument("--jobs", type=int, default=1, help="clips encoded at once (one core each); default 1")
    parser.add_argument("--list", action="store_true", help="print the grid and the digest of each recipe, then stop")
    options = parser.parse_args(arguments)
    if options.list:
        _print_grid()
        return 0
    if options.out is None or options.jobs < 1:
        parser.error("--out DIR is required, and --jobs must be at least 1")
    try:
        encode_grid(options.out, options.jobs, report=lambda line: print(line, flush=True))
    except EncodeError as error:
        print(f"clips: {error}", file=sys.stderr)
        return 1
    return 0
