"""Reading growing and damaged segments."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.recording.segments import TIMESCALE, Sample, atom, frames, init, part, segment_bytes
from vigie.recording.fmp4 import Part, SegmentReader
from vigie.recording.picture import keyframes_as_mp4

WHOLE = segment_bytes(4)


def read(content: bytes, reader: SegmentReader | None = None) -> tuple[list[Part], SegmentReader]:
    reader = reader or SegmentReader()
    return reader.advance(lambda offset, length: content[offset : offset + length], len(content)), reader


def test_frames_bytes_times_and_keyframes() -> None:
    parts, reader = read(WHOLE)
    assert [(p.start, p.end, p.frames) for p in parts] == [(float(n), float(n + 1), 15) for n in range(4)]
    assert [p.size for p in parts] == [500 + 14 * 50, 15 * 50] * 2
    keyframes = [keyframe for p in parts for keyframe in p.keyframes]
    assert [keyframe.time for keyframe in keyframes] == [0.0, 2.0]
    assert all(WHOLE[k.offset : k.offset + k.size] == b"K" * 500 for k in keyframes)
    assert reader.broken is None
    assert reader.offset == len(WHOLE)


@given(st.lists(st.integers(1, len(WHOLE)), max_size=12))
def test_growth_in_any_steps_gives_the_same_parts(sizes: list[int]) -> None:
    reader, seen = SegmentReader(), []
    for size in [*sorted(sizes), len(WHOLE)]:
        seen += read(WHOLE[:size], reader)[0]
    assert seen == read(WHOLE)[0]


@given(st.integers(0, len(WHOLE)))
def test_a_torn_tail_loses_only_what_is_torn(size: int) -> None:
    parts, reader = read(WHOLE[:size])
    assert parts == read(WHOLE)[0][: len(parts)]
    assert reader.broken is None
    assert reader.offset <= size


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_never_raises_and_ends(damage: list[tuple[int, int]]) -> None:
    content = bytearray(WHOLE)
    for position, value in damage:
        content[position] = value
    parts, reader = read(bytes(content))
    assert reader.offset <= len(content)
    assert sum(p.frames for p in parts) < 1_000_000


@given(st.binary(max_size=200))
def test_noise_never_raises(content: bytes) -> None:
    read(content)


@given(st.binary(max_size=120))
def test_noise_inside_a_moof_is_reported(noise: bytes) -> None:
    parts, reader = read(init() + atom(b"moof", noise) + atom(b"mdat"))
    assert parts == []
    assert reader.broken is None or reader.broken


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\0\0\0\3free" + bytes(16), "no atom at offset 0"),
        (atom(b"ftyp") + atom(b"moov"), "no video track"),
        (init(handler=b"soun"), "no video track"),
        (atom(b"moof") + atom(b"mdat"), "moof before moov"),
        (struct.pack(">I4s", 8, b"ftyp") + struct.pack(">I4sQ", 1, b"moov", 1 << 40), None),
    ],
)
def test_what_is_not_a_segment(content: bytes, complaint: str | None) -> None:
    parts, reader = read(content)
    assert parts == []
    assert (complaint in (reader.broken or "")) if complaint else (reader.broken is None)


def test_a_table_that_promises_a_billion_samples_is_refused() -> None:
    run = atom(b"trun", struct.pack(">II", 0, 1_000_000_000))
    track = atom(b"traf", atom(b"tfhd", struct.pack(">II", 0, 1)), run)
    _, reader = read(init() + atom(b"moof", track) + atom(b"mdat"))
    assert reader.broken == "trun of 1000000000 samples does not fit its atom"


def test_an_empty_file_is_waited_for() -> None:
    parts, reader = read(b"")
    assert (parts, reader.broken, reader.init) == ([], None, None)
    assert len(read(WHOLE, reader)[0]) == 4


def test_other_tracks_are_not_counted() -> None:
    parts, _ = read(init() + part(frames(15), 0, track=2))
    assert parts == []


def test_first_sample_flags_and_defaults_of_the_fragment() -> None:
    """The form ffmpeg writes: default duration and flags in tfhd, first-sample-flags in trun."""
    header = atom(b"tfhd", struct.pack(">IIIII", 0x020000 | 0x8 | 0x10 | 0x20, 1, 6000, 10, 0x01010000))
    run = atom(b"trun", struct.pack(">IIiI", 0x5, 3, 100, 0x02000000))
    parts, _ = read(init() + atom(b"moof", atom(b"traf", header, run)) + atom(b"mdat", bytes(30)))
    assert (parts[0].frames, parts[0].size, parts[0].end) == (3, 30, 3 * 6000 / TIMESCALE)
    assert [keyframe.size for keyframe in parts[0].keyframes] == [10]


def test_cut_keyframes_are_a_segment_themselves() -> None:
    _, reader = read(WHOLE)
    assert reader.init is not None
    small = keyframes_as_mp4(reader.init, [b"first", b"second!"])
    (only,), again = read(small)
    assert again.init == reader.init
    assert [small[k.offset : k.offset + k.size] for k in only.keyframes] == [b"first", b"second!"]
    assert only.frames == 2


def test_cutting_nothing_is_refused() -> None:
    _, reader = read(WHOLE)
    assert reader.init is not None
    with pytest.raises(ValueError):
        keyframes_as_mp4(reader.init, [])


def test_one_part_with_uneven_durations() -> None:
    samples = [Sample(b"a", 3000, True), Sample(b"b", 9000, False)]
    (only,), _ = read(init() + part(samples, 45_000))
    assert (only.start, only.end) == (0.5, 0.5 + 12_000 / TIMESCALE)
