"""How planning grows with the city: loading and planning a metropolis of 1,000, 10,000 and 100,000 cameras.

``python -m tests.bench.plan_growth`` prints a table. Each size runs in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench import metropolis

REPOSITORY: Final = Path(__file__).parents[2]
SITES: Final = (5, 50, 500)  # of 200 cameras on average
MEASURED = """
import json, resource, sys, time
began = time.perf_counter()
from pathlib import Path
from vigie.city import load_city
from vigie.plan import plan
made = plan(load_city(Path(sys.argv[1])))
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([len(made.cameras), seconds, peak, made.digest]))
"""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One city: time from the start of the imports to the sealed plan, and the peak of resident memory."""

    cameras: int
    seconds: float
    peak_bytes: int
    digest: str


def measure(folder: Path, **environment: str) -> Measurement:
    """Load and plan the city in ``folder`` in a fresh process, in that ``environment``. Raises ``CalledProcessError``."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(folder)],
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return Measurement(*json.loads(done.stdout))


def grow(folder: Path) -> list[Measurement]:
    """Measurements of every size, smallest first; writes the cities into ``folder``."""
    return [measure(metropolis.write(folder / str(sites), sites)) for sites in SITES]


def table(found: list[Measurement]) -> str:
    """Cameras, seconds, memory, microseconds a camera beyond the smallest city, and the time ratio to the size before."""
    lines = [f"{'cameras':>8} {'seconds':>8} {'peak MB':>8} {'us/camera':>10} {'ratio':>6}"]
    for number, one in enumerate(found):
        before = found[number - 1] if number else None
        more = (one.seconds - found[0].seconds) / (one.cameras - found[0].cameras) * 1e6 if number else 0.0
        ratio = one.seconds / before.seconds if before else 1.0
        lines.append(f"{one.cameras:>8} {one.seconds:>8.2f} {one.peak_bytes / 1e6:>8.0f} {more:>10.1f} {ratio:>6.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(table(grow(Path(scratch))))
