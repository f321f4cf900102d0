"""The layer `layer-baked`: what installing every role's packages adds to `layer-bare`, as an overlay layer.

It is installed from the bundle's own repository without network, which also proves that the repository is complete.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.bundle import pins, repository, rootfs, store
from infra.bundle.component import Component, Entry, Workshop, record

NAME = "layer-baked"

#: Folder of the layer inside its product.
UPPER = "upper"

_SCRIPT = Path(__file__).with_name("bake.sh")


def component(packages: Sequence[str]) -> Component:
    """Describe the layer with ``packages``, the names that the roles give."""
    inputs = {
        "recipe": inspect.getsource(sys.modules[__name__]) + _SCRIPT.read_text(),
        "packages": " ".join(packages),
    }

    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        return _make(workshop, folder, packages)

    return Component(NAME, inputs, make, needs=(rootfs.NAME, repository.NAME))


def _make(workshop: Workshop, folder: Path, packages: Sequence[str]) -> dict[str, Any]:
    """Install ``packages`` into an overlay on the bare layer and keep the upper folder."""
    bare = workshop.needed[rootfs.NAME] / rootfs.ROOTFS
    upper, work, root = folder / UPPER, folder / "work", folder / "root"
    for path in (upper, work, root):
        path.mkdir()
    if packages:
        debs = workshop.needed[repository.NAME] / repository.REPOSITORY
        workshop.commands.run(["sh", _SCRIPT, bare, upper, work, root, debs, *packages], sealed=True)
    workshop.commands.run(["rm", "-r", work, root])
    entry = Entry(NAME, pins.ARCHIVE_EPOCH, "each package's own", store.tree_digest(upper), kind="layer")
    return record([entry])
