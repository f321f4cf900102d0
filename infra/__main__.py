"""Entry point of ``pulumi up`` in this folder.

The plan is the file that the configuration value ``vigie:plan`` or the environment variable ``VIGIE_PLAN`` names.
Beside it, ``vigie up`` keeps ``target.json``, which says where its hosts come from.
"""

from __future__ import annotations

import os
from pathlib import Path

import pulumi

from infra.program import program
from infra.settings import PLAN_VARIABLE, TARGET_FILE
from infra.targets import stored
from vigie.plan.document import load_plan


def main() -> None:
    """Run the program of the configured plan. Raises ``RunError`` when none is configured."""
    named = pulumi.Config("vigie").get("plan") or os.environ.get(PLAN_VARIABLE)
    if not named:
        raise pulumi.RunError(f"no plan: run `pulumi config set vigie:plan /path/to/plan.json`, or set {PLAN_VARIABLE}")
    path = Path(named).resolve()
    _, target = stored(path.with_name(TARGET_FILE))
    program(load_plan(path), target)


main()
