"""Stored clips come back as they were, and damaged ones are refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.encoder.clipfile import ClipFileError, read_clip, read_index, write_clip
from simulators.encoder.clips import BY_NAME, Variant
from simulators.encoder.nal import AccessUnit
from tests.unit.simulators.synthetic import pictures, sets, unit

SPEC = BY_NAME["h265-2560x1440-15"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / SPEC.file_name(Variant.FREEZE)
    write_clip(path, SPEC, Variant.FREEZE, pictures(SPEC, Variant.FREEZE), recipe="r")
    return path


def test_a_clip_comes_back_whole(clip: Path) -> None:
    read = read_clip(clip)
    assert list(read.pictures) == pictures(SPEC, Variant.FREEZE)
    assert read.index == read_index(clip)
    assert (read.index.codec, read.index.fps, read.index.keyframes) == ("h265", 15, (0,))
    assert read.index.parameter_sets == sets("h265")
    assert [path.name for path in clip.parent.iterdir()] == [clip.name]


def test_the_index_is_one_line_of_json_for_people(clip: Path) -> None:
    index = json.loads(clip.read_bytes().split(b"\n", 1)[0])
    assert (index["name"], index["variant"], len(index["frame_bytes"])) == (SPEC.name, "freeze", 30)


@given(st.lists(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=3), max_size=5))
def test_any_content_survives(tmp_path_factory: pytest.TempPathFactory, contents: list[list[bytes]]) -> None:
    """Also bytes that look like line ends or lengths."""
    path = tmp_path_factory.mktemp("clip") / "x.clip"
    first = AccessUnit((*sets("h265"), unit("h265", "idr", 5)), keyframe=True)
    written = [first, *(AccessUnit(tuple(units), keyframe=False) for units in contents)]
    write_clip(path, SPEC, Variant.MAIN, written, recipe="r")
    assert list(read_clip(path).pictures) == written


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b + b"x", lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_a_damaged_body_is_refused(clip: Path, damage: Callable[[bytes], bytes]) -> None:
    clip.write_bytes(damage(clip.read_bytes()))
    with pytest.raises(ClipFileError, match=rf"{clip.name}.*encode it anew"):
        read_clip(clip)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"format":"vigie-clip-9"}\n', b"x" * 2_000_000])
def test_what_is_no_clip_is_refused(clip: Path, content: bytes) -> None:
    clip.write_bytes(content)
    with pytest.raises(ClipFileError, match=clip.name):
        read_clip(clip)


def test_a_missing_clip_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ClipFileError, match=r"x\.clip: No such file.*simulators\.encoder\.clips"):
        read_clip(tmp_path / "x.clip")
