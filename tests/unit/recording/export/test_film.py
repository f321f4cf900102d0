"""Films of segments with sound: what MP4 can hold is copied, what it cannot is declared."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vigie.recording.export.film import FilmError, make
from vigie.recording.export.footage import see
from vigie.recording.export.timeline import films
from vigie.recording.ledger.interval import Interval

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
FILE = "cam-1/2027/03/03/14-00-00-000000.mp4"


def segment(folder: Path, sound: str, container: str = "mp4") -> Path:
    """Four seconds of picture and sound."""
    path = folder / "segments" / "recorder-1" / FILE
    path.parent.mkdir(parents=True)
    words = (
        "ffmpeg -v error -f lavfi -i testsrc=size=64x64:rate=10 -f lavfi -i sine=frequency=300 -t 4 -c:v libx264 "
        f"-preset ultrafast -bf 0 -g 20 -c:a {sound} -movflags empty_moov+default_base_moof -frag_duration 1000000 "
        f"-f {container}"
    )
    subprocess.run([*words.split(), str(path)], check=True)
    return path


def streams(film: Path) -> list[str]:
    words = "ffprobe -v error -show_entries stream=codec_type -of csv=p=0"
    return subprocess.run([*words.split(), str(film)], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    ("sound", "container", "held"), [("aac", "mp4", ["video", "audio"]), ("pcm_s16le", "mov", ["video"])]
)
def test_sound_is_copied_or_declared(tmp_path: Path, sound: str, container: str, held: list[str]) -> None:
    segment(tmp_path, sound, container)
    seen = see(tmp_path, "recorder-1", FILE)
    assert seen is not None
    assert seen.footage.seconds == pytest.approx(4, abs=0.1)
    (film,) = films(Interval(seen.footage.start + 1, seen.footage.end), [seen.footage])
    written = make(tmp_path, film, "footage.mp4")
    assert streams(tmp_path / "footage.mp4") == held
    assert written.seconds == pytest.approx(4, abs=0.2)
    assert ("pcm_s16le" in written.silent) if written.silent else (sound == "aac")


def test_a_segment_that_no_decoder_reads_makes_no_film(tmp_path: Path) -> None:
    path = segment(tmp_path, "aac")
    seen = see(tmp_path, "recorder-1", FILE)
    assert seen is not None
    (film,) = films(Interval(seen.footage.start, seen.footage.end), [seen.footage])
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(FilmError):
        make(tmp_path, film, "footage.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["segments"]
    assert see(tmp_path, "recorder-1", FILE) is None
