"""Names that the program, the Automation API and plain ``pulumi`` share."""

from __future__ import annotations

from typing import Final

PROJECT: Final = "vigie"  # as in Pulumi.yaml
PLAN_VARIABLE: Final = "VIGIE_PLAN"
TARGET_FILE: Final = "target.json"  # beside plan.json, in the state folder of the city
