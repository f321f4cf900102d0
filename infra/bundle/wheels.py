"""The components `wheels-locked` and `wheelhouse`: what the hosts' Python needs, hash-checked, for no index at all.

`wheels-locked` holds the locked runtime dependencies of ``requirements/hosts.txt`` as wheels for the hosts' Python; `wheelhouse` adds
our own wheel, built from the checkout, and a ``requirements.txt`` with the hash of every wheel.
"""

from __future__ import annotations

import inspect
import os
import platform
import re
import shutil
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from email.parser import HeaderParser
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from packaging.markers import Marker

from infra.bundle import pins, store
from infra.bundle.commands import locate_uv
from infra.bundle.component import Component, Entry, Workshop, record
from infra.bundle.errors import BundleError

LOCK = "requirements/hosts.txt"
LOCKED = "wheels-locked"
NAME = "wheelhouse"

#: Folder of the wheels inside either product.
WHEELS = "wheels"

#: The file that hosts install from.
REQUIREMENTS = "requirements.txt"

#: The page of links for pip's ``--find-links``; served for the folder itself too.
LINKS = "index.html"

#: What our own wheel is built from; the folders are those of pyproject.toml (tool.hatch.build.targets.wheel).
OWN_FILES = ("pyproject.toml", "README.md")
OWN_PACKAGES = ("vigie", "exporters", "simulators")

_BUILD_CONSTRAINTS = Path(__file__).with_name("build-constraints.txt")

_RECIPE = "recipe"


