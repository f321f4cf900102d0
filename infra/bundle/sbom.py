"""The bill of materials of a bundle, in CycloneDX 1.6 (ECMA-424, https://cyclonedx.org): what reaches hosts, for auditors.

Equal bundles have equal bytes: the serial number comes from the bundle's digest, the time is that of the Debian archive.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from infra.bundle import pins
from infra.bundle.contents import MODULE, PACKAGE, Part

#: Our own properties; the manifest's kind, the path on the bundle server, Go's module hash.
KIND: Final = "vigie:bundle:kind"
PATH: Final = "vigie:bundle:path"
GO_SUM: Final = "vigie:bundle:go-sum"

_BUNDLE: Final = "bundle"
_SHA512: Final = "sha512:"
_TYPES: Final = {
    "layer": ComponentType.OPERATING_SYSTEM,
    "binary": ComponentType.APPLICATION,
    "control": ComponentType.APPLICATION,
    "clip": ComponentType.DATA,
    "wheelhouse": ComponentType.FILE,
}


def render(parts: Sequence[Part], bundle_digest: str) -> str:
    """The bill of materials of ``parts`` as JSON text, each part one component whose ``bom-ref`` is its reference.

    ``bundle_digest`` is the SHA-256 that names the bundle, hexadecimal.
    """
    whole = Component(
        name="vigie-bundle", version=bundle_digest[:12], type=ComponentType.PLATFORM, bom_ref=BomRef(_BUNDLE)
    )
    moment = datetime.fromisoformat(pins.ARCHIVE_EPOCH).replace(tzinfo=UTC)
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, bundle_digest),
        metadata=BomMetaData(component=whole, timestamp=moment),
        components=[component(part) for part in parts],
        dependencies=_dependencies(parts),
    )
    text = JsonV1Dot6(bom).output_as_string()
    return json.dumps(json.loads(text), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def component(part: Part) -> Component:
    """One part as a component."""
    entry = part.entry
    said = {KIND: entry.kind, PATH: entry.path, GO_SUM: part.go_sum}
    return Component(
        name=entry.name,
        version=entry.version,
        type=_TYPES.get(entry.kind, ComponentType.LIBRARY),
        bom_ref=BomRef(part.reference),
        purl=purl(part),
        hashes=[_hash(entry.sha256)] if entry.sha256 else [],
        licenses=licences(part.licences),
        properties=[Property(name=name, value=value) for name, value in said.items() if value],
    )


def purl(part: Part) -> PackageURL | None:
    """The package URL (https://github.com/package-url/purl-spec); None for what is of our own making."""
    entry = part.entry
    if entry.kind == PACKAGE:
        qualifiers = {"arch": part.architecture, "distro": pins.HOST_SUITE}
        return PackageURL("deb", "debian", entry.name, entry.version, qualifiers)
    if entry.kind == "wheel":
        return PackageURL("pypi", None, canonicalize_name(entry.name), entry.version)
    if entry.kind == MODULE:
        return _golang(entry.name, entry.version)
    if entry.name == "mediamtx":
        return _golang(pins.MEDIAMTX_MODULE, entry.version)
    if entry.name == "pulumi":
        return _golang(pins.PULUMI_MODULE, f"v{entry.version}")
    return PackageURL("npm", None, entry.name, entry.version) if entry.name == "hls.js" else None


def _golang(module: str, version: str) -> PackageURL:
    namespace, _, name = module.rpartition("/")
    return PackageURL("golang", namespace or None, name, version)


def _hash(text: str) -> HashType:
    if text.startswith(_SHA512):
        return HashType(alg=HashAlgorithm.SHA_512, content=text.removeprefix(_SHA512))
    return HashType(alg=HashAlgorithm.SHA_256, content=text)


def licences(names: Iterable[str]) -> list[License]:
    """Licences as SPDX knows them where it does, else by the name that the author gives.

    A list may hold one SPDX expression alone, or any number of single licences: beside others an expression is a name.
    """
    found = [LicenseFactory().make_from_string(name) for name in dict.fromkeys(names) if name]
    if len(found) == 1:
        return found
    return [
        DisjunctiveLicense(name=licence.value) if isinstance(licence, LicenseExpression) else licence
        for licence in found
    ]


def _dependencies(parts: Sequence[Part]) -> list[Dependency]:
    """Who holds or needs whom; the bundle holds what lies in no other part."""
    edges: dict[str, set[str]] = {part.reference: set(part.needs) for part in parts}
    edges[_BUNDLE] = {part.reference for part in parts if not part.inside}
    for part in parts:
        for holder in part.inside:
            edges[holder].add(part.reference)
    return [
        Dependency(BomRef(name), [Dependency(BomRef(other)) for other in sorted(others)])
        for name, others in sorted(edges.items())
    ]
