"""The component `mediamtx`: the media server, built from its pinned module."""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

from infra.bundle import golang, pins, store
from infra.bundle.commands import Commands, locate_uv
from infra.bundle.component import Component, Entry, Workshop, record
from infra.bundle.errors import BundleError

NAME = "mediamtx"

#: Folder of what hosts download from /bin.
BINARIES = "bin"

#: Two files that MediaMTX's `go generate` makes, and that its module therefore lacks.
_VERSION_FILE = "internal/core/VERSION"
_HLSJS_FILE = "internal/servers/hls/hls.min.js"
_HLSJS_VERSION_FILE = "internal/servers/hls/hlsjsdownloader/VERSION"


def component() -> Component:
    """Describe the binary; its inputs are the pins and this file."""
    inputs = {
        "recipe": inspect.getsource(sys.modules[__name__]),
        "module": f"{pins.MEDIAMTX_MODULE}@{pins.MEDIAMTX_VERSION} {pins.MEDIAMTX_SUM}",
        "hls.js": f"{pins.HLSJS_VERSION} {pins.HLSJS_INTEGRITY}",
    }
    return Component(NAME, inputs, make, needs=(golang.NAME,))


def make(workshop: Workshop, folder: Path) -> dict[str, Any]:
    """Copy the module, add the two files, build."""
    commands, go = workshop.commands, workshop.needed[golang.NAME] / golang.NAME
    environment = golang.environment(commands, go)
    source = folder / "source"
    shutil.copytree(_module(commands, go, environment, folder), source)
    commands.run(["chmod", "-R", "u+w", source])
    (source / _VERSION_FILE).write_text(pins.MEDIAMTX_VERSION)
    (source / _HLSJS_FILE).write_bytes(_hls_js(commands, source, folder))
    binary = folder / BINARIES / NAME
    commands.run([go, "build", "-ldflags=-s -w", "-o", binary, "."], directory=source, environment=environment)
    reported = commands.run([binary, "--version"]).strip()
    if reported != pins.MEDIAMTX_VERSION:
        raise BundleError(
            NAME, f"the binary says it is {reported!r}", fix="compare infra/bundle/pins.py with the module"
        )
    shutil.rmtree(source)
    return record(
        [
            Entry(NAME, pins.MEDIAMTX_VERSION, "MIT", store.file_digest(binary), f"/bin/{NAME}", "binary"),
            Entry("hls.js", pins.HLSJS_VERSION, "Apache-2.0", _hex_of_integrity(), kind="embedded in mediamtx"),
        ]
    )


def _hex_of_integrity() -> str:
    """The package's own hash, SHA-512, as the manifest shows it."""
    return "sha512:" + base64.b64decode(pins.HLSJS_INTEGRITY.removeprefix("sha512-")).hex()


def _module(commands: Commands, go: Path, environment: dict[str, str], folder: Path) -> Path:
    """Download the module and return its folder, once its sum is the pinned one."""
    wanted = f"{pins.MEDIAMTX_MODULE}@{pins.MEDIAMTX_VERSION}"
    # Run where no go.mod is, so that the module is fetched on its own account.
    printed = commands.run(
        [go, "mod", "download", "-json", wanted], directory=folder, environment=environment, parsed=True
    )
    module = json.loads(printed)
    if module["Sum"] != pins.MEDIAMTX_SUM:
        raise BundleError(
            NAME,
            f"the sum of {wanted} is {module['Sum']}, not {pins.MEDIAMTX_SUM}",
            fix="find out who changed it: the proxy serves something else than what was reviewed",
        )
    return Path(module["Dir"])


def _hls_js(commands: Commands, source: Path, folder: Path) -> bytes:
    """Fetch the player script of MediaMTX's HLS page from the npm registry, in the version the module asks for."""
    asked = (source / _HLSJS_VERSION_FILE).read_text().strip().removeprefix("v")
    if asked != pins.HLSJS_VERSION:
        raise BundleError(NAME, f"MediaMTX asks for hls.js {asked}", fix="pin that version in infra/bundle/pins.py")
    packed = folder / "packed"
    packed.mkdir()
    commands.run([*_npm(), "pack", "--silent", f"hls.js@{asked}", "--pack-destination", packed], directory=packed)
    (archive,) = packed.glob("*.tgz")
    content = archive.read_bytes()
    if not has_integrity(content, pins.HLSJS_INTEGRITY):
        raise BundleError(NAME, "hls.js is not what was pinned", fix="compare HLSJS_INTEGRITY with the registry's")
    with tarfile.open(archive) as members:
        script = members.extractfile("package/dist/hls.min.js")
        assert script is not None, "a package of this integrity holds the script"
        found = script.read()
    shutil.rmtree(packed)
    return found


def _npm() -> list[str]:
    """How to call npm: the machine's, else the one in PyPI's distribution of Node.js."""
    own = shutil.which("npm")
    if own:
        return [own]
    return [locate_uv(NAME), "tool", "run", "--quiet", "--from", pins.NPM_DISTRIBUTION, "npm"]


def has_integrity(content: bytes, integrity: str) -> bool:
    """Whether ``content`` has a subresource integrity such as ``sha512-…`` (W3C Subresource Integrity)."""
    algorithm, _, expected = integrity.partition("-")
    return base64.b64encode(hashlib.new(algorithm, content).digest()).decode() == expected
