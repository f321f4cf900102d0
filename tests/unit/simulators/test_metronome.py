"""Beats on a loop whose clock the test sets, as a starving host would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from simulators.encoder.metronome import MAX_LAG_SECONDS, SLOTS, Metronome, Orchestra
from simulators.encoder.stream import Stream

FPS = 15


class Clock:
    """The part of an event loop that a metronome uses."""

    def __init__(self) -> None:
        self.now = 100.0
        self.due: tuple[float, Callable[[], None]] | None = None

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle | None:
        self.due = when, callback
        return None

    def advance(self, seconds: float) -> None:
        """Let time pass, waking the metronome on time."""
        end = self.now + seconds
        while self.due is not None and self.due[0] <= end:
            self.now, callback = max(self.now, self.due[0]), self.due[1]
            callback()
        self.now = end

    def starve(self, seconds: float) -> None:
        """Let time pass without waking anybody, then wake the metronome late."""
        self.now += seconds
        assert self.due is not None
        self.due[1]()


class Recorded:
    """A stream that notes when it was played."""

    fps = FPS

    def __init__(self, phase: int = 0) -> None:
        self.viewers = {"somebody"}
        self.played: list[int] = []
        self.lateness: list[float] = []
        self.phase = phase

    def play(self, tick: int, late_seconds: float) -> None:
        self.played.append(tick)
        self.lateness.append(late_seconds)

    def ticks(self, seconds: float) -> int:
        return round(seconds * 90_000)


def metronome(clock: Clock, stream: Recorded, slot: int = 0) -> Metronome:
    made = Metronome(FPS, slot, cast(asyncio.AbstractEventLoop, clock), clock.now)
    made.streams.append(cast(Stream, stream))
    made.start()
    return made


def test_each_instant_is_played_once_and_on_time() -> None:
    clock, stream = Clock(), Recorded()
    metronome(clock, stream)
    clock.advance(10.0)
    assert stream.played == list(range(10 * FPS + 1))
    assert max(stream.lateness) < 1e-6


def test_a_late_host_still_sends_every_frame() -> None:
    clock, stream = Clock(), Recorded()
    metronome(clock, stream)
    clock.advance(1.0)
    lag = 1.75
    assert lag < MAX_LAG_SECONDS
    clock.starve(lag)
    assert stream.played == list(range(len(stream.played)))
    assert stream.played[-1] == int((1.0 + lag) * FPS)
    assert stream.lateness[16] == pytest.approx(lag - 1 / FPS)


def test_a_host_that_slept_skips_to_the_present() -> None:
    clock, stream = Clock(), Recorded()
    metronome(clock, stream)
    clock.advance(1.0)
    before = len(stream.played)
    clock.starve(3_600.0)
    assert stream.played[before:] == [int(3_601.0 * FPS)]


def test_nobody_watching_costs_nothing_and_time_goes_on() -> None:
    clock, stream = Clock(), Recorded()
    stream.viewers.clear()
    metronome(clock, stream)
    clock.advance(1.5)
    stream.viewers.add("somebody")
    clock.advance(0.1)
    assert stream.played[0] == 23


def test_slots_are_spread_within_one_instant() -> None:
    starts = []
    for slot in range(SLOTS):
        clock = Clock()
        metronome(clock, Recorded(), slot)
        assert clock.due is not None
        starts.append(clock.due[0] - clock.now)
    assert starts == sorted(set(starts))
    assert starts[-1] < 1 / FPS


def test_streams_of_one_rate_and_slot_share_a_timer() -> None:
    clock = Clock()
    orchestra = Orchestra(cast(asyncio.AbstractEventLoop, clock))
    first, second, third = (orchestra.join(cast(Stream, Recorded(phase))) for phase in (1, 1 + SLOTS, 2))
    assert first is second
    assert first is not third
