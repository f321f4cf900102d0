"""The archive that carries a city's control state to a new control machine: one encrypted file.

From outside inwards: the age format (https://age-encryption.org/v1: scrypt, then ChaCha20-Poly1305 in chunks), so that
``age --decrypt`` opens it without Vigie; gzip; tar (POSIX.1-2001). The tar's first member, ``vigie-state.json``, says
what the archive is and gives the SHA-256 of every file, which follow under ``files/``. Nothing is believed that this list
does not name.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pyrage
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

FORMAT: Final = 1
CONTENTS: Final = "vigie-state.json"
FILES: Final = "files/"
LEAST_PASSPHRASE: Final = 12  # characters; age's scrypt makes each guess cost about a second
CITY: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")  # RFC 1123 label, as in city.yaml

#: What of a state folder is the hosts' of a lab, and the lock of the city on this machine.
HOSTS_PART: Final = frozenset({"lab", "lab.lock", "lock"})

#: Not carried: that, and what is made anew or grows without end: logs of runs, rendered files, Pulumi's scratch files and
#: its copies of former states.
LEFT_OUT: Final = HOSTS_PART | {
    *("events", "rendered", "pulumi/tmp", "pulumi/settings", "pulumi/cli"),
    *("pulumi/.pulumi/backups", "pulumi/.pulumi/history"),
}


class ArchiveError(ValueError):
    """The archive, or the state that should go into one, is not acceptable; the message says what to do."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the archive: SHA-256 (hexadecimal), length in bytes, permission bits."""

    sha256: str
    size: int
    mode: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive is: its format, the Vigie that wrote it, whose state it is, and its files by relative name."""

    format: int
    vigie: str
    city: str
    exported: str
    plan: str
    files: Mapping[str, File]


_ADAPTER: Final = TypeAdapter(Contents)


def carried(folder: Path) -> Iterator[str]:
    """The relative names of the files that a new control machine needs, sorted within each folder.

    Raises ``ArchiveError`` for what is neither file nor folder: it could not be carried.
    """
    for path in sorted(folder.iterdir()):
        yield from _carried(folder, path)


def _carried(top: Path, path: Path) -> Iterator[str]:
    name = path.relative_to(top).as_posix()
    if name in LEFT_OUT or (path.name.startswith(".") and path.parent == top):
        return
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        for below in sorted(path.iterdir()):
            yield from _carried(top, below)
    elif stat.S_ISREG(mode):
        yield name
    else:
        raise ArchiveError(f"{path} is neither file nor folder: it cannot be carried; remove it")


def pack(folder: Path, city: str, plan: str, now: datetime | None = None) -> bytes:
    """The state in ``folder`` as an archive not yet encrypted. ``plan`` is the digest of the deployed plan.

    Raises ``ArchiveError`` when there is nothing to carry, and ``OSError``.
    """
    contents = {name: (folder / name).read_bytes() for name in carried(folder)}
    if not contents:
        raise ArchiveError(f"{folder} holds no state: nothing was ever deployed")
    files = {
        name: File(hashlib.sha256(content).hexdigest(), len(content), stat.S_IMODE((folder / name).stat().st_mode))
        for name, content in contents.items()
    }
    exported = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    head = Contents(FORMAT, version("vigie"), city, exported, plan, files)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, CONTENTS, json.dumps(asdict(head), indent=1, sort_keys=True).encode(), 0o600)
        for name, content in contents.items():
            _add(tar, FILES + name, content, files[name].mode)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def encrypt(packed: bytes, passphrase: str) -> bytes:
    """``packed`` in the age format, for ``passphrase``. Raises ``ArchiveError`` for one that is too short."""
    if len(passphrase) < LEAST_PASSPHRASE:
        raise ArchiveError(f"the passphrase has {len(passphrase)} characters: take at least {LEAST_PASSPHRASE}")
    sealed: bytes = pyrage.passphrase.encrypt(packed, passphrase)
    return sealed


def decrypt(content: bytes, passphrase: str) -> bytes:
    """The archive in ``content``. Raises ``ArchiveError``: every changed, missing or added byte is noticed."""
    if not content.startswith(b"age-encryption.org/"):
        raise ArchiveError("this is no age file: name the file that `vigie state export` wrote")
    try:
        opened: bytes = pyrage.passphrase.decrypt(content, passphrase)
    except pyrage.DecryptError as error:
        raise ArchiveError(
            f"cannot be opened: the passphrase is wrong, or the file was changed or cut off ({error})"
        ) from error
    return opened


def unpack(packed: bytes, folder: Path) -> Contents:
    """Write the files of an archive below the empty ``folder``, each checked against the archive's list.

    Raises ``ArchiveError`` for anything that is not exactly as listed; what was written by then is for the caller to
    remove.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
            contents = _read_contents(tar)
            left = dict(contents.files)
            while (member := tar.next()) is not None:
                name = _member_name(member, folder)
                expected = left.pop(name, None)
                if expected is None:
                    raise ArchiveError(
                        f"the archive holds {member.name!r}, which its list does not name, or holds twice"
                    )
                _write(tar, member, expected, folder, name)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise ArchiveError(f"the archive is damaged: {error}") from error
    if left:
        raise ArchiveError(f"the archive lacks {', '.join(sorted(left)[:5])}: it was cut off")
    return contents


