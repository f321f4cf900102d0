"""The bill of materials names every part of the bundle, is valid CycloneDX, and is the same bytes for the same bundle."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from infra.bundle import (
    bake,
    clips,
    contents,
    golang,
    manifest,
    mediamtx,
    pulumi,
    repository,
    rootfs,
    sbom,
    store,
    wheels,
)
from infra.bundle.builder import assemble
from infra.bundle.component import Entry, record
from infra.bundle.contents import Part

SHA = "ab" * 32
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12
Depends: libgcc-s1

Package: python3
Architecture: amd64
Version: 3.13.5-1
Provides: python3-supported-min (= 3.13), python3-profiler
Depends: libc6 (>= 2.38), missing-here | libc6
"""
INDEX = """\
Package: chrony
Architecture: amd64
Version: 4.6.1-3
Depends: libc6 (>= 2.38), python3-profiler | other
Pre-Depends: python3:any
Filename: ./chrony_4.6.1-3_amd64.deb
SHA256: {sha}
"""
# What `go version -m` prints; the script below stands in for the toolchain.
FACTS = {
    "mediamtx": "x: go1.26.8\n\tpath\tx\n\tmod\tx\t(devel)\t\n\tdep\tgithub.com/A/b\tv1.2.3\th1:abc=\n\tdep\tgolang.org/x/old\tv0.1.0\n\t=>\tgolang.org/x/new\tv0.2.0\th1:def=\n\tbuild\t-trimpath=true\n",
    "pulumi": "y: go1.26.8 X:loopvar\n\tdep\tgithub.com/A/b\tv1.2.3\th1:abc=\n\tdep\tgopkg.in/yaml.v3\tv3.0.1\th1:ghi=\n",
}
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n{requires}\n"


