"""What the design promises of planning: 100,000 cameras in 10 s and 1 GB, near linear, the same digest on each run."""

from __future__ import annotations

from pathlib import Path

from tests.bench.plan_growth import REPOSITORY, grow, measure, table

MOST_SECONDS = 10.0
MOST_BYTES = 10**9


def test_a_hundred_thousand_cameras(tmp_path: Path) -> None:
    """Ten times the cameras may take little more than ten times the time."""
    found = grow(tmp_path)
    print(f"\n{table(found)}")
    small, middle, large = found
    assert [round(one.cameras, -3) for one in found] == [1_000, 10_000, 100_000]
    assert large.seconds < MOST_SECONDS
    assert large.peak_bytes < MOST_BYTES
    each_small = (middle.seconds - small.seconds) / (middle.cameras - small.cameras)
    each_large = (large.seconds - middle.seconds) / (large.cameras - middle.cameras)
    assert each_large < 2.5 * each_small + 1e-5


def test_the_same_digest_whatever_the_hash_seed() -> None:
    """Sets and dictionaries of the metropolis in three orders."""
    folder = REPOSITORY / "inventories" / "metropolis"
    digests = {measure(folder, seed).digest for seed in (1, 2, 4711)}
    print(f"\n{digests}")
    assert len(digests) == 1
