"""Copies locked footage to a second host, with checksums; resumable, and never content with a half file.

Below ``folder/<host>/<lock>/`` lie the segments under their own paths and ``manifest.json``: the lock, and each file
with its size and SHA-256. A file has its final name only once its checksum is right.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from vigie.recording.journal.parts import fsync_directory
from vigie.recording.keeper.store import midnight_of

MANIFEST: Final = "manifest.json"
_PARTIAL: Final = ".partial"
_BLOCK: Final = 1 << 18


class FootageSource(Protocol):
    """A keeper that holds locked footage, however it is reached."""

    async def locks(self) -> list[dict[str, Any]]:
        """The locks that hold there."""
        ...

    async def released(self) -> list[dict[str, Any]]:
        """The locks that were released there."""
        ...

    async def manifest(self, lock: str) -> dict[str, Any]:
        """``{"lock": {...}, "files": [{"file", "from", "to", "bytes"}]}``."""
        ...

    async def checksum(self, file: str) -> dict[str, Any]:
        """``{"bytes", "sha256"}`` of a file."""
        ...

    def content(self, file: str, offset: int) -> AsyncIterator[bytes]:
        """The bytes of a file from ``offset`` on."""
        ...


@dataclass(slots=True)
class CopyReport:
    """What one round did: files and bytes copied, files whose checksum was wrong, and what else failed, in words."""

    files: int = 0
    size: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


async def copy_locks(source: FootageSource, folder: Path) -> CopyReport:
    """Brings the copies in ``folder`` up to what ``source`` locks. Raises what ``source.locks`` raises.

    What fails in one lock or file is reported and tried again in the next round.
    """
    report = CopyReport()
    for lock in await source.locks():
        name = str(lock["id"])
        if not name.isalnum():
            report.failed.append(f"{name!r} is no lock's id")
            continue
        try:
            await _copy_lock(source, name, folder / name, report)
        except (OSError, ValueError, KeyError) as error:
            report.failed.append(f"lock {name}: {error}")
    return report


async def _copy_lock(source: FootageSource, name: str, folder: Path, report: CopyReport) -> None:
    known = await asyncio.to_thread(read_manifest, folder) or {"files": {}}
    manifest = await source.manifest(name)
    done: dict[str, Any] = dict(known["files"])
    missing = [file for file in manifest["files"] if file["file"] not in done]
    if not missing and known.get("lock") == manifest["lock"]:
        return
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for file in missing:
        described = {**file, **await source.checksum(file["file"])}
        if await copy_file(source, described, folder / safe_path(file["file"]), report):
            done[file["file"]] = described
    await asyncio.to_thread(_write_manifest, folder, {"lock": manifest["lock"], "files": done})


async def copy_file(source: FootageSource, file: Mapping[str, Any], path: Path, report: CopyReport) -> bool:
    """Fetches ``file`` (``{"file", "bytes", "sha256"}``) to ``path``; whether it is there and its checksum right.

    Goes on from what an earlier try left; what is wrong is removed and reported. Raises ``OSError`` of this disk.
    """
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    partial = path.with_name(path.name + _PARTIAL)
    digest = hashlib.sha256()
    offset = 0
    with partial.open("a+b") as target:
        target.seek(0)
        while block := target.read(_BLOCK):  # what an earlier round brought
            digest.update(block)
            offset += len(block)
        async for block in source.content(str(file["file"]), offset):
            await asyncio.to_thread(target.write, block)
            digest.update(block)
            offset += len(block)
        target.flush()
        await asyncio.to_thread(os.fsync, target.fileno())
    if (offset, digest.hexdigest()) != (file["bytes"], file["sha256"]):
        if offset >= int(file["bytes"]):
            await asyncio.to_thread(partial.unlink)
            report.wrong.append(str(file["file"]))
        else:
            report.failed.append(f"{file['file']}: {offset} of {file['bytes']} bytes came")
        return False
    await asyncio.to_thread(partial.rename, path)
    await asyncio.to_thread(fsync_directory, path.parent)
    report.files += 1
    report.size += offset
    return True


async def drop_released(source: FootageSource, folder: Path) -> list[dict[str, Any]]:
    """Removes the copies of locks that ``source`` says were released: footage must not outlive its lock elsewhere.

    Returns the manifests of what went. A source that is silent, or was rebuilt and knows nothing, removes nothing.
    """
    gone = []
    for lock in await source.released():
        name = str(lock["id"])
        manifest = await asyncio.to_thread(read_manifest, folder / name) if name.isalnum() else None
        if manifest is not None:
            await asyncio.to_thread(shutil.rmtree, folder / name)
            gone.append(manifest)
    return gone


def verify_copy(folder: Path) -> list[str]:
    """Files of one copied lock that are missing or not what the manifest says. Raises ``ValueError`` without manifest."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise ValueError(f"{folder / MANIFEST} does not exist")
    wrong = []
    for path, file in manifest["files"].items():
        try:
            with (folder / safe_path(path)).open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
        except OSError:
            digest = ""
        if digest != file["sha256"]:
            wrong.append(path)
    return wrong


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a copied lock; None before the first round is through."""
    try:
        value: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    return value


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    partial = folder / f".{MANIFEST}{_PARTIAL}"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(manifest, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / MANIFEST)
    fsync_directory(folder)


def safe_path(path: str) -> Path:
    """A segment's path below a folder; another host's word must not lead outside. Raises ``ValueError``."""
    parts = path.split("/")
    if len(parts) != 5 or midnight_of(parts) is None or any(part in {"", ".", ".."} for part in parts):
        raise ValueError(f"{path!r} is no segment's path")
    return Path(*parts)
