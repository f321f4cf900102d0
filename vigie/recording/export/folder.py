"""The folder of an export while it is made: whose it is, and what is in it already. An interrupted export goes on from here.

`.export.jsonl` holds the request and then a line for each segment whose checksum was right; it goes when the manifest is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vigie.recording.export.manifest import NAME, hashed, read, text
from vigie.recording.export.places import path_of

WORK: Final = ".export.jsonl"
_RESERVE_BYTES: Final = 64 << 20  # stays free on the disk of an export


class FolderError(ValueError):
    """The folder is not one that this export may write to; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What makes two exports the same: city, camera, and the interval (Unix seconds)."""

    city: str
    camera: str
    start: float
    end: float

    def as_json(self) -> dict[str, str]:
        return {"city": self.city, "camera": self.camera, "from": text(self.start), "to": text(self.end)}


Key = tuple[str, str]  # recorder, file


@dataclass
class ExportFolder:
    """``have`` are the segments that are here and right: bytes and SHA-256; ``lock`` is the descriptor that keeps others out."""

    folder: Path
    asked: Asked
    lock: int
    have: dict[Key, tuple[int, str]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, asked: Asked) -> ExportFolder:
        """Makes the folder, or takes up what an export of the same left. Raises ``FolderError``, ``OSError``."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Held until this program and those that it lends the descriptor to have ended, however they end.
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise FolderError(f"another export writes to {folder}; wait for it to end") from None
        found = cls(folder, asked, lock)
        try:
            found._begin()
        except BaseException:
            found.close()
            raise
        return found

    def _begin(self) -> None:
        claims = _claims(self.folder, self.asked)
        if claims is None and any(path.name != WORK for path in self.folder.iterdir()):
            raise FolderError(f"{self.folder} is not empty and holds no export; name a new folder")
        if claims is None:
            self._write({"request": self.asked.as_json()})
        for claim in claims or ():
            self._take_up(claim)

    def _take_up(self, claim: Mapping[str, Any]) -> None:
        try:
            key = (claim["recorder"], claim["file"])
            path = path_of(self.folder, *key)
            if hashed(path) == (claim["bytes"], claim["sha256"]):
                self.have[key] = (claim["bytes"], claim["sha256"])
            else:
                path.unlink()
        except FileNotFoundError:
            pass

    def manifest(self) -> dict[str, Any] | None:
        """What an earlier export of the same wrote. Raises ``ValueError``, ``OSError``."""
        return read(self.folder)

    def add(self, told: Mapping[str, Any]) -> None:
        """A segment arrived whole. Raises ``OSError``."""
        self.have[told["recorder"], told["file"]] = (told["bytes"], told["sha256"])
        self._write({"segment": dict(told)})

    def close(self) -> None:
        """Lets others in."""
        os.close(self.lock)

    def abandon(self) -> None:
        """Nothing was found: leaves no trace in a folder that is empty otherwise."""
        if not self.have:
            (self.folder / WORK).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def room_for(self, size: int) -> int:
        """Bytes that the disk lacks for ``size`` more bytes, and a film of everything; 0 when it has them."""
        held = sum(have for have, _ in self.have.values())
        needed = 2 * size + held + _RESERVE_BYTES
        return max(0, needed - shutil.disk_usage(self.folder).free)

    def finish(self, films: Iterable[str]) -> None:
        """The manifest is written: the export is whole, and what earlier tries left goes."""
        keep = {path_of(self.folder, *key) for key in self.have} | {self.folder / film for film in films}
        leftovers = (
            *(self.folder / "segments").rglob("*"),
            *self.folder.glob("footage*.mp4"),
            *self.folder.glob(".*.partial"),
        )
        for path in (*leftovers, *self.folder.glob(".footage*.txt")):
            if path.is_file() and path not in keep:
                path.unlink()
        (self.folder / WORK).unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any]) -> None:
        with (self.folder / WORK).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _claims(folder: Path, asked: Asked) -> list[dict[str, Any]] | None:
    """What an export of the same wrote down of its segments; None when there is no export here."""
    lines = _lines(folder / WORK)
    request = next((line["request"] for line in lines if "request" in line), None)
    claims = [line["segment"] for line in lines if "segment" in line]
    try:
        manifest = read(folder)
    except ValueError as error:
        raise FolderError(f"{folder / NAME} is damaged: {error}; name a new folder") from None
    if manifest is not None:
        try:
            request = {"city": manifest["city"], "camera": manifest["camera"]["id"], **manifest["asked"]}
            claims += manifest["segments"]
        except (KeyError, TypeError):
            raise FolderError(f"{folder / NAME} is no manifest of an export; name a new folder") from None
    if request is None:
        return None
    if request != asked.as_json():
        raise FolderError(
            f"{folder} holds another export, of {request['camera']} from {request['from']} to {request['to']}; "
            "name a new folder"
        )
    return claims


def _lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of the work file; one that was torn by a crash is left out."""
    try:
        content = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found = []
    for line in content.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
