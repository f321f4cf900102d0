"""What the design promises of a scrape: retention metrics of 2,000 cameras and 30 days in 200 ms."""

from __future__ import annotations

from pathlib import Path

from tests.bench.retention_scrape import BUDGET_SECONDS, CAMERAS, DAYS, measure, table


def test_two_thousand_cameras_in_one_scrape(tmp_path: Path) -> None:
    found = measure(tmp_path)
    print(f"\n{table(found)}")
    assert found.rows == CAMERAS * (DAYS + 1)
    assert found.series > CAMERAS * 8
    assert found.scrape < BUDGET_SECONDS
