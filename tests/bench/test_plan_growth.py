"""What the design promises of planning: 100,000 cameras in 10 s and 1 GB, near linear, the same digest on each run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.bench import metropolis
from tests.bench.plan_growth import REPOSITORY, grow, measure, table
from vigie.city import load_city
from vigie.plan import PlanRefused, plan

MOST_SECONDS = 10.0
MOST_BYTES = 10**9
MOST_REFUSAL_SECONDS = 5.0


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


MACHINES = (
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "2", "TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "4711", "TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0"},
)


def test_the_same_digest_on_each_machine(tmp_path: Path) -> None:
    """Sets in three orders, days and letters of three places, files listed and rows sorted backwards."""
    folder = REPOSITORY / "inventories" / "metropolis"
    digests = {measure(folder, **machine).digest for machine in MACHINES}
    for name in ("encoders.csv", "cameras.csv", "city.yaml"):
        text = (folder / name).read_text("utf-8")
        if name.endswith(".csv"):
            head, *rows = text.splitlines()
            text = "\n".join([head, *reversed(rows)]) + "\n"
        (tmp_path / name).write_text(text, "utf-8")
    digests.add(measure(tmp_path).digest)
    print(f"\n{digests}")
    assert len(digests) == 1


def test_a_refused_metropolis_answers_soon(tmp_path: Path) -> None:
    """Each way out is tried on 100,000 cameras, dozens of times; people wait for the answer."""
    folder = metropolis.write(tmp_path)
    path = folder / "city.yaml"
    path.write_text(
        path.read_text("utf-8").replace("class: recorder, count: auto", "class: recorder, count: 100"), "utf-8"
    )
    city = load_city(folder)
    began = time.process_time()
    with pytest.raises(PlanRefused) as refused:
        plan(city)
    took = time.process_time() - began
    print(f"\nrefused in {took:.1f} s of processor with {len(refused.value.shortfalls[0].ways)} ways")
    assert took < MOST_REFUSAL_SECONDS
    assert len(refused.value.shortfalls[0].ways) >= 3