def own_sources(root: Path) -> list[Path]:
    """List the files of the checkout ``root`` that our wheel is built from, sorted; no caches."""
    files = [root / name for name in OWN_FILES if (root / name).is_file()]
    for package in OWN_PACKAGES:
        files += [path for path in (root / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return sorted(files)


def host_environment() -> dict[str, str]:
    """The values of environment markers (PEP 508) on a host."""
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": platform.machine(),
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{pins.HOST_PYTHON}.0",
        "python_version": pins.HOST_PYTHON,
        "sys_platform": "linux",
    }


def for_hosts(exported: str) -> str:
    """Keep, of a universal lock's requirements, what holds on a host; markers are resolved and removed.

    pip evaluates markers for the Python that runs it, whatever ``--python-version`` says.
    """
    kept = []
    for requirement in _requirements(exported):
        name, semicolon, rest = requirement.partition(";")
        marker, *hashes = rest.split(" --hash=")
        if not semicolon or Marker(marker.strip()).evaluate(host_environment()):
            kept.append(" --hash=".join([name.strip(), *hashes]))
    return "".join(f"{line}\n" for line in kept)


def _requirements(exported: str) -> Iterator[str]:
    """The requirements of a requirements file, continuation lines joined, comments left out."""
    joined = re.sub(r"\\\n\s*", " ", exported)
    for line in joined.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield " ".join(line.split())


def platform_tags(machine: str) -> list[str]:
    """The platform tags of wheels that run on a host with CPU ``machine`` (PEP 600 and its ancestors), newest first."""
    tags = [f"manylinux_2_{minor}_{machine}" for minor in range(pins.HOST_GLIBC_MINOR, 4, -1)]
    return [*tags, f"manylinux2014_{machine}", f"manylinux2010_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]


def locked_component(root: Path) -> Component:
    """Describe the locked dependencies of the checkout ``root``."""
    inputs = {
        _RECIPE: inspect.getsource(sys.modules[__name__]),
        "lock": store.file_digest(root / LOCK),
        "dependencies": store.file_digest(root / "pyproject.toml"),
        "host": f"{pins.HOST_PYTHON} {pins.HOST_GLIBC_MINOR} {platform.machine()}",
        "pip": pins.PIP_DISTRIBUTION,
    }

    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        return _download_locked(workshop, folder, root)

    return Component(LOCKED, inputs, make)


def _download_locked(workshop: Workshop, folder: Path, root: Path) -> dict[str, Any]:
    """Fetch the locked wheels for the hosts' Python, each against its hash."""
    uv = locate_uv(LOCKED)
    requirements = folder / "locked.txt"
    requirements.write_text(for_hosts((root / LOCK).read_text(encoding="utf-8")))
    command = [
        *(uv, "run", "--quiet", "--no-project", "--with", pins.PIP_DISTRIBUTION, "--", "python", "-m", "pip"),
        *("download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--implementation=cp"),
        *(f"--python-version={pins.HOST_PYTHON}", "--dest", str(folder / WHEELS), "--progress-bar=off"),
        *(f"--platform={tag}" for tag in platform_tags(platform.machine())),
        *("--requirement", str(requirements)),
    ]
    workshop.commands.run(
        command, fix=f"a locked package has no wheel for CPython {pins.HOST_PYTHON}: lock another version"
    )
    return record([wheel_entry(path) for path in sorted((folder / WHEELS).glob("*.whl"))])


def component(root: Path) -> Component:
    """Describe the whole wheelhouse of the checkout ``root``."""
    inputs = {
        _RECIPE: inspect.getsource(sys.modules[__name__]),
        "sources": store.files_digest(root, own_sources(root)),
        "constraints": _BUILD_CONSTRAINTS.read_text(),
        "instant": str(pins.SOURCE_DATE_EPOCH),
    }

    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        return _make(workshop, folder, root)

    return Component(NAME, inputs, make, needs=(LOCKED,))


def _make(workshop: Workshop, folder: Path, root: Path) -> dict[str, Any]:
    """Build our wheel beside the locked ones and write the requirements."""
    wheels = folder / WHEELS
    wheels.mkdir()
    for path in (workshop.needed[LOCKED] / WHEELS).glob("*.whl"):
        os.link(path, wheels / path.name)
    sources = folder / "sources"
    copy_sources(root, sources)
    environment = {"SOURCE_DATE_EPOCH": str(pins.SOURCE_DATE_EPOCH)}
    workshop.commands.run(
        [
            *(locate_uv(NAME), "build", "--wheel", "--no-create-gitignore", "--out-dir", wheels),
            *("--build-constraints", _BUILD_CONSTRAINTS, "--require-hashes", sources),
        ],
        environment=environment,
    )
    shutil.rmtree(sources)
    entries = [wheel_entry(path) for path in sorted(wheels.glob("*.whl"))]
    requirements = wheels / REQUIREMENTS
    requirements.write_text(requirements_of(entries))
    (wheels / LINKS).write_text(links_of(entries))
    entries.append(
        Entry(
            NAME,
            pins.HOST_PYTHON,
            "each wheel's own",
            store.file_digest(requirements),
            f"/wheels/{REQUIREMENTS}",
            "wheelhouse",
        )
    )
    return record(entries)


def copy_sources(root: Path, target: Path) -> None:
    """Copy exactly what the key was computed from, with modes that do not depend on the checkout's umask."""
    for path in own_sources(root):
        copy = target / path.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(0o644)


def requirements_of(entries: Iterable[Entry]) -> str:
    """The requirements file of wheels: each pinned to its one hash, so that pip takes nothing else."""
    return "".join(f"{entry.name}=={entry.version} --hash=sha256:{entry.sha256}\n" for entry in entries)


def links_of(entries: Iterable[Entry]) -> str:
    """The page of links that pip reads (``--find-links``), each with the wheel's hash."""
    names = ((entry.path.rsplit("/", 1)[-1], entry.sha256) for entry in entries)
    links = (f'<a href="{quote(name)}#sha256={sha256}">{escape(name)}</a><br>\n' for name, sha256 in names)
    return f"<!DOCTYPE html>\n<title>wheels</title>\n{''.join(links)}"


def wheel_entry(path: Path) -> Entry:
    """Describe a wheel by its own metadata (core metadata specification); `BundleError` when it has none."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
        if len(names) != 1:
            raise BundleError(NAME, f"{path.name} is not a wheel", fix="remove the cache's folder wheels-locked")
        metadata = HeaderParser().parsestr(archive.read(names[0]).decode())
    return Entry(
        metadata["Name"],
        metadata["Version"],
        licence_of(metadata),
        store.file_digest(path),
        f"/wheels/{path.name}",
        "wheel",
    )


def licence_of(metadata: Message) -> str:
    """The licence that a wheel states: expression, classifiers, or the first line of the old free text."""
    expression = metadata.get("License-Expression")
    if expression:
        return str(expression)
    named = [line.rsplit(" :: ", 1)[-1] for line in metadata.get_all("Classifier", []) if line.startswith("License ::")]
    if named:
        return ", ".join(named)
    return str(metadata.get("License") or "not stated").strip().splitlines()[0]
