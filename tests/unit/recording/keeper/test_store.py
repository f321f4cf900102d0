"""Stores: what is an item, when it ends, and that nothing is touched outside."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.recording.journal import Journal
from vigie.recording.keeper.locks import (
    Lock,
    LockBook,
    LockConflictError,
    LockedTime,
    LockError,
    LockRefusedError,
    LockRequest,
    TwoPersons,
)
from vigie.recording.keeper.store import DAY, FileStore, SegmentStore
from vigie.recording.keeper.tree import Tree

MIDNIGHT = datetime(2028, 2, 29, tzinfo=UTC).timestamp()


def put(root: Path, name: str, camera: str = "cam-1", day: str = "2028/02/29", modified: float | None = None) -> Path:
    path = root / camera / day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (modified or MIDNIGHT, modified or MIDNIGHT))
    return path


def test_a_segment_ends_after_its_length_or_where_the_next_begins(tmp_path: Path) -> None:
    put(tmp_path, "00-00-00-000000.mp4")
    put(tmp_path, "00-04-00-500000.mp4")
    put(tmp_path, "01-00-00-000000.mp4")
    put(tmp_path, "23-59-00-000000.mp4")
    found = list(SegmentStore(tmp_path, 600).oldest("cam-1"))
    ends = [item.end - MIDNIGHT for item in found]
    assert ends == [240.5, 840.5, 4200, DAY - 60 + 600]
    assert found[0].key == ("cam-1", "2028", "02", "29", "00-00-00-000000.mp4")


def test_a_segment_of_a_time_of_longer_ones_ends_when_it_was_last_written(tmp_path: Path) -> None:
    put(tmp_path, "00-00-00-000000.mp4", modified=MIDNIGHT + 3600)
    put(tmp_path, "01-00-00-000000.mp4", modified=MIDNIGHT + 40 * DAY)
    assert [item.end - MIDNIGHT for item in SegmentStore(tmp_path, 600).oldest("cam-1")] == [3600, 4200]


def test_days_that_no_calendar_has_and_names_that_are_no_time_are_no_items(tmp_path: Path) -> None:
    put(tmp_path, "00-00-00-000000.mp4", day="2027/02/29")
    for name in ("25-00-00-000000.mp4", "00-00-00-000000.mp4.bak", "note.txt", ".hidden"):
        put(tmp_path, name)
    (tmp_path / "cam-1/2028/02/29/00-00-01-000000.mp4").mkdir()
    store = SegmentStore(tmp_path, 600)
    assert list(store.oldest("cam-1")) == []
    assert len(store.strangers()) == 6
    assert store.owners() == ["cam-1"]


def test_owners_are_folders_and_never_links(tmp_path: Path) -> None:
    for name in ("cam-1", ".quarantine", "lost+found", "Upper"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("cam-1")
    assert SegmentStore(tmp_path, 600).owners() == ["cam-1"]
    assert FileStore("faces", tmp_path).owners() == ["Upper", "cam-1"]


def test_dated_files_of_any_kind(tmp_path: Path) -> None:
    put(tmp_path, "10-00-00-face.jpg")
    put(tmp_path, "12-00-00-000000.mp4")
    put(tmp_path, "report.pdf")
    put(tmp_path, ".partial")
    found = list(FileStore("faces", tmp_path).oldest("cam-1"))
    assert [item.start - MIDNIGHT for item in found] == [10 * 3600, 12 * 3600, DAY]
    assert [item.end - item.start for item in found] == [0, 0, 0]
    assert sum(item.span for item in found) == 14 * 3600 + DAY / 4
    store = FileStore("faces", tmp_path)
    locked = LockedTime([Lock("x", "cam-1", MIDNIGHT + 3600, MIDNIGHT + 7200, "x", None, "x", 0)])
    assert [store.protected(item, locked) for item in found] == [False, False, True]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_a_path_cannot_lead_outside(tmp_path: Path, name: str) -> None:
    tree = Tree(tmp_path)
    (tmp_path / "cam-1").mkdir()
    for path in ((name,), (name, "x"), ("cam-1", name)):
        with pytest.raises(OSError, match="not a name"):
            tree.unlink(path)


def test_a_file_is_never_opened_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"x")
    root = tmp_path / "root"
    root.mkdir()
    (root / "cam-1").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    tree = Tree(root)
    for path in (("cam-1", "secret"), ("file",)):
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"), tree.opened(path):
            pass
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        tree.unlink(("cam-1", "secret"))
    tree.unlink(("file",))
    assert (outside / "secret").exists()


spans = st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 30)), max_size=8)


@given(spans=spans, start=st.floats(0, 130), length=st.floats(0.01, 40))
def test_locked_time_answers_as_a_plain_search_does(
    spans: list[tuple[float, float]], start: float, length: float
) -> None:
    locks = [Lock(str(n), "a", begin, begin + size, "x", None, "x", 0) for n, (begin, size) in enumerate(spans)]
    end = start + length
    plain = any(lock.start < end - 1e-6 and start < lock.end for lock in locks)
    locked = LockedTime(locks)
    assert locked.overlaps("a", start, end) or not plain
    assert not locked.overlaps("a", start, end) or any(lock.start <= end and start < lock.end for lock in locks)
    assert not locked.overlaps("b", start, end)
    if locked.spans("a", start, end):
        assert all(any(k.start <= at < k.end for k in locks) for at in (start, (start + end) / 2, end))


def book(tmp_path: Path) -> LockBook:
    return LockBook(Journal(tmp_path), TwoPersons())


def test_four_eyes_and_repeated_requests(tmp_path: Path) -> None:
    locks = book(tmp_path)
    wanted = LockRequest("cam-1", 10, 20, "case", "Fatima", 100, "one")
    assert locks.add(wanted, 5) == locks.add(wanted, 6)
    with pytest.raises(LockConflictError):
        locks.add(LockRequest("cam-1", 10, 21, "case", "Fatima", 100, "one"), 5)
    for approvals in ((), ("fatima ",), ("",)):
        with pytest.raises(LockRefusedError, match="second person"):
            locks.release("one", "Fatima", "closed", 50, approvals)
    assert [lock.id for lock in book(tmp_path).active()] == ["one"]
    assert locks.release("one", "Fatima", "closed", 50, ("Youssef",)).released is not None
    assert locks.release("one", "Fatima", "again", 60, ("Youssef",)).released.at == 50  # type: ignore[union-attr]
    assert book(tmp_path).active() == []
    with pytest.raises(KeyError):
        locks.release("two", "Fatima", "closed", 50, ("Youssef",))
    with pytest.raises(LockError, match="id"):
        locks.add(LockRequest("cam-1", 10, 20, "case", "Fatima", 100, "../x"), 5)


def test_a_lock_set_by_another_process_is_seen_at_once(tmp_path: Path) -> None:
    mine, other = book(tmp_path), book(tmp_path)
    with mine.guard() as locked:
        assert not locked.overlaps("cam-1", 10, 20)
    other.add(LockRequest("cam-1", 10, 20, "case", "Fatima", 100), 5)
    with mine.guard() as locked:
        assert locked.overlaps("cam-1", 12, 13)
    assert other.expire(99) == []
    assert [lock.released.reason for lock in other.expire(100) if lock.released] == ["expired"]
    with mine.guard() as locked:
        assert not locked.overlaps("cam-1", 12, 13)
