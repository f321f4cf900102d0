"""promtool for unit tests: the machine's, else the very one that noc hosts run, out of the bundle."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from infra.bundle import find
from vigie.state import cache_home

ROOT: Final = Path(__file__).parents[3]


def promtool() -> list[str] | None:
    """The command that starts promtool, or ``None`` where neither the machine nor the cache has it."""
    if own := shutil.which("promtool"):
        return [own]
    bundle = find(ROOT, cache_home())
    if bundle is None:
        return None
    baked, bare = bundle.layers.baked
    # Debian 13's binary under Debian 12: with its own loader and libraries.
    library = bare / "usr/lib/x86_64-linux-gnu"
    return [str(library / "ld-linux-x86-64.so.2"), "--library-path", str(library), str(baked / "usr/bin/promtool")]
