"""The journal: what was acknowledged is there for ever, and every alteration is named."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie.recording.journal import Cursor, Entry, Journal, JournalError, Position

AT = 1_796_000_000.0


def filled(folder: Path, count: int = 5, part_bytes: int = 1 << 20) -> Journal:
    journal = Journal(folder, part_bytes=part_bytes)
    for number in range(count):
        journal.append("hold", {"camera": f"cam-{number}", "reason": 'é\n"x"'}, AT + number)
    return journal


def test_entries_come_back_as_they_were_given(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    again = Journal(tmp_path)
    found = list(again.entries())
    assert [entry.sequence for entry in found] == [1, 2, 3, 4, 5]
    assert found[2].body == {"camera": "cam-2", "reason": 'é\n"x"'}
    assert found[2].at == AT + 2
    assert found[0].previous == Position().digest
    assert again.head() == journal.head() == found[-1].position
    assert again.verify().intact
    assert again.verify().entries == 5
    assert [entry.sequence for entry in again.entries(since=3)] == [4, 5]


def test_kinds_are_told_apart(tmp_path: Path) -> None:
    journal = filled(tmp_path, 2)
    journal.append("lock", {"note": '"kind":"hold"'}, AT)
    assert [entry.sequence for entry in journal.entries({"hold"})] == [1, 2]
    assert [entry.sequence for entry in journal.entries({"lock", "release"})] == [3]
    with pytest.raises(ValueError, match="no kind"):
        journal.append("rumour", {}, AT)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append("hold", {"seconds": float("nan")}, AT)
    assert journal.verify().entries == 3


@pytest.mark.parametrize("torn", [b'{"at":1', b"\0" * 700, b'{"at"' + b"\0" * 20 + b"}\n"])
def test_a_torn_end_is_set_aside_and_noted(tmp_path: Path, torn: bytes) -> None:
    """What a crash left was never acknowledged: it hides nothing, and is kept."""
    filled(tmp_path)
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(torn)
    reader = Journal(tmp_path)
    assert [entry.sequence for entry in reader.entries()] == [1, 2, 3, 4, 5]
    assert reader.verify().intact
    entry = Journal(tmp_path).append("lock", {}, AT)
    assert entry.sequence == 7
    (noted,) = reader.entries({"recovery"})
    assert noted.body["torn_bytes"] == len(torn)
    assert (tmp_path / noted.body["kept_as"]).read_bytes() == torn
    assert reader.verify().intact


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, 2000), at_end=st.booleans())
def test_a_crash_at_any_byte_loses_no_whole_entry(
    tmp_path_factory: pytest.TempPathFactory, cut: int, at_end: bool
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    filled(folder)
    whole = (folder / "journal.jsonl").read_bytes()
    kept = whole[: cut % (len(whole) + 1)] if at_end else whole + whole[: cut % 200]
    (folder / "journal.jsonl").write_bytes(kept)
    expected = kept.count(b"\n")
    if not at_end and cut % 200:
        expected = 5
    journal = Journal(folder)
    assert len(list(journal.entries())) >= min(expected, 5)
    journal.append("lock", {}, AT)
    assert journal.verify().intact
    assert [entry.kind for entry in journal.entries()][: min(expected, 5)] == ["hold"] * min(expected, 5)


@settings(max_examples=40, deadline=None)
@given(where=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_every_altered_bit_is_found(tmp_path_factory: pytest.TempPathFactory, where: int, bit: int) -> None:
    folder = tmp_path_factory.mktemp("journal")
    filled(folder)
    path = folder / "journal.jsonl"
    content = bytearray(path.read_bytes())
    position = where % (len(content) - 1)  # the last line's end is what a crash tears
    content[position] ^= 1 << bit
    path.write_bytes(content)
    result = Journal(folder).verify()
    first = content[:position].count(b"\n") + 1
    assert result.broken_sequence == first or (result.intact and result.entries < 5)


def test_a_removed_or_exchanged_entry_is_named(tmp_path: Path) -> None:
    filled(tmp_path)
    path = tmp_path / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], *lines[3:]]))
    assert Journal(tmp_path).verify().broken_sequence == 3
    forged = Entry.after(Entry.parse(lines[1]).position, "hold", {"camera": "another"}, AT)
    path.write_bytes(b"".join([*lines[:2], forged.line(), *lines[3:]]))
    assert Journal(tmp_path).verify().broken_sequence == 4


def test_a_damaged_entry_is_not_taken_for_absent(tmp_path: Path) -> None:
    """A lock that cannot be read must stop the keeper, not set it free."""
    filled(tmp_path)
    path = tmp_path / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"cam-1", b"cam-9"))
    with pytest.raises(JournalError, match="entry 2"):
        list(Journal(tmp_path).entries({"hold"}))
    path.write_bytes(path.read_bytes().replace(b"cam-4", b"cam-8"))
    with pytest.raises(JournalError, match="entry 5"):
        Journal(tmp_path).append("hold", {}, AT)


def test_parts_are_closed_and_the_chain_goes_on(tmp_path: Path) -> None:
    journal = filled(tmp_path, 50, part_bytes=2000)
    assert len(list(tmp_path.glob("journal-*.jsonl"))) > 3
    assert journal.verify().entries == 50
    assert [entry.sequence for entry in journal.entries(since=20)] == list(range(21, 51))
    (tmp_path / "journal.jsonl").unlink()  # killed between closing a part and making the next
    left = journal.verify().entries
    assert Journal(tmp_path).append("hold", {}, AT).sequence == left + 1
    next(iter(sorted(tmp_path.glob("journal-*.jsonl")))).unlink()
    assert journal.verify().broken_sequence == 1


def test_a_cursor_reads_on_across_parts(tmp_path: Path) -> None:
    journal = Journal(tmp_path, part_bytes=1500)
    cursor = Cursor(Journal(tmp_path))
    assert cursor.new() == []
    seen = []
    for number in range(30):
        journal.append("hold", {"number": number}, AT)
        if number % 4 == 0:
            seen += cursor.new()
    seen += cursor.new()
    assert [entry.body["number"] for entry in seen] == list(range(30))
    assert cursor.new() == []


def test_a_full_disk_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line must not stay in front of the next entry."""
    journal = filled(tmp_path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, line: real(descriptor, line[: len(line) // 2]))
    with pytest.raises(OSError, match="fitted"):
        journal.append("lock", {}, AT)
    monkeypatch.undo()
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (_ for _ in ()).throw(OSError(5, "I/O error")))
    with pytest.raises(OSError, match="I/O"):
        journal.append("lock", {}, AT)
    monkeypatch.undo()
    assert journal.append("lock", {}, AT).sequence == 6
    assert journal.verify().intact
    assert not list(tmp_path.glob("torn-*"))


def _append_many(folder: Path, name: str) -> None:
    journal = Journal(folder, part_bytes=3000)
    for number in range(30):
        journal.append("gap_cause", {"writer": name, "number": number}, AT)


def test_several_processes_append_in_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_many, args=(tmp_path, f"w{n}")) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    journal = Journal(tmp_path)
    assert journal.verify().entries == 90
    assert journal.verify().intact
    for n in range(3):
        numbers = [e.body["number"] for e in journal.entries() if e.body["writer"] == f"w{n}"]
        assert numbers == list(range(30))


_SCRIPT = """
import os, sys
from pathlib import Path
from vigie.recording.journal import Journal
journal = Journal(Path(sys.argv[1]), part_bytes=1500)
for number in range(12):
    entry = journal.append("lock", {"number": number}, 1.0)
    os.write(1, b"acknowledged %d\\n" % entry.sequence)
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (make tools)")
def test_each_acknowledgement_comes_after_its_fdatasync(tmp_path: Path) -> None:
    """Seen from the kernel: the line is written, made durable, then acknowledged, in this order every time."""
    trace = tmp_path / "trace"
    calls = "trace=write,fdatasync,fsync,openat,rename"
    run = ["strace", "-f", "-y", "-s", "600", "-e", calls, "-o", str(trace), sys.executable, "-c", _SCRIPT]
    subprocess.run([*run, str(tmp_path / "ledger")], check=True, capture_output=True, timeout=60)
    pending: str | None = None
    durable = acknowledged = 0
    made, named = False, False
    for line in trace.read_text("utf-8", "replace").splitlines():
        if re.search(r'openat\(.*journal\.jsonl".*O_CREAT', line) or re.search(r"rename\(", line):
            made, named = True, False
        elif re.search(r"fsync\(\d+<[^>]*/ledger>\)\s+= 0", line):
            named = True
        elif match := re.search(r"write\(\d+<[^>]*journal\.jsonl>, .*?\\\"sequence\\\":(\d+)", line):
            pending = match[1]
        elif re.search(r"fdatasync\(\d+<[^>]*journal\.jsonl>\)\s+= 0", line):
            durable = int(pending or 0)
        elif match := re.search(r'write\(1<.*"acknowledged (\d+)', line):
            acknowledged += 1
            assert int(match[1]) == durable, line
            assert made, line
            assert named, line
    assert acknowledged == 12
