"""Which frame is shown when: a function of the clock, the same for all who watch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.encoder.clips import Variant
from simulators.encoder.faults import LOW_FPS_DIVISOR, Fault, Loop, frame_number, silent, variant_of

GROUP = 30
loops = st.integers(1, 12).map(lambda groups: Loop(groups * GROUP, GROUP))
ticks = st.integers(0, 10**9)


@given(ticks, loops, st.sampled_from([fault for fault in Fault if fault is not Fault.LOW_FPS]))
def test_at_full_rate_the_loop_goes_round(tick: int, loop: Loop, fault: Fault) -> None:
    shown, following = frame_number(tick, loop, fault), frame_number(tick + 1, loop, fault)
    assert shown is not None
    assert following == (shown + 1) % loop.frames


@given(ticks, st.lists(loops, min_size=2, max_size=2), st.sampled_from(Fault), st.sampled_from(Fault))
def test_all_variants_have_their_keyframes_at_the_same_instants(
    tick: int, pair: list[Loop], one: Fault, other: Fault
) -> None:
    """Only so is a switch at a keyframe clean."""
    shown = [frame_number(tick, loop, fault) for loop, fault in zip(pair, (one, other), strict=True)]
    keyframes = [number is not None and number % GROUP == 0 for number in shown]
    assert keyframes == [tick % GROUP == 0] * 2


@given(st.integers(0, 10**7), loops)
def test_low_fps_shows_a_fifth_and_only_frames_whose_references_were_shown(group: int, loop: Loop) -> None:
    shown = [frame_number(group * GROUP + k, loop, Fault.LOW_FPS) for k in range(GROUP)]
    numbers = [number for number in shown if number is not None]
    start = numbers[0]
    assert start % GROUP == 0
    assert numbers == list(range(start, start + GROUP // LOW_FPS_DIVISOR))
    assert all((number is None) == (k % LOW_FPS_DIVISOR != 0) for k, number in enumerate(shown))


@pytest.mark.parametrize("fault", Fault)
def test_what_each_fault_shows(fault: Fault) -> None:
    expected = {Fault.FREEZE: Variant.FREEZE, Fault.BLACK: Variant.BLACK}.get(fault, Variant.MAIN)
    assert variant_of(fault) is expected
    assert silent(fault) == (fault.value in {"stall", "drop", "auth"})
