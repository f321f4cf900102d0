"""Everything in a bundle, also what the manifest sums up: packages inside the bare layer, Go modules inside binaries."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.bundle import bake, golang, manifest, mediamtx, pulumi, repository, rootfs, store, wheels
from infra.bundle.builder import Bundle
from infra.bundle.component import Entry
from infra.bundle.mirror import parse_index_targets

MODULE = "module"  # kind of a Go module compiled into a binary; the other kinds are the manifest's
PACKAGE = "package"
STDLIB = "stdlib"  # Go's own library, as vulnerability databases name it

_ALTERNATIVE = re.compile(r"[,|]")
_PACKAGE_NAME = re.compile(r"^\s*([a-z0-9][a-z0-9+.-]+)")


@dataclass(frozen=True)
class Part:
    """Something in the bundle. ``entry.sha256`` is empty where nothing of it is served on its own.

    ``inside`` are the parts that hold it; ``needs`` are other parts, all by ``reference``. ``licences`` are all its licences.
    ``listed`` says whether the manifest names it. ``architecture`` is Debian's word.
    """

    entry: Entry
    licences: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    architecture: str = ""
    go_sum: str = ""
    listed: bool = True

    @property
    def reference(self) -> str:
        return reference(self.entry)


def reference(entry: Entry) -> str:
    """The name of a part within a bundle."""
    return f"{entry.kind}:{entry.name}@{entry.version}"


def collect(bundle: Bundle) -> list[Part]:
    """All parts of ``bundle``, sorted by reference. Runs ``go version -m`` of the bundle's toolchain on its binaries."""
    products = {name: Path(path) for name, path in store.read_record(bundle.manifest.parent)["products"].items()}
    listed = bundle.entries()
    layers = [products[bake.NAME] / bake.UPPER, products[rootfs.NAME] / rootfs.ROOTFS]
    index = (products[repository.NAME] / repository.REPOSITORY / "Packages").read_text(encoding="utf-8")
    status = (layers[1] / "var/lib/dpkg/status").read_text(encoding="utf-8")
    parts = [
        *packages(listed, parse_index_targets(index), parse_index_targets(status), layers),
        *wheel_parts([entry for entry in listed if entry.kind in {"wheel", "wheelhouse"}], bundle.wheels),
        *_others(listed),
    ]
    go = products[golang.NAME] / golang.NAME
    binaries = {mediamtx.NAME: bundle.bin / mediamtx.NAME, pulumi.NAME: bundle.pulumi}
    for name, binary in binaries.items():
        (holder,) = [entry for entry in listed if entry.name == name and entry.kind in {"binary", "control"}]
        parts += modules(_build_facts(go, binary), reference(holder))
    return merged(parts)


def packages(
    listed: Iterable[Entry],
    index: Sequence[Mapping[str, str]],
    status: Sequence[Mapping[str, str]],
    layers: Sequence[Path],
) -> Iterator[Part]:
    """The Debian packages of the repository (``index``) and of the bare layer (dpkg's ``status``), with what they depend on."""
    entries = {(entry.name, entry.version): entry for entry in listed if entry.kind == PACKAGE}
    served = {fields["Package"]: fields for fields in index}
    known = {fields["Package"]: fields for fields in status} | served
    names = {name: reference(_package_entry(fields, entries)) for name, fields in known.items()}
    provided = {
        virtual: names[name]
        for name, fields in sorted(known.items())
        for virtual in _package_names(fields.get("Provides", ""))
    }
    for name, fields in sorted(known.items()):
        text = manifest.copyright_text(name, layers)
        asked = [*_package_names(fields.get("Depends", "")), *_package_names(fields.get("Pre-Depends", ""))]
        needs = {found for other in asked if (found := (provided | names).get(other)) and found != names[name]}
        yield Part(
            _package_entry(fields, entries),
            licences=tuple(manifest.licence_names(text)) if text else (),
            inside=_named(listed, "layer", bake.NAME if name in served else rootfs.NAME),
            needs=tuple(sorted(needs)),
            architecture=fields["Architecture"],
            listed=(name, fields["Version"]) in entries,
        )


