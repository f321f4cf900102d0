"""Who believes the clock, and when."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest

from vigie.recording.keeper.clock import (
    Anchor,
    Chrony,
    Continuity,
    HostClock,
    NewestInstant,
    Reading,
    disagreement,
    host_continuity,
    objection,
)

NOW = 1_796_000_000.0
DAY = 86_400.0
TRACKING = "C0A80001,10.77.0.2,3,{reference},{offset},0.000001,0.00002,-12.1,0.001,0.02,0.001,0.002,64.2,{leap}\n"
SOURCES = "^,*,10.77.0.2,2,6,377,12,0.00001,0.00001,0.0002\n^,+,10.77.0.3,2,6,377,12,0.00001,0.00001,0.0002\n^,?,10.77.0.4,0,6,0,9,0,0,0\n"


def chrony(sources: str = SOURCES, leap: str = "Normal", offset: float = 0.0002, reference: float = NOW - 30) -> Chrony:
    def run(command: Sequence[str]) -> str:
        return TRACKING.format(reference=reference, offset=offset, leap=leap) if command[-1] == "tracking" else sources

    return Chrony(run)


@pytest.mark.parametrize(
    ("source", "word", "weight"),
    [
        (chrony(), "confirms", 2),
        (chrony(sources=SOURCES.replace("+", "-")), "confirms", 1),
        (chrony(sources=SOURCES.replace("*", "?").replace("+", "x")), "silent", 1),
        (chrony(leap="Not synchronised"), "silent", 1),
        (chrony(offset=-3.5), "contradicts", 1),
        (chrony(reference=NOW - 5 * DAY), "contradicts", 1),
        (Chrony(lambda _: "506 Cannot talk to daemon"), "silent", 1),
    ],
)
def test_what_chrony_says(source: Chrony, word: str, weight: int) -> None:
    reading = source.read(NOW)
    assert (reading.word, reading.weight) == (word, weight)


def test_a_host_without_chrony_is_silent() -> None:
    def run(_: Sequence[str]) -> str:
        raise subprocess.CalledProcessError(1, "chronyc")

    assert Chrony(run).read(NOW).word == "silent"


@pytest.mark.parametrize(
    ("anchor", "boot", "now", "word"),
    [
        (None, "b", NOW, "silent"),
        (Anchor(NOW - 100, 0, "b"), "b", NOW, "confirms"),
        (Anchor(NOW - 100, 0, "b"), "b", NOW + 61, "contradicts"),
        (Anchor(NOW - 100, 0, "b"), "b", NOW - 61, "contradicts"),
        (Anchor(NOW - 3600, 5, "a"), "b", NOW, "confirms"),
        (Anchor(NOW - 3 * DAY, 5, "a"), "b", NOW, "silent"),
        (Anchor(NOW + 3 * DAY, 5, "a"), "b", NOW, "contradicts"),
    ],
)
def test_continuity(anchor: Anchor | None, boot: str, now: float, word: str) -> None:
    assert Continuity(anchor, lambda: 100.0, boot).read(now).word == word


def test_a_clock_pushed_a_little_each_minute_is_found() -> None:
    """The reference moves on once an hour, so that small steps add up before its eyes."""
    shown, true = [NOW], [0.0]
    clock = HostClock(Continuity(None, lambda: true[0], "b"), [], lambda: shown[0])
    assert clock.trusted() is None
    for minute in range(60):
        shown[0] += 60 + 20
        true[0] += 60
        if clock.trusted():
            assert minute == 3
            break
    else:
        raise AssertionError("never found")
    assert clock.earliest() < shown[0]


def test_footage_in_the_future() -> None:
    """Alone it contradicts; beside a clock that went on evenly it is what an earlier jump left behind."""
    footage = NewestInstant("footage", lambda: NOW + DAY)
    assert "future" in str(HostClock(Continuity(None, lambda: 0.0, "b"), [footage], lambda: NOW).trusted())
    even = Continuity(Anchor(NOW - 100, 0, "b"), lambda: 100.0, "b")
    assert HostClock(even, [footage], lambda: NOW).trusted() is None


def test_agreement_needs_two_that_are_independent() -> None:
    yes, no, silent = (
        Reading("a", "confirms", ""),
        Reading("b", "contradicts", "why"),
        Reading("c", "silent", "not seen"),
    )
    assert disagreement([yes, yes]) is None
    assert "c: not seen" in str(disagreement([yes, silent]))
    assert disagreement([yes, yes, no]) == objection([no]) == "b: why"


def test_a_source_that_fails_is_silent() -> None:
    def broken() -> float | None:
        raise OSError(5, "I/O error")

    assert NewestInstant("footage", broken).read(NOW).word == "silent"
    assert NewestInstant("footage", lambda: None).read(NOW).word == "silent"


def test_this_host_has_a_boot_and_goes_on_evenly() -> None:
    continuity = host_continuity(None)
    continuity.advance(NOW)
    assert continuity.read(NOW + 1).word == "confirms"
