"""Makes films out of segments with ffmpeg, copying the frames as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vigie.recording.export.places import path_of
from vigie.recording.export.timeline import Film

_READ: Final = ("-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i")
PROGRAMS: Final = ("ffmpeg", "ffprobe")
_SLACK_SECONDS: Final = 1.0  # a film may differ from the sum of its pieces by a frame at either end


class FilmError(Exception):
    """The film could not be made; says why."""


def missing_programs() -> list[str]:
    """Which of the programs this machine lacks."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


def name_of(index: int) -> str:
    """The file name of the film number ``index``, from 0 on."""
    return "footage.mp4" if index == 0 else f"footage-{index + 1}.mp4"


def script(film: Film) -> str:
    """The pieces in the words of ffmpeg's concat demuxer (``ffconcat version 1.0``), paths below the export's folder.

    ``duration`` puts each piece exactly where the plan of the film says, whatever the file claims of its own length.
    """
    lines = ["ffconcat version 1.0"]
    for piece in film:
        path = path_of(Path(), piece.footage.recorder, piece.footage.file)
        # A microsecond later: ffmpeg seeks backwards to a keyframe and must find this one, however times are rounded.
        lines += [
            f"file '{path}'",
            f"inpoint {piece.begin + 1e-6:.6f}",
            f"outpoint {piece.end:.6f}",
            f"duration {piece.seconds:.6f}",
        ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Written:
    """A film on the disk: its length in seconds, and why its sound was left out (None: it was not, or there is none)."""

    seconds: float
    silent: str | None = None


def make(folder: Path, film: Film, name: str) -> Written:
    """Writes ``folder/name``. Raises ``FilmError``, ``OSError``.

    Sound that an MP4 cannot hold, such as some cameras' PCM, is left out: the segments have it.
    """
    listing, partial = folder / f".{name}.txt", folder / f".{name}.partial"
    listing.write_text(script(film), encoding="ascii")
    silent = None
    try:
        try:
            _copy(listing, partial, "-map 0:v:0 -map 0:a:0?")
        except FilmError as error:
            _copy(listing, partial, "-map 0:v:0")
            silent = str(error)
        found = length(partial)
        wanted = sum(piece.seconds for piece in film)
        if abs(found - wanted) > _SLACK_SECONDS:
            raise FilmError(f"{name} lasts {found:.2f} s, its pieces {wanted:.2f} s; the segments are whole")
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(folder / name)
    finally:
        listing.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)
    return Written(found, silent)


def _copy(listing: Path, target: Path, streams: str) -> None:
    # Without metadata, bit by bit: whoever exports the same again gets the same bytes.
    words = f"{streams} -c copy -map_metadata -1 -fflags +bitexact -f mp4".split()
    _run(["ffmpeg", *_READ, str(listing), *words, str(target)])


def length(path: Path) -> float:
    """Seconds of a film's video, as ffprobe says. Raises ``FilmError``."""
    words = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=duration", "-of", "csv=p=0"]
    said = _run([*words, str(path)])
    try:
        return float(said.strip().split("\n")[0])
    except ValueError:
        raise FilmError(f"{path.name}: ffprobe names no duration: {said.strip()!r}") from None


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise FilmError(f"{argv[0]}: {' / '.join(done.stderr.strip().splitlines()[-3:]) or done.returncode}")
    return done.stdout