def _package_entry(fields: Mapping[str, str], entries: Mapping[tuple[str, str], Entry]) -> Entry:
    """The manifest's entry of a package, or one for a package that lies in a layer only."""
    key = (fields["Package"], fields["Version"])
    return entries.get(key) or Entry(*key, "", "", kind=PACKAGE)


def _package_names(relations: str) -> list[str]:
    """The package names in a relation field of Debian (policy 7.1), alternatives all of them, versions left out."""
    return [match[1] for part in _ALTERNATIVE.split(relations) if (match := _PACKAGE_NAME.match(part))]


def _named(listed: Iterable[Entry], kind: str, name: str) -> tuple[str, ...]:
    return tuple(reference(entry) for entry in listed if entry.kind == kind and entry.name == name)


def wheel_parts(listed: Sequence[Entry], folder: Path) -> Iterator[Part]:
    """The wheels in ``folder`` with what they require on a host (core metadata, Requires-Dist)."""
    names = {canonicalize_name(entry.name): reference(entry) for entry in listed if entry.kind == "wheel"}
    house = _named(listed, wheels.NAME, wheels.NAME)
    for entry in listed:
        if entry.kind != "wheel":
            yield Part(entry)  # each wheel has its own licence
            continue
        with zipfile.ZipFile(folder / entry.path.rsplit("/", 1)[-1]) as archive:
            (name,) = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
            metadata = HeaderParser().parsestr(archive.read(name).decode())
        required = map(Requirement, metadata.get_all("Requires-Dist", []))
        environment = wheels.host_environment() | {"extra": ""}
        needs = {
            names[canonicalize_name(one.name)]
            for one in required
            if canonicalize_name(one.name) in names and (one.marker is None or one.marker.evaluate(environment))
        }
        yield Part(entry, (entry.licence,), house, tuple(sorted(needs)))


def _others(listed: Sequence[Entry]) -> Iterator[Part]:
    """Layers, binaries and clips, and what is embedded in a binary."""
    for entry in listed:
        if entry.kind not in {PACKAGE, "wheel", "wheelhouse"}:
            holder = entry.kind.removeprefix("embedded in ")
            licences = () if entry.kind == "layer" else (entry.licence,)  # each package has its own
            yield Part(entry, licences, _named(listed, "binary", holder))


def _build_facts(go: Path, binary: Path) -> str:
    environment = os.environ | {"GOTOOLCHAIN": "local"}
    return subprocess.run(
        [go, "version", "-m", binary], check=True, capture_output=True, text=True, env=environment
    ).stdout


def modules(facts: str, holder: str) -> Iterator[Part]:
    """The Go modules in what ``go version -m`` prints of a binary (runtime/debug, BuildInfo); a replacement counts instead."""
    first, *lines = facts.splitlines()
    found: list[tuple[str, str, str]] = [(STDLIB, first.rsplit("go", 1)[-1].split()[0], "")]
    for line in lines:
        kind, *words = line.strip().split("\t")
        if kind == "dep" and len(words) >= 2:
            found.append((words[0], words[1], words[2] if len(words) > 2 else ""))
        elif kind == "=>" and len(words) >= 2:
            found[-1] = (words[0], words[1], words[2] if len(words) > 2 else "")
    for name, version, total in found:
        yield Part(Entry(name, version, "", "", kind=MODULE), inside=(holder,), go_sum=total, listed=False)


def merged(parts: Iterable[Part]) -> list[Part]:
    """``parts`` sorted by reference; one that is in several others, as modules are in binaries, is one part."""
    found: dict[str, Part] = {}
    for part in parts:
        known = found.get(part.reference, part)
        found[part.reference] = replace(known, inside=tuple(sorted({*known.inside, *part.inside})))
    return [found[name] for name in sorted(found)]
