"""Export a city's control state to one file, and import it: whole or not at all.

An import first writes and checks everything in a folder beside the state, then puts it in place. Where no state is, that
is one rename. Where a state folder exists (the hosts of a lab live in it; ``--replace``) entries are renamed one by one,
after a mark that says the new ones are complete: an import that was killed there is finished by the next one.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vigie.plan.document import load_plan
from vigie.state import IMPORT_MARK, State, archive, read_json, write_json
from vigie.state.archive import ArchiveError, Contents

STAGED: Final = ".import"
_LAST: Final = "plan.json"  # while it is missing, every command says that nothing is deployed


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: the archive's contents, where the state is, and where the one before was put, if any."""

    contents: Contents
    folder: Path
    kept: Path | None


def export_state(state: State, passphrase: str, output: Path) -> Contents:
    """Write the control state of ``state`` to ``output``, encrypted, mode 0600; whole or not at all.

    The caller holds the city's lock. What was written is opened again before it gets its name: an archive that nobody can
    open is worse than none. Raises ``ArchiveError`` and ``OSError``.
    """
    if not state.plan.is_file():
        raise ArchiveError(f"{state.plan} does not exist: nothing was deployed, so there is nothing to export")
    packed = archive.pack(state.folder, state.folder.name, load_plan(state.plan).digest)
    sealed = archive.encrypt(packed, passphrase)
    descriptor, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        contents = _proven(Path(name).read_bytes(), passphrase)
        Path(name).replace(output)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return contents


def _proven(content: bytes, passphrase: str) -> Contents:
    with tempfile.TemporaryDirectory(prefix="vigie-export-") as scratch:
        return archive.unpack(archive.decrypt(content, passphrase), Path(scratch))


def import_state(content: bytes, passphrase: str, home: Path, *, replace: bool = False) -> Imported:
    """Put the state that ``content`` carries below ``home``. Raises ``ArchiveError`` and ``StateBusy``; then nothing changed.

    A state of the same city that is there already is refused, or with ``replace`` kept aside.
    """
    packed = archive.decrypt(content, passphrase)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=home, prefix=".import-") as scratch:
        staged = Path(scratch) / "state"
        staged.mkdir(mode=0o700)
        contents = archive.unpack(packed, staged)
        _check(contents, staged)
        folder = home / contents.city
        if not folder.exists():
            os.sync()
            staged.rename(folder)
            kept = None
        else:
            with State(folder).locked(importing=True):
                kept = _into(folder, staged, replace)
    State(folder).prepare()
    return Imported(contents, folder, kept)


def _check(contents: Contents, staged: Path) -> None:
    """Refuse a state whose plan this Vigie cannot read, or is another city's."""
    try:
        plan = load_plan(State(staged).plan)
    except (OSError, ValueError) as error:
        raise ArchiveError(f"exported by Vigie {contents.vigie}; its plan cannot be used here: {error}") from error
    if plan.city != contents.city:
        raise ArchiveError(f"the archive says it is of {contents.city!r}, its plan is of {plan.city!r}")


def _into(folder: Path, staged: Path, replace: bool) -> Path | None:
    """Put ``staged`` into the existing ``folder``, whose lock is held; the folder that keeps the state before, if any."""
    finish(folder)
    present = _control_entries(folder)
    if present and not replace:
        if _same(folder, staged):
            return None  # imported already, or by the line above
        raise ArchiveError(
            f"{folder} holds a state ({', '.join(present[:4])}, …): --replace puts the archive's in its place "
            "and keeps that one aside"
        )
    shutil.rmtree(folder / STAGED, ignore_errors=True)
    staged.rename(folder / STAGED)
    aside = f"{folder.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}" if present else None
    os.sync()  # complete on the disk before anything says so
    write_json(folder / IMPORT_MARK, {"aside": aside, "clearing": aside is not None})
    finish(folder)
    return folder.parent / aside if aside else None


def finish(folder: Path) -> None:
    """Go on with an import into ``folder`` that was broken off after everything was complete; else do nothing."""
    mark = read_json(folder / IMPORT_MARK, None)
    if mark is None:
        return
    if mark["clearing"]:
        aside = folder.parent / mark["aside"]
        aside.mkdir(exist_ok=True, mode=0o700)
        for path in sorted(folder.iterdir(), key=lambda path: path.name != _LAST):
            if path.name not in archive.HOSTS_PART and not path.name.startswith("."):
                path.rename(aside / path.name)
        write_json(folder / IMPORT_MARK, mark | {"clearing": False})
    for path in sorted((folder / STAGED).iterdir(), key=lambda path: path.name == _LAST):
        path.rename(folder / path.name)
    (folder / IMPORT_MARK).unlink()
    (folder / STAGED).rmdir()


def _control_entries(folder: Path) -> list[str]:
    """What of a control machine is in ``folder``: everything at its top that an archive would carry."""
    names = sorted(path.name for path in folder.iterdir())
    return [name for name in names if name not in archive.LEFT_OUT and not name.startswith(".")]


def _same(folder: Path, staged: Path) -> bool:
    names = list(archive.carried(staged))
    return names == list(archive.carried(folder)) and not any(
        filecmp.cmpfiles(folder, staged, names, shallow=False)[1:]
    )
