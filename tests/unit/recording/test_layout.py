"""Segment paths: what is written is what is read, and the newest is found without a scan."""

from __future__ import annotations

import itertools
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.recording.segments import write
from vigie.recording import layout
from vigie.recording.layout import Segment

ROOT = Path("/srv/recordings")
START = datetime(2026, 3, 3, 23, 59, 50, tzinfo=UTC)


@given(
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - zone is given
)
def test_a_path_says_which_segment_it_is(camera: str, start: datetime) -> None:
    segment = Segment(camera, start)
    assert layout.parse_path(segment.path(ROOT), ROOT) == segment


@given(st.lists(st.datetimes(datetime(1999, 1, 1), timezones=st.just(UTC)), min_size=2, max_size=5))  # noqa: DTZ001
def test_paths_sort_as_their_times(starts: list[datetime]) -> None:
    paths = [Segment("cam", start).path(ROOT) for start in starts]
    assert sorted(paths) == [Segment("cam", start).path(ROOT) for start in sorted(starts)]


@pytest.mark.parametrize(
    "path",
    [
        "cam/2026/03/03/12-00-00.mp4",
        "cam/2026/13/03/12-00-00-000000.mp4",
        "cam/2026/02/30/12-00-00-000000.mp4",
        "cam/2026/03/03/24-00-00-000000.mp4",
        "cam/12-00-00-000000.mp4",
        "Cam/2026/03/03/12-00-00-000000.mp4",
        "cam/2026/03/03/12-00-00-000000.mp4.part",
    ],
)
def test_what_is_no_segment_is_refused(path: str) -> None:
    with pytest.raises(ValueError):
        layout.parse_path(ROOT / path, ROOT)


def test_newest_oldest_and_later_segments_over_midnight(tmp_path: Path) -> None:
    starts = [START + timedelta(seconds=60 * n) for n in range(4)]
    paths = [write(tmp_path, Segment("cam-1", start), b"x") for start in starts]
    (tmp_path / "cam-1" / "2026" / "03" / "03" / "notes.txt").write_text("not a segment")
    (tmp_path / "cam-1" / "lost+found").mkdir()
    assert list(layout.newest_segments(tmp_path, "cam-1")) == paths[::-1]
    assert list(layout.oldest_segments(tmp_path, "cam-1")) == paths
    assert layout.segments_after(paths[0], tmp_path, "cam-1") == paths[1:]
    assert layout.segments_after(paths[-1], tmp_path, "cam-1") == []
    assert list(layout.newest_segments(tmp_path, "cam-2")) == []


def test_days_emptied_by_retention_are_passed_over(tmp_path: Path) -> None:
    first = write(tmp_path, Segment("cam-1", START), b"x")
    second = write(tmp_path, Segment("cam-1", START + timedelta(days=2)), b"x")
    second.unlink()
    assert next(layout.newest_segments(tmp_path, "cam-1")) == first


def test_the_newest_costs_look_ups_not_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera with a year of days: four directories are listed."""
    for day in range(365):
        write(tmp_path, Segment("cam-1", START - timedelta(days=day)), b"x")
    listed: list[str] = []
    listdir = os.listdir

    def counting(path: str) -> list[str]:
        listed.append(str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", counting)
    assert len(list(itertools.islice(layout.newest_segments(tmp_path, "cam-1"), 1))) == 1
    assert len(listed) == 4


@pytest.mark.parametrize("camera", ["", "..", "a/b", "-x", "CAM", "a" * 64])
def test_unsafe_camera_ids_are_refused(camera: str) -> None:
    with pytest.raises(ValueError):
        layout.check_camera_id(camera)
