"""The components `pulumi` and `pulumi-home`: the command line that the Automation API drives, with the shims beside it."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.bundle import golang, pins, store
from infra.bundle.component import Component, Entry, Workshop, record
from infra.bundle.errors import BundleError

NAME = "pulumi"
HOME = "pulumi-home"

#: Module files that pin the command line and all below it.
TOOLS = Path(__file__).with_name("tools")

_PACKAGE = f"{pins.PULUMI_MODULE}/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"

#: Where an infra folder keeps the plugins and language hosts that Pulumi looks for beside its executable.
SHIMS = Path("infra/plugins")

_QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1"}


def own_pulumi() -> str | None:
    """Return the machine's ``pulumi`` if it has the pinned version."""
    found = shutil.which("pulumi")
    if found is None:
        return None
    printed = subprocess.run(
        [found, "version"], check=False, capture_output=True, text=True, env=os.environ | _QUIET
    ).stdout
    return found if reported_version(printed) == pins.PULUMI_VERSION else None


def reported_version(printed: str) -> str:
    """The version in what ``pulumi version`` prints: an official executable puts a `v` before it, an own build does not."""
    return printed.strip().removeprefix("v")


def component(own: str | None) -> Component:
    """Describe the executable: ``own`` is the machine's of the pinned version, or None to build it."""
    inputs = {
        "recipe": inspect.getsource(sys.modules[__name__]),
        "own": own or "",
        "version": pins.PULUMI_VERSION,
        "modules": store.files_digest(TOOLS, [TOOLS / "go.mod", TOOLS / "go.sum"]),
    }

    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        if own:
            shutil.copyfile(Path(own).resolve(), folder / NAME)
            (folder / NAME).chmod(0o755)
        else:
            _build(workshop, folder / NAME)
        reported = reported_version(workshop.commands.run([folder / NAME, "version"], environment=_QUIET))
        if reported != pins.PULUMI_VERSION:
            raise BundleError(NAME, f"the executable says it is {reported!r}", fix="compare pins.py with tools/go.mod")
        digest = store.file_digest(folder / NAME)
        return record([Entry(NAME, pins.PULUMI_VERSION, "Apache-2.0", digest, kind="control")])

    return Component(NAME, inputs, make, needs=() if own else (golang.NAME,))


def _build(workshop: Workshop, binary: Path) -> None:
    """Build from the pinned modules; the version is stamped, or the SDK would refuse the executable."""
    commands, go = workshop.commands, workshop.needed[golang.NAME] / golang.NAME
    flags = f"-ldflags=-s -w -X {_VERSION_VARIABLE}={pins.PULUMI_VERSION}"
    environment = golang.environment(commands, go)
    commands.run([go, "build", flags, "-o", binary, _PACKAGE], directory=TOOLS, environment=environment)


def home_component(root: Path) -> Component:
    """Describe the folder that the Automation API is given: ``bin/pulumi`` and, beside it, the checkout's shims.

    The shims are links into the checkout ``root``, so that an edited one is used at once.
    """
    shims = sorted(path for path in (root / SHIMS).glob("pulumi-*") if path.is_file())
    inputs = {"recipe": "2", "shims": " ".join(map(str, shims))}

    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        (folder / "bin").mkdir()
        os.link(workshop.needed[NAME] / NAME, folder / "bin" / NAME)
        for shim in shims:
            (folder / "bin" / shim.name).symlink_to(shim)
        return record([])

    return Component(HOME, inputs, make, needs=(NAME,))
