"""Starting what must outlive the run that starts it: in control groups of its own, in a session of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from infra.lab import cgroups
from infra.lab.errors import LabError

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Writes itself into the procs files that stand before "--", then forks away from the caller's session and ends, so
# that the command is nobody's child: no run has to wait for it, and no Ctrl-C reaches it. Until that fork it dies with
# the caller: were the caller killed, the next run must not meet a launch that is still under way.
_SCRIPT: Final = """
while [ "$1" != -- ]; do echo $$ > "$1" || exit 1; shift; done
shift; exec setsid --fork "$@"
"""


def launch(
    group: PurePosixPath, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Start ``command`` detached in ``group`` of every hierarchy, its output in ``log``. Raises ``LabError``."""
    procs = [str(path) for path in cgroups.create(group)]
    with log.open("wb") as output:
        done = subprocess.run(
            ["setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", _SCRIPT, "launch", *procs, "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={"PATH": _PATH, **(environment or {})},
            cwd="/",
            check=False,
        )
    if done.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        raise LabError(f"{command[0]} could not be started in {group}: {said}")
