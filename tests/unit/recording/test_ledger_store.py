"""The store: what it keeps, joins, erases and survives."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.recording.ledger.interval import Interval, Intervals, gaps, seconds, subtract, union
from vigie.recording.ledger.limits import GAP_SECONDS
from vigie.recording.ledger.store import IntervalStore, StoreError

T = 1_790_000_000.0
ALL = (0.0, 4e9)


def opened(tmp_path: Path) -> IntervalStore:
    store, aside = IntervalStore.open(tmp_path / "ledger" / "intervals.db")
    assert aside is None
    return store


def at(*pairs: tuple[float, float]) -> Intervals:
    return tuple(Interval(T + start, T + end) for start, end in pairs)


def test_extend_joins_with_the_last_and_leaves_gaps(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for start, end in ((0, 60), (60.5, 120), (119, 180), (200, 260), (190, 201)):
        store.extend("cam-1", T + start, T + end)
    assert store.intervals("cam-1", *ALL) == at((0, 180), (190, 260))
    assert store.intervals("cam-1", T + 100, T + 195) == at((100, 180), (190, 195))
    assert store.intervals("cam-2", *ALL) == ()
    with pytest.raises(ValueError, match="empty"):
        store.extend("cam-1", T, T)


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 40)), max_size=12))
def test_any_order_of_extends_is_their_union(pairs: list[tuple[int, int]]) -> None:
    store, _ = IntervalStore.open(Path(":memory:"))
    for start, length in pairs:
        store.extend("cam-1", T + start, T + start + length)
    wanted = union((Interval(T + start, T + start + length) for start, length in pairs), GAP_SECONDS)
    assert store.intervals("cam-1", *ALL) == wanted
    store.close()


def test_replace_remembers_what_was_erased(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.extend("cam-1", T, T + 1000)
    store.replace("cam-1", T + 100, T + 300, at((150, 200), (201, 301)))
    assert store.intervals("cam-1", *ALL) == at((0, 100), (150, 1000))
    assert store.intervals("cam-1", *ALL, "erased") == at((100, 150))
    store.forget_before("cam-1", T + 500)
    assert store.intervals("cam-1", *ALL) == at((500, 1000))
    assert store.intervals("cam-1", *ALL, "erased") == at((0, 500))
    store.drop_history(T + 600)
    assert store.intervals("cam-1", *ALL, "erased") == ()


def test_corrections_within_a_gap_are_no_erasure(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.extend("cam-1", T, T + 1000)
    store.replace("cam-1", T, T + 2000, at((0, 999)))
    assert store.intervals("cam-1", *ALL, "erased") == ()


def test_replace_is_all_or_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.extend("cam-1", T, T + 1000)

    def broken() -> object:
        yield Interval(T, T + 10)
        raise RuntimeError("scan ended")

    with pytest.raises(RuntimeError, match="scan ended"):
        store.replace("cam-1", T, T + 2000, broken())  # type: ignore[arg-type]
    assert store.intervals("cam-1", *ALL) == at((0, 1000))


@given(
    st.dictionaries(
        st.sampled_from(["cam-1", "cam-2", "cam-3"]),
        st.lists(st.tuples(st.integers(0, 600), st.integers(1, 90)), min_size=1, max_size=8),
    ),
    st.integers(0, 500),
    st.integers(1, 400),
)
def test_the_summary_is_what_the_intervals_say(
    footage: dict[str, list[tuple[int, int]]], begin: int, length: int
) -> None:
    store, _ = IntervalStore.open(Path(":memory:"))
    for camera, pairs in footage.items():
        for start, span in pairs:
            store.extend(camera, T + start, T + start + span)
    window = Interval(T + begin, T + begin + length)
    summaries = store.summary(window.start, window.end)
    assert [summary.camera for summary in summaries] == sorted(footage)
    for summary in summaries:
        everything = store.intervals(summary.camera, *ALL)
        inside = store.intervals(summary.camera, window.start, window.end)
        missing = gaps(inside, window, GAP_SECONDS)
        assert summary.recorded_seconds == pytest.approx(seconds(inside))
        assert summary.coverage == pytest.approx(seconds(inside) / length)
        assert (summary.oldest, summary.newest) == (everything[0].start, everything[-1].end)
        assert summary.gaps == len(missing)
        assert summary.last_gap == (missing[-1] if missing else None)
    store.close()


@pytest.mark.parametrize("damage", ["not SQLite at all" * 100, ""])
def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "ledger" / "intervals.db"
    store = opened(tmp_path)
    with store.transaction():
        for number in range(2000):
            store.extend(f"cam-{number}", T, T + 10)
    store.close()
    if damage:
        file.write_text(damage)
    else:  # a page in the middle, as a failing disk leaves it
        content = bytearray(file.read_bytes())
        content[8192:12288] = b"\xa5" * 4096
        file.write_bytes(content)
    again, aside = IntervalStore.open(file)
    assert aside is not None
    assert aside.exists()
    assert again.cameras() == ()
    again.extend("cam-1", T, T + 1)
    again.close()
    assert IntervalStore.open(file)[1] is None


def test_a_folder_that_is_not_there_for_us_is_said_and_nothing_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "intervals.db").mkdir()
    with pytest.raises(StoreError, match="fix:"):
        IntervalStore.open(tmp_path / "intervals.db")
    with pytest.raises(StoreError, match="vigie ledger rebuild"):
        IntervalStore.read(tmp_path / "nothing.db")


def test_a_later_version_is_refused_and_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store._connection.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(StoreError, match="later version"):
        IntervalStore.open(tmp_path / "ledger" / "intervals.db")


def test_readers_see_whole_transactions_while_one_writes(tmp_path: Path) -> None:
    writer = opened(tmp_path)
    writer.extend("cam-1", T, T + 1000)
    file = tmp_path / "ledger" / "intervals.db"
    stop = threading.Event()
    torn: list[object] = []
    reads = 0

    def read() -> None:
        nonlocal reads
        reader = IntervalStore.read(file)
        while not stop.is_set():
            found = reader.intervals("cam-1", *ALL)
            reads += 1
            if subtract(at((0, 1000)), found) and seconds(found) != 500:
                torn.append(found)
        reader.close()

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for _ in range(50):
        writer.replace("cam-1", T, T + 1000, at((0, 250), (750, 1000)))
        writer.replace("cam-1", T, T + 1000, at((0, 1000)))
    stop.set()
    for thread in readers:
        thread.join()
    assert reads > 10
    assert not torn
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        IntervalStore.read(file).extend("cam-1", T, T + 5000)
