"""The component `apt`: a flat package repository with what the roles install above `layer-bare`, and nothing else."""

from __future__ import annotations

import gzip
import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.bundle import pins, rootfs
from infra.bundle.commands import Commands
from infra.bundle.component import Component, Entry, Workshop, record
from infra.bundle.mirror import parse_index_targets, query_archives, query_transport

NAME = "apt"

#: Folder of the repository inside its product.
REPOSITORY = "repository"


def component(packages: Sequence[str]) -> Component:
    """Describe the repository of ``packages``, the names that the roles give."""
    inputs = {
        "recipe": inspect.getsource(sys.modules[__name__]),
        "packages": " ".join(packages),
        "epoch": pins.ARCHIVE_EPOCH,
    }

    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        return _make(workshop, folder, packages)

    return Component(NAME, inputs, make, needs=(rootfs.NAME,))


def _make(workshop: Workshop, folder: Path, packages: Sequence[str]) -> dict[str, Any]:
    """Download the closure of ``packages`` above the bare layer and index it."""
    commands, repository = workshop.commands, folder / REPOSITORY
    repository.mkdir()
    bare = workshop.needed[rootfs.NAME] / rootfs.ROOTFS
    if packages:
        _download(commands, bare, folder, repository, packages)
    return index(commands, repository)


def _download(commands: Commands, bare: Path, folder: Path, repository: Path, packages: Sequence[str]) -> None:
    """Let apt, told that ``bare`` is this system, fetch what installing ``packages`` there takes; signatures checked."""
    scratch = folder / "apt-state"
    for name in ("lists/partial", "archives/partial", "etc"):
        (scratch / name).mkdir(parents=True)
    sources = scratch / "etc/sources.list"
    sources.write_text("".join(f"{line.source_line()}\n" for line in query_archives(commands, pins.HOST_SUITE)))
    architecture = commands.run(["dpkg", "--print-architecture"], parsed=True).strip()
    settings = scratch / "etc/apt.conf"
    settings.write_text("\n".join(_settings(scratch, bare, architecture) + query_transport(commands)) + "\n")
    environment = {"APT_CONFIG": str(settings), "DEBIAN_FRONTEND": "noninteractive"}
    commands.run(["apt-get", "update"], environment=environment)
    commands.run(
        ["apt-get", "install", "--yes", "--download-only", *packages],
        environment=environment,
        fix="a package that a role names is not in Debian 13: correct <role>_packages of that role",
    )
    for package in (scratch / "archives").glob("*.deb"):
        package.rename(repository / without_epoch(package.name))
    commands.run(["rm", "-r", scratch])


def _settings(scratch: Path, bare: Path, architecture: str) -> list[str]:
    """Lines of apt.conf(5): everything of apt's in ``scratch``, the installed packages those of ``bare``."""
    return [
        'Dir::Etc::main "/dev/null";',
        'Dir::Etc::parts "/dev/null";',
        f'Dir::Etc::sourcelist "{scratch}/etc/sources.list";',
        'Dir::Etc::sourceparts "/dev/null";',
        'Dir::Etc::preferencesparts "/dev/null";',
        f'Dir::State "{scratch}";',
        f'Dir::State::status "{bare}/var/lib/dpkg/status";',
        f'Dir::State::extended_states "{scratch}/extended_states";',
        f'Dir::Cache "{scratch}";',
        f'Dir::Cache::archives "{scratch}/archives";',
        f'APT::Architecture "{architecture}";',
        f'APT::Architectures {{ "{architecture}"; }};',
        'APT::Install-Recommends "false";',
        'APT::Sandbox::User "root";',
        'Acquire::Languages "none";',
    ]


def without_epoch(name: str) -> str:
    """Return the file name that Debian's archive gives a package: without the epoch (``ffmpeg_7%3a…`` in apt's cache)."""
    package, underscore, rest = name.partition("_")
    _, colon, version = rest.partition("%3a")
    return f"{package}{underscore}{version}" if colon else name


def index(commands: Commands, repository: Path) -> dict[str, Any]:
    """Write ``Packages``, ``Packages.gz`` and ``Release`` (flat repository format) and list the packages."""
    packages = commands.run(["apt-ftparchive", "packages", "."], parsed=True, directory=repository)
    text = packages.strip() + "\n"
    (repository / "Packages").write_text(text)
    (repository / "Packages.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    release = commands.run(
        [
            *("apt-ftparchive", "-o", "APT::FTPArchive::Release::Origin=Vigie"),
            *("-o", f"APT::FTPArchive::Release::Suite={pins.HOST_SUITE}", "release", "."),
        ],
        directory=repository,
        parsed=True,
    )
    (repository / "Release").write_text(release.strip() + "\n")
    return record(
        [
            Entry(
                fields["Package"],
                fields["Version"],
                "",
                fields["SHA256"],
                path=f"/apt/{fields['Filename'].removeprefix('./')}",
                kind="package",
            )
            for fields in parse_index_targets(packages)
        ]
    )
