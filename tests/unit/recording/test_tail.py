"""Following a camera's footage across segments, full disks and dead streams."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.recording.segments import TIMESCALE, frames, init, part, segment_bytes, write
from vigie.recording.layout import Segment
from vigie.recording.tail import FootageTail, read_keyframes

NOW = datetime.now(UTC).replace(microsecond=0)
START = NOW - timedelta(seconds=60)


def at(seconds: float) -> Segment:
    return Segment("cam-1", START + timedelta(seconds=seconds))


def test_no_footage_at_all(tmp_path: Path) -> None:
    footage = FootageTail(tmp_path, "cam-1").advance()
    assert (footage.written, footage.end, footage.frames_per_second, footage.segment) == (None, None, None, None)


def test_rates_come_from_the_footage_and_counters_from_what_is_new(tmp_path: Path) -> None:
    path = write(tmp_path, at(0), segment_bytes(20))
    tail = FootageTail(tmp_path, "cam-1")
    first = tail.advance()
    assert first.frames == 0
    assert first.frames_per_second == pytest.approx(15)
    assert first.bytes_per_second == pytest.approx((500 + 29 * 50) / 2)
    assert first.end == START.timestamp() + 20
    assert first.keyframe == START.timestamp() + 18
    with path.open("ab") as growing:
        growing.write(part(frames(15), 20 * TIMESCALE))
    second = tail.advance()
    assert (second.frames, second.size) == (15, 500 + 14 * 50)
    assert second.end == START.timestamp() + 21


def test_a_new_segment_is_followed_and_the_end_of_the_old_is_counted(tmp_path: Path) -> None:
    old = write(tmp_path, at(0), segment_bytes(2))
    tail = FootageTail(tmp_path, "cam-1")
    tail.advance()
    old.write_bytes(segment_bytes(4))
    write(tmp_path, at(4), segment_bytes(1))
    write(tmp_path, at(5), segment_bytes(1))
    footage = tail.advance()
    assert footage.frames == 4 * 15
    assert footage.end == START.timestamp() + 6


def test_a_lower_frame_rate_shows_within_the_window(tmp_path: Path) -> None:
    content = init() + b"".join(part(frames(15, 15), n * TIMESCALE) for n in range(30))
    content += b"".join(part(frames(5, 5), n * TIMESCALE) for n in range(30, 40))
    write(tmp_path, at(0), content)
    assert FootageTail(tmp_path, "cam-1").advance().frames_per_second == pytest.approx(5)


def test_too_little_footage_says_nothing_about_the_rate(tmp_path: Path) -> None:
    write(tmp_path, at(0), segment_bytes(2))
    assert FootageTail(tmp_path, "cam-1").advance().frames_per_second is None


def test_empty_files_of_a_full_disk_are_not_footage(tmp_path: Path) -> None:
    good = write(tmp_path, at(0), segment_bytes(5))
    for n in range(20):
        write(tmp_path, at(10 + 2 * n), b"")
    tail = FootageTail(tmp_path, "cam-1")
    footage = tail.advance()
    assert footage.end == START.timestamp() + 5
    assert footage.written is not None
    assert footage.written <= START.timestamp() + 5
    write(tmp_path, at(55), b"")
    assert tail.advance().written == footage.written
    assert tail.keyframes(0)[-1].path == good
    write(tmp_path, at(57), segment_bytes(1))
    assert tail.advance().end == START.timestamp() + 58


def test_touching_a_segment_is_not_writing_to_it(tmp_path: Path) -> None:
    """MediaMTX rewrites the duration in the head when it closes the segment of a dead stream."""
    path = write(tmp_path, at(0), segment_bytes(5))
    tail = FootageTail(tmp_path, "cam-1")
    before = tail.advance().written
    os.utime(path, (time.time(), time.time()))
    assert tail.advance().written == before


def test_a_camera_with_a_slow_clock_is_still_being_written(tmp_path: Path) -> None:
    """Its timestamps fall behind; growth is what counts."""
    path = write(tmp_path, at(0), segment_bytes(5))
    tail = FootageTail(tmp_path, "cam-1")
    tail.advance()
    with path.open("ab") as growing:
        growing.write(part(frames(15), 5 * TIMESCALE))
    written = tail.advance().written
    assert written is not None
    assert time.time() - written < 5


def test_deleted_footage_is_survived(tmp_path: Path) -> None:
    path = write(tmp_path, at(0), segment_bytes(5))
    tail = FootageTail(tmp_path, "cam-1")
    tail.advance()
    path.unlink()
    assert tail.advance().end == START.timestamp() + 5
    with pytest.raises(OSError):
        read_keyframes(tail.keyframes(0))


def test_a_broken_segment_is_named_and_the_next_is_read(tmp_path: Path) -> None:
    write(tmp_path, at(0), segment_bytes(3) + b"\0\0\0\3garbage-garbage-garbage")
    tail = FootageTail(tmp_path, "cam-1")
    footage = tail.advance()
    assert footage.broken is not None
    assert footage.end == START.timestamp() + 3
    write(tmp_path, at(10), segment_bytes(1))
    assert tail.advance().broken is None


def test_two_keyframes_far_enough_apart(tmp_path: Path) -> None:
    write(tmp_path, at(0), segment_bytes(10))
    tail = FootageTail(tmp_path, "cam-1")
    tail.advance()
    older, newest = tail.keyframes(3)
    assert newest.instant - older.instant == 4
    assert [reference.keyframe.time for reference in tail.keyframes(60)] == [8.0]
    assert read_keyframes([older, newest]).endswith(b"K" * 1000)
