"""The command answers at once: what only some commands need is imported by them."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("aiohttp", "ansible", "dashboards", "infra", "jinja2", "openpyxl", "pulumi", "pyrage")


def test_help_imports_nothing_heavy() -> None:
    program = f"import sys, vigie.cli.app; print([name for name in {HEAVY} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
