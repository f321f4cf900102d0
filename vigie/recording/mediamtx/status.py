"""What MediaMTX says of its paths. It is its word only: with a full disk a path is ready and nothing is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(r'^(paths|paths_bytes_received)\{name="([^"]*)",state="([^"]*)"\} (\d+)$')


@dataclass(frozen=True, slots=True)
class PathStatus:
    """State of one path: whether its source is ready, and bytes received since the path was created."""

    ready: bool
    bytes_received: int


def parse_metrics(text: str) -> dict[str, PathStatus]:
    """Path name -> status, from the text of MediaMTX's `/metrics`. Lines of other families are skipped."""
    ready: dict[str, bool] = {}
    received: dict[str, int] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if not match:
            continue
        family, name, state, value = match.groups()
        ready[name] = state == "ready"
        if family == "paths_bytes_received":
            received[name] = int(value)
    return {name: PathStatus(is_ready, received.get(name, 0)) for name, is_ready in ready.items()}
