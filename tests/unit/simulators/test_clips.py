"""The grid: what a profile finds in it, and that a healthy clip is never taken for a frozen one."""

from __future__ import annotations

import pytest

from simulators.encoder.clips import (
    BY_NAME,
    GRID,
    KEYFRAME_INTERVAL_SECONDS,
    LOOP_GROUPS,
    ClipSpec,
    UnknownClipError,
    Variant,
    clip_for,
)


@pytest.mark.parametrize("spec", GRID, ids=lambda spec: spec.name)
def test_every_cell_is_found_by_what_a_profile_says(spec: ClipSpec) -> None:
    assert clip_for(spec.codec, spec.width, spec.height, spec.fps) is spec
    assert BY_NAME[f"{spec.codec}-{spec.width}x{spec.height}-{spec.fps}"] is spec


def test_a_profile_outside_the_grid_is_refused_with_what_there_is() -> None:
    with pytest.raises(UnknownClipError, match=r"h264-1920x1080-25.*h265-2560x1440-15"):
        clip_for("h264", 1920, 1080, 25)


@pytest.mark.parametrize("interval", [4, 5, 10, 15, 20, 30, 60, 90, 120, 300])
def test_whoever_samples_pictures_at_a_usual_interval_sees_another_keyframe_each_time(interval: int) -> None:
    """A camera exporter compares pictures; a loop that fits its interval would make every camera look frozen."""
    groups = LOOP_GROUPS[Variant.MAIN]
    for start in range(2 * groups * KEYFRAME_INTERVAL_SECONDS):
        seen = start // KEYFRAME_INTERVAL_SECONDS % groups
        then = (start + interval) // KEYFRAME_INTERVAL_SECONDS % groups
        assert seen != then


def test_a_frozen_loop_is_one_group_so_that_its_keyframe_never_changes() -> None:
    assert LOOP_GROUPS[Variant.FREEZE] == 1
