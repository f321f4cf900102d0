"""The whole bundle: its components, where they are, and what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.bundle import (
    bake,
    clips,
    golang,
    manifest,
    mediamtx,
    pulumi,
    repository,
    roles,
    rootfs,
    schedule,
    store,
    wheels,
)
from infra.bundle.component import Component, Entry
from infra.bundle.schedule import Progress

BUNDLE = "bundle"


@dataclass(frozen=True)
class Layers:
    """The two overlay layers of hosts, each a stack of folders for overlayfs' ``lowerdir``, top first."""

    bare: tuple[Path, ...]
    baked: tuple[Path, ...]

    def lower(self, name: str) -> tuple[Path, ...]:
        """Return the stack of layer ``name``: ``bare`` or ``baked``."""
        return {"bare": self.bare, "baked": self.baked}[name]


@dataclass(frozen=True)
class Bundle:
    """A complete bundle in the cache.

    ``apt``, ``wheels``, ``bin`` and ``clips`` are folders that the bundle server serves below the same names,
    ``pulumi`` is the executable (its shims beside it; ``pulumi.parent.parent`` is what the Automation API calls the
    root), ``manifest`` is the manifest's file, ``digest`` (SHA-256) changes whenever anything in the bundle does,
    ``wheelhouse_digest`` (SHA-256) whenever what hosts run in Python does.
    """

    layers: Layers
    apt: Path
    wheels: Path
    bin: Path
    clips: Path
    pulumi: Path
    manifest: Path
    digest: str
    wheelhouse_digest: str

    def entries(self) -> list[Entry]:
        """Return the manifest's entries."""
        return list(manifest.parse(self.manifest.read_text()))


def components(root: Path) -> list[Component]:
    """List the components for the checkout ``root``, what is needed first; long ones early."""
    packages = roles.collect_packages(root)
    own_go = golang.own_toolchain(golang.needed_version((pulumi.TOOLS / "go.mod").read_text()))
    return [
        golang.component(own_go),
        rootfs.component(),
        pulumi.component(pulumi.own_pulumi()),
        repository.component(packages),
        bake.component(packages),
        mediamtx.component(),
        wheels.locked_component(root),
        wheels.component(root),
        clips.component(root),
        pulumi.home_component(root),
    ]


def build(root: Path, cache: Path, progress: Progress, only: set[str] | None = None) -> Bundle | None:
    """Build what the cache lacks of the bundle of the checkout ``root``; the bundle, or None when ``only`` left parts out.

    ``only`` names components; what they need is built too. Raises `BundleError`; whatever happens, the cache holds
    complete products only.
    """
    wanted = schedule.with_needs(components(root.resolve()), only)
    folders = schedule.build_all(wanted, cache, progress)
    return None if only is not None else assemble(cache, folders)


def find(root: Path, cache: Path) -> Bundle | None:
    """Return the bundle of the checkout ``root`` if the cache holds all of it; builds nothing."""
    folders: dict[str, Path] = {}
    for name, key in schedule.keys(components(root.resolve())).items():
        folder = store.find(cache, name, key)
        if folder is None:
            return None
        folders[name] = folder
    return assemble(cache, folders)


def assemble(cache: Path, folders: Mapping[str, Path]) -> Bundle:
    """Put the products together: write the manifest, compute the digest."""
    text = manifest.render(manifest.entries(folders))
    digest = hashlib.sha256(text.encode()).hexdigest()

    def write(folder: Path) -> Mapping[str, object]:
        (folder / manifest.MANIFEST).write_text(text)
        return {"products": {name: str(path) for name, path in folders.items()}}

    written, _ = store.produce(cache, BUNDLE, digest, write)
    bare = folders[rootfs.NAME] / rootfs.ROOTFS
    wheelhouse = folders[wheels.NAME] / wheels.WHEELS
    return Bundle(
        layers=Layers(bare=(bare,), baked=(folders[bake.NAME] / bake.UPPER, bare)),
        apt=folders[repository.NAME] / repository.REPOSITORY,
        wheels=wheelhouse,
        bin=folders[mediamtx.NAME] / mediamtx.BINARIES,
        clips=folders[clips.NAME] / clips.CLIPS,
        pulumi=folders[pulumi.HOME] / "bin" / pulumi.NAME,
        manifest=written / manifest.MANIFEST,
        digest=digest,
        wheelhouse_digest=store.file_digest(wheelhouse / wheels.REQUIREMENTS),
    )
