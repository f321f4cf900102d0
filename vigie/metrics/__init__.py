"""The metric contract: what is measured, by whom, where the limits are, and what raises an alarm.

`python -m vigie.metrics` renders docs/metrics.md. Exporters build their families from here, dashboards and rules take
names and limits from here, and tests compare what is really exposed.
"""

from __future__ import annotations

from vigie.metrics import families, thresholds
from vigie.metrics.families import METRICS, metrics_of
from vigie.metrics.model import (
    EVERY_EXPORTER,
    PREFIX,
    Alert,
    Inhibition,
    Metric,
    MetricType,
    RecordingRule,
    Severity,
    Threshold,
)
from vigie.metrics.reasons import Reason
from vigie.metrics.rules import ALERTS, INHIBITIONS, RECORDING_RULES

__all__ = [
    "ALERTS",
    "EVERY_EXPORTER",
    "INHIBITIONS",
    "METRICS",
    "PREFIX",
    "RECORDING_RULES",
    "Alert",
    "Inhibition",
    "Metric",
    "MetricType",
    "Reason",
    "RecordingRule",
    "Severity",
    "Threshold",
    "families",
    "metrics_of",
    "thresholds",
]
