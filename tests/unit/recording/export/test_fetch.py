"""Transfers that go wrong: a byte changed on its way, a connection cut, a name that leads outside."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from vigie.recording.export.fetch import fetch
from vigie.recording.export.folder import Asked, ExportFolder, FolderError
from vigie.recording.export.places import path_of

FILE = "cam-1/2027/03/03/14-00-00-000000.mp4"
CONTENT = bytes(range(256)) * 40


class Line:
    """A recorder at the end of a bad line: what its transfers do, one after the other, then all is well."""

    def __init__(self, *faults: str) -> None:
        self.faults = list(faults)
        self.offsets: list[int] = []

    async def locks(self) -> list[dict[str, Any]]:
        return []

    async def released(self) -> list[dict[str, Any]]:
        return []

    async def manifest(self, lock: str) -> dict[str, Any]:
        raise OSError(lock)

    async def checksum(self, file: str) -> dict[str, Any]:
        if self.faults[:1] == ["gone"]:
            raise OSError("unreachable")
        return {"bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}

    async def content(self, file: str, offset: int) -> AsyncIterator[bytes]:
        self.offsets.append(offset)
        fault = self.faults.pop(0) if self.faults else ""
        blocks = bytearray(CONTENT[offset:])
        if fault == "corrupt":
            blocks[100] ^= 1
        yield bytes(blocks[: 1000 if fault == "cut" else len(blocks)])


def fetched(folder: Path, line: Line, file: str = FILE, recorder: str = "recorder-1") -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        wanted = [{"recorder": recorder, "url": "here", "file": file}]
        return await anext(fetch(folder, wanted, {"here": line}))

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("faults", "offsets"),
    [((), [0]), (("corrupt",), [0, 0]), (("cut",), [0, 1000]), (("cut", "corrupt"), [0, 1000, 0])],
)
def test_what_arrives_wrong_is_fetched_again(tmp_path: Path, faults: tuple[str, ...], offsets: list[int]) -> None:
    line = Line(*faults)
    told = fetched(tmp_path, line)
    assert told["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert path_of(tmp_path, "recorder-1", FILE).read_bytes() == CONTENT
    assert line.offsets == offsets


def test_a_line_that_stays_bad_is_told_and_leaves_no_segment(tmp_path: Path) -> None:
    assert "checksum is wrong" in fetched(tmp_path, Line(*["corrupt"] * 9))["error"]
    assert not path_of(tmp_path, "recorder-1", FILE).exists()
    assert "unreachable" in fetched(tmp_path, Line("gone"))["error"]


@pytest.mark.parametrize(
    ("recorder", "file"), [("recorder-1", "../../../../etc/passwd"), ("..", FILE), ("a/b", FILE), ("", FILE)]
)
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, recorder: str, file: str) -> None:
    assert "error" in fetched(tmp_path / "case", Line(), file, recorder)
    assert not list(tmp_path.rglob("*.mp4"))


ASKED = Asked("demo", "cam-1", 0.0, 60.0)


def test_a_folder_is_taken_up_as_far_as_its_checksums_are_right(tmp_path: Path) -> None:
    """A line that a crash tore, a segment that changed since: both are fetched again, the rest is kept."""
    folder = ExportFolder.open(tmp_path, ASKED)
    told = [fetched(tmp_path, Line(), FILE.replace("14-", f"{hour}-")) for hour in (14, 15, 16)]
    for one in told:
        folder.add(one)
    folder.close()
    path_of(tmp_path, "recorder-1", told[1]["file"]).write_bytes(b"changed")
    work = tmp_path / ".export.jsonl"
    work.write_text(work.read_text()[:-20])
    again = ExportFolder.open(tmp_path, ASKED)
    assert [file for _, file in again.have] == [told[0]["file"]]
    again.close()
    with pytest.raises(FolderError, match="another export, of cam-1"):
        ExportFolder.open(tmp_path, Asked("demo", "cam-1", 0.0, 61.0))


def test_two_exports_do_not_write_to_one_folder(tmp_path: Path) -> None:
    folder = ExportFolder.open(tmp_path, ASKED)
    with pytest.raises(FolderError, match="wait"):
        ExportFolder.open(tmp_path, ASKED)
    folder.close()
    ExportFolder.open(tmp_path, ASKED).close()