def _read_contents(tar: tarfile.TarFile) -> Contents:
    first = tar.next()
    stream = tar.extractfile(first) if first is not None and first.name == CONTENTS and first.isreg() else None
    if stream is None:
        raise ArchiveError(f"no {CONTENTS} comes first: this is no archive of `vigie state export`")
    try:
        document: Any = from_json(stream.read())
    except ValueError as error:
        raise ArchiveError(f"{CONTENTS} is not what `vigie state export` writes: {error}") from error
    known = document if isinstance(document, dict) else {}
    if known.get("format") != FORMAT:
        by = f"archive format {known.get('format')!r} of Vigie {known.get('vigie', '?')}"
        raise ArchiveError(f"{by}; this Vigie {version('vigie')} reads {FORMAT}: use the Vigie that wrote it")
    try:
        contents = _ADAPTER.validate_python(document)
    except ValidationError as error:
        raise ArchiveError(f"{CONTENTS} is not what `vigie state export` writes: {error}") from error
    if not CITY.fullmatch(contents.city):
        raise ArchiveError(f"{contents.city!r} is no city id")
    return contents


def _member_name(member: tarfile.TarInfo, folder: Path) -> str:
    """The relative name of a file of the archive. Raises ``ArchiveError`` for one that would leave ``folder``."""
    name = member.name.removeprefix(FILES)
    path = PurePosixPath(name)
    if not member.isreg() or not member.name.startswith(FILES):
        raise ArchiveError(f"the archive holds {member.name!r}, which is no file of a state")
    if path.is_absolute() or not path.parts or ".." in path.parts or "\0" in name or path.as_posix() != name:
        raise ArchiveError(f"the archive holds {member.name!r}, which would be written outside the state")
    tarfile.data_filter(member.replace(name=name), str(folder))  # the library's own refusals, beside ours
    return name


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, expected: File, folder: Path, name: str) -> None:
    stream = tar.extractfile(member)
    assert stream is not None, "a regular file has content"
    content = stream.read()
    if len(content) != expected.size or hashlib.sha256(content).hexdigest() != expected.sha256:
        raise ArchiveError(f"{member.name}: its content is not what the archive's list says")
    target = folder / name
    for parent in reversed(PurePosixPath(name).parents):
        (folder / parent).mkdir(exist_ok=True, mode=0o700)
    target.touch(mode=0o600)
    target.write_bytes(content)
    target.chmod(expected.mode & 0o700)  # a state is for its owner alone, whatever the archive says
