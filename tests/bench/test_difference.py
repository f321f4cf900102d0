"""The metropolis compared and reported: answers in seconds, in time of the processor so that a busy machine tells no lie."""

from __future__ import annotations

import time
from datetime import date

from tests.unit.cities import committed
from vigie.plan import plan
from vigie.plan.difference import difference
from vigie.report import render_page

DIFFERENCE_SECONDS = 10.0
REPORT_SECONDS = 10.0
MOST_BYTES = 2_000_000

CITY, BEFORE = committed("metropolis")


def test_a_change_of_every_recorder_is_told_in_seconds() -> None:
    """The worst that a line of city.yaml can do: another segment length and a lower ceiling, for 100,000 cameras."""
    recording = CITY.file.recording.model_copy(update={"segment": CITY.file.recording.segment // 2})
    retention = CITY.file.retention.model_copy(update={"ceiling": CITY.file.retention.ceiling - 43_200})
    file = CITY.file.model_copy(update={"recording": recording, "retention": retention})
    after = plan(CITY.model_copy(update={"file": file}), BEFORE)
    start = time.process_time()
    found = difference(BEFORE, after)
    seconds = time.process_time() - start
    print(f"difference of {len(BEFORE.cameras)} cameras: {seconds:.2f} s")
    assert found.interrupted == len(BEFORE.cameras)
    assert found.loses_footage
    assert seconds < DIFFERENCE_SECONDS


def test_the_page_of_a_metropolis_stays_small() -> None:
    start = time.process_time()
    page = render_page(BEFORE, date(2027, 1, 31))
    seconds = time.process_time() - start
    print(f"page of {len(BEFORE.cameras)} cameras: {len(page) / 1000:.0f} kB in {seconds:.2f} s")
    assert len(page) < MOST_BYTES
    assert seconds < REPORT_SECONDS
    for site in BEFORE.capacity.sites:
        assert f"{site.site}: {site.cameras} cameras" in page
