"""Decoding keyframes, and telling black and frozen from lively."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exporters.camera.pictures import PIXELS, DecodeError, PictureHistory, Shot, decode, same
from tests.unit.exporters.cameras import footage
from tests.unit.exporters.serving import run
from vigie.metrics.thresholds import BLACK_LUMINANCE, FROZEN_AFTER, FROZEN_PICTURES
from vigie.recording.tail import FootageTail, read_keyframes

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg on the PATH")


def grey(level: int) -> bytes:
    return bytes([level]) * PIXELS


@needs_ffmpeg
@pytest.mark.parametrize(("source", "dark", "still"), [("testsrc2", False, False), ("color=black", True, True)])
def test_real_keyframes(tmp_path: Path, source: str, dark: bool, still: bool) -> None:
    footage(tmp_path, "cam-1", source)
    tail = FootageTail(tmp_path, "cam-1")
    tail.advance()
    references = tail.keyframes(3)
    older, newer = run(decode(read_keyframes(references), len(references), 10))
    assert same(older, newer) is still
    assert (sum(newer) / len(newer) / 255 < BLACK_LUMINANCE.value) is dark


@needs_ffmpeg
def test_damage_is_an_error_with_ffmpegs_words(tmp_path: Path) -> None:
    footage(tmp_path, "cam-1")
    tail = FootageTail(tmp_path, "cam-1")
    tail.advance()
    content = read_keyframes(tail.keyframes(3))
    with pytest.raises(DecodeError, match="of 2 pictures"):
        run(decode(content[:-2000], 2, 10))
    with pytest.raises(DecodeError, match="0 of 1 pictures"):
        run(decode(b"not a film", 1, 10))


def test_without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DecodeError, match="cannot be started"):
        run(decode(b"", 1, 10))


def test_a_hanging_ffmpeg_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(DecodeError, match="longer than"):
        run(decode(b"", 1, 0.2))


def test_equal_pictures_add_up_until_one_differs() -> None:
    history = PictureHistory()
    assert history.add([Shot(0, grey(100)), Shot(4, grey(100))]).unchanged == 4
    picture = history.add([Shot(15, grey(100)), Shot(19, grey(100))])
    assert (picture.unchanged, picture.count) == (19, 4)
    assert picture.unchanged >= FROZEN_AFTER.value
    assert picture.count >= FROZEN_PICTURES.value
    assert history.add([Shot(30, grey(100)), Shot(34, grey(120))]).unchanged == 0
    assert history.newest == 34


def test_pictures_known_already_are_not_counted_twice() -> None:
    history = PictureHistory()
    history.add([Shot(0, grey(100)), Shot(4, grey(100))])
    assert history.add([Shot(4, grey(100)), Shot(6, grey(100))]).count == 3


def test_a_slow_dusk_is_not_a_frozen_picture() -> None:
    """Each picture is nearly the last one, but the run drifts away from its first."""
    history = PictureHistory()
    pictures = [bytes([100 if pixel % 60 >= step else 99 for pixel in range(PIXELS)]) for step in range(60)]
    longest = max(history.add([Shot(15.0 * n, picture)]).count for n, picture in enumerate(pictures))
    assert longest < 40


def test_luminance_is_a_ratio() -> None:
    assert PictureHistory().add([Shot(0, grey(255))]).luminance == 1
    assert PictureHistory().add([Shot(0, grey(0))]).luminance == 0


def test_noise_is_a_difference_and_a_hair_is_not() -> None:
    noisy = bytes((100 + (pixel * 7919) % 5) for pixel in range(PIXELS))
    other = bytes((100 + (pixel * 104729 + 3) % 5) for pixel in range(PIXELS))
    assert not same(noisy, other)
    hair = bytearray(grey(100))
    hair[0] = 255
    assert same(grey(100), bytes(hair))
