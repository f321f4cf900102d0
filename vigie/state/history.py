"""The plans that were deployed: ``history/<UTC time>-<first 12 of the digest>.json.gz``, one for each that differs."""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from vigie.plan.document import load_plan
from vigie.plan.model import Plan
from vigie.state import State

KEPT: Final = 100  # deployments; the plan of 100,000 cameras packs into a few megabytes
DIGEST_LENGTH: Final = 12
_TIME: Final = "%Y%m%dT%H%M%SZ"
_NAME: Final = re.compile(r"(?P<time>\d{8}T\d{6}Z)-(?P<digest>[0-9a-f]{12})\.json\.gz")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A plan of the history: when its deployment began, the first digits of its digest, and its file."""

    time: datetime
    digest: str
    path: Path

    @property
    def name(self) -> str:
        """How people name it: ``20261124T113000Z-0123456789ab``."""
        return self.path.name.removesuffix(".json.gz")

    def load(self) -> Plan:
        """The plan itself. Raises ``OSError``, or ``ValueError`` for a file that was damaged."""
        return load_plan(self.path)


def deployments(state: State) -> list[Deployed]:
    """The history of ``state``, oldest first."""
    found = []
    for path in sorted(state.history.glob("*.json.gz")):
        if match := _NAME.fullmatch(path.name):
            time = datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC)
            found.append(Deployed(time, match["digest"], path))
    return found


def find(state: State, name: str) -> Deployed:
    """The one deployment whose name, or whose digest, begins with ``name``. Raises ``LookupError`` with what there is."""
    known = deployments(state)
    digests = {one.digest for one in known if one.digest.startswith(name)}
    found = [one for one in known if one.name.startswith(name)] or [one for one in known if one.digest in digests]
    if name and len({one.digest for one in found}) == 1:
        return found[-1]  # the same plan deployed twice is one plan
    says = "several deployments" if found else "no deployment"
    listed = ", ".join(one.name for one in known) or "nothing was deployed yet"
    raise LookupError(f"{says} called {name!r}: {listed}")


def remember(state: State, digest: str, dumped: str, now: datetime | None = None) -> Path:
    """Keep the plan ``dumped`` (``dump_plan``) unless it is the newest already; drop all but the newest ``KEPT``.

    ``now`` is in UTC. Returns the plan's file. Whole or not at all, for its owner alone.
    """
    known = deployments(state)
    if known and known[-1].digest == digest[:DIGEST_LENGTH]:
        return known[-1].path
    state.history.mkdir(exist_ok=True, mode=0o700)
    moment = now or datetime.now(UTC)
    target = state.history / f"{moment.strftime(_TIME)}-{digest[:DIGEST_LENGTH]}.json.gz"
    descriptor, name = tempfile.mkstemp(dir=state.history, prefix=".plan.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(gzip.compress(dumped.encode(), mtime=0))
    Path(name).replace(target)
    for old in deployments(state)[:-KEPT]:
        old.path.unlink()
    return target
