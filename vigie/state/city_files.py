"""The city folder as it was deployed: kept in the state, so that a new control node has what the plan was made from."""

from __future__ import annotations

import filecmp
import shutil
from pathlib import Path
from typing import Final

from vigie.state import State

_STAGED: Final = ".city"


def files_of(folder: Path) -> list[Path]:
    """The files of a city folder, relative and sorted; hidden ones and links to elsewhere are no part of it."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts))


def keep(state: State, folder: Path) -> None:
    """Copy the city folder into the state, in place of the copy before. Keeping the copy itself is no work."""
    if folder.resolve() == state.city.resolve():
        return
    staged = state.folder / _STAGED
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(mode=0o700)
    for name in files_of(folder):
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, staged / name)
    shutil.rmtree(state.city, ignore_errors=True)
    staged.rename(state.city)


def edited(state: State, folder: Path) -> list[str]:
    """The files by which ``folder`` differs from what was deployed; everything, when nothing was."""
    if folder.resolve() == state.city.resolve():
        return []
    deployed = files_of(state.city) if state.city.is_dir() else []
    names = sorted({*files_of(folder), *deployed})
    _, different, missing = filecmp.cmpfiles(folder, state.city, [str(name) for name in names], shallow=False)
    return sorted([*different, *missing])
