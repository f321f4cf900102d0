"""The manifest lists every part with version, licence and checksum, and reads back as it was written."""

import json
from pathlib import Path
from typing import Any

from infra.bundle import bake, manifest, rootfs
from infra.bundle.component import Entry

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Files: *
License: GPL-2+
 text
Files: debian/*
License: GPL-2+
Files: lib/*
License: MIT
"""


def _product(folder: Path, *entries: Entry) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "product.json").write_text(json.dumps({"entries": [vars(entry) for entry in entries]}))
    return folder


def test_entries_of_all_products_are_listed_once_with_licences(tmp_path: Path) -> None:
    folder = tmp_path / "baked" / bake.UPPER / "usr/share/doc/sudo"
    folder.mkdir(parents=True)
    (folder / "copyright").write_text(COPYRIGHT)
    (folder.parent / "sudo-doc").symlink_to("sudo-common")
    below = tmp_path / "bare" / rootfs.ROOTFS / "usr/share/doc/sudo-common"
    below.mkdir(parents=True)
    (below / "copyright").write_text("License: ISC\n")
    linked = Entry("sudo-doc", "1.9", "", "dd", "/apt/sudo-doc.deb", "package")
    wheel = Entry("aiohttp", "3.14", "Apache-2.0", "aa", "/wheels/aiohttp.whl", "wheel")
    package = Entry("sudo", "1.9", "", "bb", "/apt/sudo.deb", "package")
    unknown = Entry("absent", "1", "", "cc", "/apt/absent.deb", "package")
    folders = {
        bake.NAME: _product(tmp_path / "baked"),
        rootfs.NAME: _product(tmp_path / "bare"),
        "locked": _product(tmp_path / "locked", wheel),
        "house": _product(tmp_path / "house", wheel),
        "apt": _product(tmp_path / "apt", package, unknown, linked),
    }
    listed = manifest.entries(folders)
    assert [entry.name for entry in listed] == ["absent", "sudo", "sudo-doc", "aiohttp"]
    assert [entry.licence for entry in listed] == [
        "see /usr/share/doc/absent/copyright",
        "GPL-2+, MIT",
        "ISC",
        "Apache-2.0",
    ]


def test_manifest_reads_back() -> None:
    entries = [Entry("a", "1", "MIT", "aa", "/bin/a", "binary"), Entry("b", "2", "Ünï", "bb")]
    text = manifest.render(entries)
    assert list(manifest.parse(text)) == entries
    document: dict[str, Any] = json.loads(text)
    assert {"name", "version", "licence", "sha256", "path"} <= document["components"][0].keys()


def test_copyright_without_fields_says_where_to_read() -> None:
    assert manifest.parse_licences("This package is free software.") == "see copyright"
    many = "".join(f"License: L{number}\n" for number in range(9))
    assert manifest.parse_licences(many) == "L0, L1, L2, L3, L4, L5, and 3 more"
