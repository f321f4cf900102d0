"""How the ledger grows: cold rebuilds beside a plain walk, the feeder's cost for 2,000 cameras, the summary of 30 days.

``python -m tests.bench.ledger_growth FOLDER [rebuild] [feeder] [summary]`` prints tables. FOLDER must be new; it is removed
at the end. A million files need 6 GB and some minutes.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.unit.recording.archive import Camera, Session
from vigie.recording.layout import Segment
from vigie.recording.ledger.feed import Feeder
from vigie.recording.ledger.limits import TICK_SECONDS
from vigie.recording.ledger.reconcile import rebuild
from vigie.recording.ledger.scan import SegmentRule
from vigie.recording.ledger.store import IntervalStore

SIZES: Final = (10_000, 100_000, 1_000_000)
SEGMENTS_A_CAMERA: Final = 4_000  # four weeks of ten minutes
SEGMENT_SECONDS: Final = 600.0
CUT_EVERY: Final = 200  # one segment in so many is cut and followed by a gap: five outages a week for each camera
CAMERAS: Final = 2_000
DAYS: Final = 30
FEEDER_SECONDS: Final = 60
RULE: Final = SegmentRule(SEGMENT_SECONDS, 2)
T: Final = 1_772_323_200.0  # 1 March 2026, 00:00


def main(arguments: list[str]) -> int:
    """Runs the named parts, or all."""
    folder, parts = Path(arguments[0]), arguments[1:] or ["rebuild", "feeder", "summary"]
    folder.mkdir()
    print(f"load average at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    try:
        if "rebuild" in parts:
            rebuilds(folder)
        if "feeder" in parts:
            feeder_cost(folder)
        if "summary" in parts:
            summaries(folder)
    finally:
        shutil.rmtree(folder)
    return 0


def timed(work: Callable[[], object]) -> tuple[float, float, object]:
    """Wall seconds, CPU seconds of this process, and the result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return time.perf_counter() - wall, time.process_time() - cpu, result


# --- rebuild ---------------------------------------------------------------------------------------------------------


def rebuilds(folder: Path) -> None:
    print("\n| segments | opened | names only | with stat | rebuild, wall | rebuild, CPU | a segment | store |")
    print("|---|---|---|---|---|---|---|---|")
    root = folder / "recordings"
    made = 0
    for size in SIZES:
        while made < size:
            count = min(SEGMENTS_A_CAMERA, size - made)
            make_camera(root, f"cam-{made:07d}", count)
            made += count
        names, _, _ = timed(lambda: walk(root, stat=False))
        stats, _, _ = timed(lambda: walk(root, stat=True))
        store, _ = IntervalStore.open(folder / f"{size}.db")
        wall, cpu, _ = timed(lambda store=store: rebuild(root, store, RULE))  # type: ignore[misc]
        report = rebuild(root, store, RULE)
        assert report.segments == size
        assert not report.differences
        store.close()
        bytes_used = (folder / f"{size}.db").stat().st_size
        print(
            f"| {size:,} | {report.opened:,} | {names:.2f} s | {stats:.2f} s | {wall:.1f} s | {cpu:.1f} s "
            f"| {cpu / size * 1e6:.1f} µs | {bytes_used / 1e3:,.0f} kB |",
            flush=True,
        )


def make_camera(root: Path, camera: str, count: int) -> None:
    """`count` segments: sparse files of 10 MB with sound names and times, and one in `CUT_EVERY` real, cut and with a gap."""
    # Parts of 1.3 kB: fifty lie where half a part of a real camera would.
    cut = b"".join(write.content for write in Camera(root, camera, fps=15).record([Session(T, 300, "killed")]).writes)
    start = T
    for number in range(count):
        path = Segment(camera, datetime.fromtimestamp(start, UTC)).path(root)
        if number % 20 == 0 or start % 86_400 < SEGMENT_SECONDS:
            path.parent.mkdir(parents=True, exist_ok=True)
        is_cut = number % CUT_EVERY == CUT_EVERY - 1 or number == count - 1
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        if is_cut:
            os.write(descriptor, cut)
        else:
            os.ftruncate(descriptor, 10_000_000)
        end = start + (300 if is_cut else SEGMENT_SECONDS + 0.5)
        os.utime(descriptor, (end, end))
        os.close(descriptor)
        start += SEGMENT_SECONDS + (120 if is_cut else 0.04)


