"""Renders the Prometheus rule file from the metric contract.

Every alert carries a severity, a summary, a description and the address of its runbook. Prometheus evaluates groups in
parallel and the rules of one in order, so recording rules stand in the group of what uses them, first.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from vigie.metrics import ALERTS, RECORDING_RULES, Alert, RecordingRule

EVALUATION_SECONDS: Final = 5
# Where the runbooks of this repository are served or browsed; relative, so that any documentation server fits.
RUNBOOK_ROOT: Final = "docs/runbooks"


def render_rules(runbook_root: str = RUNBOOK_ROOT) -> str:
    """The rule file as YAML: same contract, same bytes. `runbook_root` is a path or URL without trailing slash."""
    rules = [*map(_recording, RECORDING_RULES), *(_alerting(alert, runbook_root) for alert in ALERTS)]
    groups = [{"name": "vigie", "interval": f"{EVALUATION_SECONDS}s", "rules": rules}]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=1000)


def _recording(rule: RecordingRule) -> dict[str, Any]:
    return {"record": rule.name, "expr": rule.expression}


def _alerting(alert: Alert, runbook_root: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.hold,
        "labels": {"severity": alert.severity.value},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook_url": f"{runbook_root}/{alert.runbook}.md",
        },
    }
