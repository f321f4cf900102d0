"""The manifest of a bundle: every part that reaches a host, with version, licence, SHA-256 and where it is served."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.bundle import bake, rootfs, store
from infra.bundle.component import Entry

#: The manifest's name in the served folder.
MANIFEST = "manifest.json"

_LICENCE_FIELD = re.compile(r"^License:\s*(\S.*)$", re.MULTILINE)
_NAMES_SHOWN = 6


def entries(folders: Mapping[str, Path]) -> list[Entry]:
    """Collect the entries of every product, those that came first kept when one is in two products."""
    collected: dict[tuple[str, str, str], Entry] = {}
    layers = [folders[name] / part for name, part in _LAYERS if name in folders]
    for folder in folders.values():
        for fields in store.read_record(folder)["entries"]:
            entry = Entry(**fields)
            if entry.kind == "package":
                entry = Entry(**(fields | {"licence": package_licence(entry.name, layers)}))
            collected.setdefault((entry.kind, entry.name, entry.version), entry)
    return sorted(collected.values(), key=lambda entry: (entry.kind, entry.name, entry.version))


_LAYERS = ((bake.NAME, bake.UPPER), (rootfs.NAME, rootfs.ROOTFS))


def package_licence(package: str, layers: Sequence[Path]) -> str:
    """The licences in a Debian package's copyright file (copyright format 1.0), looked for in ``layers``, top first."""
    text = copyright_text(package, layers)
    return f"see /usr/share/doc/{package}/copyright" if text is None else parse_licences(text)


def copyright_text(package: str, layers: Sequence[Path]) -> str | None:
    """A Debian package's copyright file, looked for in ``layers``, top first; None where there is none."""
    for layer in layers:
        folder = layer / "usr/share/doc" / package
        # A package may share another's folder by a link, whose target may lie in another layer.
        named = folder.readlink().name if folder.is_symlink() else package
        for place in layers:
            copyright_file = place / "usr/share/doc" / named / "copyright"
            if copyright_file.is_file():
                return copyright_file.read_text(errors="replace")
    return None


def licence_names(text: str) -> list[str]:
    """The short names of the licences in a copyright file (copyright format 1.0), each once."""
    return list(dict.fromkeys(match.strip() for match in _LICENCE_FIELD.findall(text)))


def parse_licences(text: str) -> str:
    """The short names of the licences in a copyright file, joined; a word when it has no such fields."""
    names = licence_names(text)
    if not names:
        return "see copyright"
    more = [f"and {len(names) - _NAMES_SHOWN} more"] if len(names) > _NAMES_SHOWN else []
    return ", ".join(names[:_NAMES_SHOWN] + more)


def render(listed: Iterable[Entry]) -> str:
    """The manifest as JSON: ``{"components": [{"name", "version", "licence", "sha256", "path", "kind"}, …]}``."""
    components: list[dict[str, Any]] = [vars(entry) for entry in listed]
    return json.dumps({"components": components}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def parse(text: str) -> Iterator[Entry]:
    """Read what `render` wrote."""
    for fields in json.loads(text)["components"]:
        yield Entry(**fields)