def wheel(folder: Path, name: str, licence: str, *requires: str) -> Path:
    path = folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    lines = "".join(f"Requires-Dist: {one}\n" for one in requires)
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo(f"{name}-1.0.dist-info/METADATA")
        archive.writestr(member, METADATA.format(name=name, licence=licence, requires=lines))
    return path


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small bundle, laid out as the builder does."""
    tmp_path = tmp_path_factory.mktemp("bundle")
    folders = {
        name: tmp_path / "cache" / name / "key"
        for name in (
            golang.NAME,
            rootfs.NAME,
            repository.NAME,
            bake.NAME,
            mediamtx.NAME,
            wheels.NAME,
            clips.NAME,
            pulumi.NAME,
            pulumi.HOME,
        )
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    entries: dict[str, list[Entry]] = {name: [] for name in folders}

    def write(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    bare, upper = folders[rootfs.NAME] / rootfs.ROOTFS, folders[bake.NAME] / bake.UPPER
    write(bare / "var/lib/dpkg/status", STATUS)
    write(bare / "usr/share/doc/libc6/copyright", "License: LGPL-2.1+\n\nLicense: GPL-2\n")
    names = "".join(f"License: L-{number}\n" for number in range(9))
    write(upper / "usr/share/doc/chrony/copyright", names)
    entries[rootfs.NAME] = [Entry("layer-bare", "13.1", "each", SHA, kind="layer")]
    entries[bake.NAME] = [Entry("layer-baked", "2026", "each", SHA, kind="layer")]
    write(folders[repository.NAME] / repository.REPOSITORY / "Packages", INDEX.format(sha=SHA))
    entries[repository.NAME] = [Entry("chrony", "4.6.1-3", "", SHA, "/apt/chrony.deb", "package")]
    house = folders[wheels.NAME] / wheels.WHEELS
    house.mkdir()
    paths = [
        wheel(house, "Big-Library", "MIT", "small", "elsewhere; sys_platform == 'win32'", "small; extra == 'more'"),
        wheel(house, "small", "Apache-2.0 OR MIT"),
    ]
    write(house / wheels.REQUIREMENTS, "big-library==1.0\n")
    entries[wheels.NAME] = [
        *map(wheels.wheel_entry, paths),
        Entry("wheelhouse", "3.13", "each", SHA, "/wheels/r", "wheelhouse"),
    ]
    binary = write(folders[mediamtx.NAME] / mediamtx.BINARIES / "mediamtx", "elf")
    hls = Entry("hls.js", "1.6.9", "Apache-2.0", "sha512:" + "cd" * 64, kind="embedded in mediamtx")
    entries[mediamtx.NAME] = [
        Entry("mediamtx", "v1.14.0", "MIT", store.file_digest(binary), "/bin/mediamtx", "binary"),
        hls,
    ]
    write(folders[pulumi.HOME] / "bin" / "pulumi", "elf")
    entries[pulumi.NAME] = [Entry("pulumi", "3.259.0", "Apache-2.0", SHA, kind="control")]
    entries[clips.NAME] = [Entry("a.clip", "1", "Apache-2.0", SHA, "/clips/a.clip", "clip")]
    go = folders[golang.NAME] / golang.NAME
    for name, facts in FACTS.items():
        write(folders[golang.NAME] / name, facts)
    write(go, f'#!/bin/sh\n[ "$1 $2" = "version -m" ] && exec cat "{go.parent}/$(basename "$3")"\nexit 1\n').chmod(
        0o755
    )
    for name, folder in folders.items():
        write(folder / store.RECORD, json.dumps(record(entries[name])))
    return assemble(tmp_path / "cache", folders)


@pytest.fixture(scope="module")
def parts(bundle: Any) -> list[Part]:
    return contents.collect(bundle)


@pytest.fixture(scope="module")
def document(bundle: Any, parts: list[Part]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(sbom.render(parts, bundle.digest))
    return loaded


def test_it_is_valid_by_the_schema(bundle: Any, parts: list[Part]) -> None:
    text = sbom.render(parts, bundle.digest)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    broken = text.replace('"type": "application"', '"type": "programme"', 1)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_the_same_bundle_has_the_same_bytes(bundle: Any, parts: list[Part]) -> None:
    assert sbom.render(contents.collect(bundle), bundle.digest) == sbom.render(parts, bundle.digest)
    assert sbom.render(parts, bundle.digest) != sbom.render(parts, "0" * 64)


def test_every_entry_of_the_manifest_is_one_component_with_its_checksum(bundle: Any, document: dict[str, Any]) -> None:
    listed = {contents.reference(entry): entry for entry in manifest.parse(bundle.manifest.read_text())}
    found = {component["bom-ref"]: component for component in document["components"]}
    assert len(found) == len(document["components"])
    assert listed.keys() <= found.keys()
    for name, entry in listed.items():
        properties = {one["name"]: one["value"] for one in found[name]["properties"]}
        assert [one["content"] for one in found[name]["hashes"]] == [entry.sha256.removeprefix("sha512:")]
        assert (found[name]["name"], found[name]["version"]) == (entry.name, entry.version)
        assert properties.get(sbom.PATH, "") == entry.path
    assert {name.split(":")[0] for name in found.keys() - listed.keys()} == {"package", "module"}


def test_what_the_manifest_sums_up_is_in_it(document: dict[str, Any]) -> None:
    """Packages of the bare layer, and modules inside binaries: the replaced one, not the one it replaces."""
    assert {component["purl"] for component in document["components"] if "purl" in component} == {
        "pkg:deb/debian/chrony@4.6.1-3?arch=amd64&distro=trixie",
        "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=trixie",
        "pkg:deb/debian/python3@3.13.5-1?arch=amd64&distro=trixie",
        "pkg:pypi/big-library@1.0",
        "pkg:pypi/small@1.0",
        "pkg:golang/github.com/bluenviron/mediamtx@v1.14.0",
        "pkg:golang/github.com/pulumi/pulumi/pkg/v3@v3.259.0",
        "pkg:golang/github.com/A/b@v1.2.3",
        "pkg:golang/golang.org/x/new@v0.2.0",
        "pkg:golang/gopkg.in/yaml.v3@v3.0.1",
        "pkg:golang/stdlib@1.26.8",
        "pkg:npm/hls.js@1.6.9",
    }


def test_who_holds_and_needs_whom(document: dict[str, Any]) -> None:
    edges = {one["ref"]: one.get("dependsOn", []) for one in document["dependencies"]}
    assert edges["package:chrony@4.6.1-3"] == ["package:libc6@2.41-12", "package:python3@3.13.5-1"]
    assert edges["package:libc6@2.41-12"] == []
    assert edges["wheel:Big-Library@1.0"] == ["wheel:small@1.0"]
    assert edges["layer:layer-bare@13.1"] == ["package:libc6@2.41-12", "package:python3@3.13.5-1"]
    assert edges["layer:layer-baked@2026"] == ["package:chrony@4.6.1-3"]
    shared = "module:github.com/A/b@v1.2.3"
    assert shared in edges["binary:mediamtx@v1.14.0"]
    assert shared in edges["control:pulumi@3.259.0"]
    assert "embedded in mediamtx:hls.js@1.6.9" in edges["binary:mediamtx@v1.14.0"]
    reached, waiting = set(), ["bundle"]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += edges[name]
    assert reached == {"bundle", *(component["bom-ref"] for component in document["components"])}


def test_licences_are_spdxs_where_it_knows_them(document: dict[str, Any]) -> None:
    said = {component["bom-ref"]: component.get("licenses", []) for component in document["components"]}
    assert said["wheel:small@1.0"] == [{"expression": "Apache-2.0 OR MIT"}]
    assert said["binary:mediamtx@v1.14.0"] == [{"license": {"id": "MIT"}}]
    assert {"license": {"name": "GPL-2"}} in said["package:libc6@2.41-12"]
    assert len(said["package:chrony@4.6.1-3"]) == 9, "all of them, also those that the manifest sums up"