def walk(folder: Path, stat: bool) -> int:
    """Every file below `folder`: what any reader of the disk must pay."""
    count = 0
    waiting = [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    count += 1
                    if stat:
                        entry.stat(follow_symlinks=False)
    return count


# --- feeder ----------------------------------------------------------------------------------------------------------

# Runs beside: every second each segment grows by a part, and each of 2,000 cameras changes its segment every ten minutes.
_RECORDER: Final = """
import os, sys, time
from datetime import UTC, datetime
from pathlib import Path
root, cameras, nominal = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
def path_of(camera, start):
    at = datetime.fromtimestamp(start, UTC)
    return root / camera / at.strftime("%Y/%m/%d") / (at.strftime("%H-%M-%S-%f") + ".mp4")
head = Path(sys.argv[4]).read_bytes()
starts = [float(line) for line in Path(sys.argv[5]).read_text().split()]
names = [f"cam-{number:05d}" for number in range(cameras)]
files = [str(path_of(name, start)) for name, start in zip(names, starts)]
sizes = [len(head)] * cameras
due = [start + nominal for start in starts]
while True:
    began = time.time()
    for number in range(cameras):
        now = time.time()
        if now >= due[number] + 1:
            path = path_of(names[number], due[number]); path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(head); files[number], sizes[number] = str(path), len(head); due[number] += nominal
            continue
        sizes[number] += 500_000
        os.truncate(files[number], sizes[number])
    time.sleep(max(0.0, 1 - (time.time() - began)))
"""


def feeder_cost(folder: Path) -> None:
    root = folder / "live"
    content = b"".join(write.content for write in Camera(root, "x", fps=5).record([Session(T, 5, "killed")]).writes)
    now = time.time()
    starts = [now - SEGMENT_SECONDS * number / CAMERAS for number in range(CAMERAS)]
    for number, start in enumerate(starts):
        path = Segment(f"cam-{number:05d}", datetime.fromtimestamp(start, UTC)).path(root)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "head").write_bytes(content)
    (folder / "starts").write_text("\n".join(map(repr, starts)))
    argv = [sys.executable, "-c", _RECORDER, str(root), str(CAMERAS), str(SEGMENT_SECONDS)]
    recorder = subprocess.Popen([*argv, str(folder / "head"), str(folder / "starts")])
    try:
        store, _ = IntervalStore.open(folder / "feeder.db")
        feeder = Feeder(root, store, RULE)
        wall, cpu, _ = timed(lambda: feeder.tick(time.time()))
        print(f"\nfeeder, start with {CAMERAS} cameras: {wall:.2f} s, {cpu:.2f} s of CPU, {feeder.opened} files opened")
        keep_ticking(feeder, 3)
        opened, files = feeder.opened, count_files(root)
        wall, cpu, _ = timed(lambda: keep_ticking(feeder, FEEDER_SECONDS))
        changed = count_files(root) - files
        print(
            f"feeder, steady: {cpu / wall:.2%} of a core over {wall:.0f} s; {changed} segments changed, "
            f"{feeder.opened - opened} files opened, {feeder.stalls} stalls, {feeder.errors} errors",
            flush=True,
        )
    finally:
        recorder.kill()
        recorder.wait()
    hook = hook_seconds(folder)
    rate = 2 * CAMERAS / SEGMENT_SECONDS
    print(f"a hook (sh appends a line): {hook * 1e3:.2f} ms of CPU; two for each segment: {hook * rate:.2%} of a core")
    print(f"  with segments of 60 s: {hook * rate * 10:.2%} of a core")


def keep_ticking(feeder: Feeder, seconds: float) -> None:
    """As the service does."""
    due = time.monotonic()
    until = due + seconds
    while due < until:
        feeder.tick(time.time())
        due = max(due + TICK_SECONDS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def count_files(root: Path) -> int:
    return walk(root, stat=False)


def hook_seconds(folder: Path, times: int = 200) -> float:
    """CPU seconds, of user and kernel, that one run of the smallest hook costs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(times):
        argv = ["sh", "-c", f'echo "$0" >> {folder}/spool', "/srv/recordings/cam-1/2026/03/01/12-00-00-000000.mp4"]
        os.waitpid(os.posix_spawn("/bin/sh", argv, os.environ), 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / times


# --- summary ---------------------------------------------------------------------------------------------------------


def summaries(folder: Path) -> None:
    print("\n| gaps a camera and day | rows | a row | summary, best of 7 | CPU | 10 years of history |")
    print("|---|---|---|---|---|---|")
    for a_day in (1, 2, 10):
        file = folder / f"summary-{a_day}.db"
        store, _ = IntervalStore.open(file)
        rows = DAYS * a_day
        step = 86_400 / a_day
        with store.transaction():
            for number in range(CAMERAS):
                for row in range(rows):
                    store.extend(f"cam-{number:05d}", T + row * step, T + (row + 1) * step - 7)
        store.close()
        reader = IntervalStore.read(file)
        runs = [timed(lambda reader=reader: reader.summary(T, T + DAYS * 86_400)) for _ in range(7)]  # type: ignore[misc]
        row_bytes = file.stat().st_size / (CAMERAS * rows)
        years = row_bytes * CAMERAS * a_day * 3653 / 1e6
        print(
            f"| {a_day} | {CAMERAS * rows:,} | {row_bytes:.1f} bytes | {min(run[0] for run in runs) * 1e3:.0f} ms "
            f"| {min(run[1] for run in runs) * 1e3:.0f} ms | {years:,.0f} MB |",
            flush=True,
        )
        reader.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
