"""The component `clips`: what the simulated cameras of the lab send, encoded once.

The grid is declared in ``simulators/encoder/clips.py``. Rooms of one level do not import each other, so its command
is run; its sources are read here only to know when the clips are out of date.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.bundle import store
from infra.bundle.commands import locate
from infra.bundle.component import Component, Entry, Workshop, record
from infra.bundle.errors import BundleError

NAME = "clips"

#: Folder of the clips inside the product.
CLIPS = "clips"

_MODULE = "simulators.encoder.clips"


def module_files(root: Path, module: str) -> list[Path]:
    """List the files of ``module`` and of every module of the checkout ``root`` that it imports, at any depth.

    Raises `BundleError` when the module itself is not there.
    """
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(root, name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting.extend(_imported(path))
    if module not in found:
        raise BundleError(NAME, f"the checkout has no module {module}", fix=f"restore {module.replace('.', '/')}.py")
    return sorted(found.values())


def _file_of(root: Path, module: str) -> Path | None:
    """The file of a module of this checkout, or None for any other."""
    stem = root.joinpath(*module.split("."))
    return next((path for path in (stem.with_suffix(".py"), stem / "__init__.py") if path.is_file()), None)


def _imported(path: Path) -> Iterator[str]:
    """The absolute names that a file imports anywhere in it; `from a import b` may name a module or a value."""
    for statement in ast.walk(ast.parse(path.read_text())):
        if isinstance(statement, ast.Import):
            yield from (name.name for name in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module
            yield from (f"{statement.module}.{name.name}" for name in statement.names)


def component(root: Path) -> Component:
    """Describe the clips of the checkout ``root``: its encoding code and this machine's ffmpeg are the inputs."""
    ffmpeg = locate(NAME, "ffmpeg")
    printed = subprocess.run([ffmpeg, "-version"], check=False, capture_output=True, text=True).stdout
    inputs = {
        "recipe": "1",
        "sources": store.files_digest(root, module_files(root, _MODULE)),
        "ffmpeg": printed.partition("\n")[0],
    }

    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        clips = folder / CLIPS
        clips.mkdir()
        jobs = str(len(os.sched_getaffinity(0)))
        command = [sys.executable, "-m", _MODULE, "--out", str(clips), "--jobs", jobs]
        workshop.commands.run(command, directory=root)
        made = sorted(path for path in clips.iterdir() if path.is_file())
        if not made:
            raise BundleError(NAME, f"python -m {_MODULE} made no clip", fix="see its grid", command=command)
        return record(
            [
                Entry(path.name, "1", "Apache-2.0", store.file_digest(path), f"/clips/{path.name}", "clip")
                for path in made
            ]
        )

    return Component(NAME, inputs, make)
