"""Random but reproducible days of a camera: sessions with stalls, outages and crashes, across awkward midnights."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from hypothesis import Phase, settings
from hypothesis import strategies as st

from tests.unit.recording.archive import GIVEN_UP_AFTER, Ending, Session, Stall

MIDNIGHTS: Final = tuple(
    datetime(*day, tzinfo=UTC).timestamp()
    for day in ((2024, 2, 29), (2024, 3, 1), (2025, 1, 1), (2026, 3, 1), (2026, 10, 26))
)
ENDINGS: Final[tuple[Ending, ...]] = ("closed", "killed", "torn", "given_up")

# A failing day is a day to look at as it is: making it smaller runs it hundreds of times.
DAYS: Final = settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


@st.composite
def sessions(
    draw: st.DrawFn, *, stalls: bool, most: int = 4, longest: int = 200, shortest_outage: float = 0.7
) -> tuple[Session, ...]:
    """Up to `most` sessions of up to `longest` seconds, the first around a midnight of a leap day, year or month."""
    start = draw(st.sampled_from(MIDNIGHTS)) - draw(st.integers(0, longest)) + draw(st.integers(0, 999_999)) / 1e6
    made: list[Session] = []
    for _ in range(draw(st.integers(1, most))):
        length = draw(st.integers(5, longest))
        ending = draw(st.sampled_from(ENDINGS))
        made.append(Session(start, length, ending, draw(_stalls(length)) if stalls else ()))
        start += length + draw(st.floats(shortest_outage, 130.0)) + (GIVEN_UP_AFTER + 5 if ending == "given_up" else 0)
    return tuple(made)


@st.composite
def _stalls(draw: st.DrawFn, length: int) -> tuple[Stall, ...]:
    found: list[Stall] = []
    at = float(draw(st.integers(6, 40)))
    while at < length - 20 and len(found) < 2:
        seconds = draw(st.floats(2.6, 8.0))
        found.append(Stall(at, seconds, draw(st.sampled_from(("frames", "clock")))))
        at += seconds + draw(st.integers(8, 60))
    return tuple(found)
