"""Faults of a camera: each failure has its own reason, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.health import FaultTracker, Observation, Picture, ProbeResult, judge
from vigie.metrics import Reason, thresholds

LIVELY = Picture(luminance=0.4, unchanged=0.0, count=1)
WELL = Observation(
    write_age=0.8,
    stream_ready=True,
    receiving=True,
    probe=None,
    frames_per_second=15.0,
    frames_per_second_expected=15.0,
    picture=LIVELY,
)
OLD = replace(WELL, write_age=11.0)
SILENT = replace(OLD, stream_ready=False, receiving=False)

CASES = {
    "well": (WELL, None),
    "full disk although MediaMTX says ready": (OLD, Reason.NOT_RECORDED),
    "never recorded, frames arriving": (replace(OLD, write_age=None), Reason.NOT_RECORDED),
    "ready but no bytes": (replace(OLD, receiving=False), Reason.STALLED),
    "not ready, camera describes": (replace(SILENT, probe=ProbeResult.ACCEPTED), Reason.STALLED),
    "not ready, camera knows no such stream": (replace(SILENT, probe=ProbeResult.NO_STREAM), Reason.STALLED),
    "wrong password": (replace(SILENT, probe=ProbeResult.REFUSED), Reason.AUTH_FAILED),
    "wrong password, footage still fresh": (
        replace(WELL, stream_ready=False, probe=ProbeResult.REFUSED),
        Reason.AUTH_FAILED,
    ),
    "no answer": (replace(SILENT, probe=ProbeResult.NO_ANSWER), Reason.UNREACHABLE),
    "just lost, footage still fresh": (
        replace(WELL, stream_ready=False, probe=ProbeResult.NO_ANSWER),
        Reason.UNREACHABLE,
    ),
    "recorder down, camera well": (
        replace(OLD, stream_ready=None, receiving=None, probe=ProbeResult.ACCEPTED),
        Reason.NOT_RECORDED,
    ),
    "recorder and camera down": (
        replace(OLD, stream_ready=None, receiving=None, probe=ProbeResult.NO_ANSWER),
        Reason.UNREACHABLE,
    ),
    "recorder's word lost, footage fresh": (replace(WELL, stream_ready=None, receiving=None), None),
    "a third of the frames": (replace(WELL, frames_per_second=5.0), Reason.LOW_FPS),
    "black": (replace(WELL, picture=replace(LIVELY, luminance=0.01)), Reason.BLACK),
    "black and still": (replace(WELL, picture=Picture(0.01, 60.0, 9)), Reason.BLACK),
    "frozen": (replace(WELL, picture=Picture(0.4, 15.0, 3)), Reason.FROZEN),
    "two equal pictures only": (replace(WELL, picture=Picture(0.4, 15.0, 2)), None),
    "still for one GOP": (replace(WELL, picture=Picture(0.4, 4.0, 3)), None),
    "unknown frame rate and picture": (replace(WELL, frames_per_second=None, picture=None), None),
}


@pytest.mark.parametrize(("seen", "reason"), CASES.values(), ids=CASES.keys())
def test_each_case_has_its_reason_and_no_other(seen: Observation, reason: Reason | None) -> None:
    assert judge(seen) == (frozenset() if reason is None else frozenset({reason}))


@pytest.mark.parametrize(("seen", "reason"), CASES.values(), ids=CASES.keys())
def test_a_fault_is_raised_within_two_samples_and_cleared_by_the_first_good_one(
    seen: Observation, reason: Reason | None
) -> None:
    tracker = FaultTracker()
    tracker.update(WELL)
    tracker.update(seen)
    assert tracker.update(seen).primary == reason
    assert tracker.update(WELL).faults == frozenset()


def test_one_lost_probe_is_not_a_fault() -> None:
    tracker = FaultTracker()
    lost = replace(WELL, stream_ready=False, probe=ProbeResult.NO_ANSWER)
    assert not tracker.update(lost).faults
    assert not tracker.update(WELL).faults
    assert not tracker.update(lost).faults


def test_a_reconnecting_camera_keeps_its_reason_until_footage_arrives() -> None:
    """Ready again and bytes growing, but the first keyframe has yet to come: not a full disk."""
    tracker = FaultTracker()
    refused = replace(SILENT, probe=ProbeResult.REFUSED)
    for _ in range(3):
        tracker.update(refused)
    assert tracker.update(OLD).faults == {Reason.AUTH_FAILED}
    assert not tracker.update(WELL).faults


def test_a_stalled_stream_that_flaps_stays_stalled() -> None:
    tracker = FaultTracker()
    flapping = [
        replace(OLD, receiving=False),
        replace(SILENT, probe=ProbeResult.ACCEPTED),
        replace(OLD, receiving=None),
    ]
    tracker.update(flapping[0])
    assert all(tracker.update(flapping[n % 3]).faults == {Reason.STALLED} for n in range(1, 10))


def test_unknown_is_not_well() -> None:
    tracker = FaultTracker()
    for _ in range(2):
        tracker.update(OLD)
    unknown = replace(OLD, stream_ready=None, receiving=None)
    assert tracker.update(unknown).faults == {Reason.NOT_RECORDED}


def test_limits_to_clear_are_wider_than_limits_to_raise() -> None:
    tracker = FaultTracker()
    between_rates = (thresholds.LOW_FRAME_RATE.value + thresholds.LOW_FRAME_RATE_CLEAR.value) / 2 * 15
    between_lights = (thresholds.BLACK_LUMINANCE.value + thresholds.BLACK_LUMINANCE_CLEAR.value) / 2
    between = replace(WELL, frames_per_second=between_rates, picture=replace(LIVELY, luminance=between_lights))
    for _ in range(3):
        assert not tracker.update(between).faults
    bad = replace(WELL, frames_per_second=3.0, picture=replace(LIVELY, luminance=0.0))
    for _ in range(2):
        tracker.update(bad)
    assert tracker.update(between).faults == {Reason.LOW_FPS, Reason.BLACK}
    assert not tracker.update(WELL).faults


def test_the_primary_reason_explains_the_others() -> None:
    seen = replace(WELL, frames_per_second=3.0, picture=Picture(0.4, 15.0, 3))
    tracker = FaultTracker()
    tracker.update(seen)
    verdict = tracker.update(seen)
    assert verdict.faults == {Reason.FROZEN, Reason.LOW_FPS}
    assert verdict.primary is Reason.FROZEN


_MAYBE = st.sampled_from([None, True, False])


@given(
    st.lists(
        st.builds(
            Observation,
            write_age=st.one_of(st.none(), st.floats(0, 1e6)),
            stream_ready=_MAYBE,
            receiving=_MAYBE,
            probe=st.one_of(st.none(), st.sampled_from(ProbeResult)),
            frames_per_second=st.one_of(st.none(), st.floats(0, 100)),
            frames_per_second_expected=st.just(15.0),
            picture=st.one_of(st.none(), st.builds(Picture, st.floats(0, 1), st.floats(0, 1e4), st.integers(1, 99))),
        ),
        max_size=10,
    )
)
def test_connection_faults_and_picture_faults_never_stand_together(history: list[Observation]) -> None:
    tracker = FaultTracker()
    connection = {Reason.UNREACHABLE, Reason.AUTH_FAILED, Reason.STALLED, Reason.NOT_RECORDED}
    for seen in history:
        faults = tracker.update(seen).faults
        assert len(faults & connection) <= 1
        assert not (seen.recorded and Reason.NOT_RECORDED in faults)
