"""The folder of a city, written so that a power cut leaves each file old or new, never half."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from vigie.city.importing.additions import ADDITIONS_FILE, HEADING
from vigie.city.importing.present import SERVICE_FILE
from vigie.city.load import CAMERAS_FILE, CITY_FILE, ENCODERS_FILE, load_city

# Encoders before the cameras that refer to them.
ORDER = (ENCODERS_FILE, CAMERAS_FILE, SERVICE_FILE)


@dataclass(frozen=True, slots=True)
class Written:
    """Names of the files that were written, and of the copies of what they held."""

    files: tuple[str, ...]
    backups: tuple[str, ...]


def write_city(folder: Path, files: dict[str, str]) -> Written:
    """Write ``files`` (name -> content) that differ; what a file held is kept as ``NAME.bak``. First the whole is loaded
    as a city elsewhere. Raises ``CityError`` for one that does not load: then nothing is written; ``OSError``."""
    differing = [name for name in ORDER if name in files and _content(folder / name) != files[name]]
    if not differing:
        return Written((), ())
    with tempfile.TemporaryDirectory(prefix="vigie-import-") as scratch:
        (Path(scratch) / CITY_FILE).write_bytes((folder / CITY_FILE).read_bytes())
        for name, content in files.items():
            (Path(scratch) / name).write_text(content, encoding="utf-8", newline="")
        load_city(Path(scratch))
    backups = []
    for name in differing:
        if (folder / name).exists():
            write_file(folder / f"{name}.bak", (folder / name).read_bytes())
            backups.append(f"{name}.bak")
    for name in differing:
        write_file(folder / name, files[name].encode())
    return Written(tuple(differing), tuple(backups))


def write_additions(folder: Path, text: str) -> bool:
    """Keep the proposals for ``city.yaml``; those of an earlier run go once nothing is lacking. True if there are any."""
    path = folder / ADDITIONS_FILE
    if text:
        write_file(path, text.encode())
    elif (_content(path) or "").startswith(HEADING):
        path.unlink()
    return bool(text)


def write_file(path: Path, content: bytes) -> None:
    """Replace ``path`` in one step, with the rights that it had. Raises ``OSError``."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _content(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
