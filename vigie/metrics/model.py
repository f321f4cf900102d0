"""Types of the metric contract: metrics, thresholds, alerts and recording rules.

Naming follows the Prometheus guide (https://prometheus.io/docs/practices/naming/): one prefix, base units in the
name, counters end in `_total`; recording rules are `level:metric:operations`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "vigie_"
_NAME = re.compile(r"^vigie(_[a-z][a-z0-9]*)+$")
_RULE_NAME = re.compile(r"^[a-z_]+:vigie_[a-z0-9_]+:[a-z0-9_]+$")
_DURATION = re.compile(r"^\d+[smhd]$")
EVERY_EXPORTER: Final = "every"


class MetricType(StrEnum):
    """Prometheus types used here. INFO is a gauge that is always 1 and carries its facts in labels."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


class Severity(StrEnum):
    """CRITICAL: footage is being lost or is about to be. WARNING: someone looks in working hours."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family: its full exposed name, label names in order, base unit, and the exporter that owns it.

    Raises ValueError when the name breaks the conventions of this module.
    """

    name: str
    type: MetricType
    labels: tuple[str, ...]
    unit: str
    help: str
    exporter: str

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"{self.name}: a metric name is lower case and starts with {PREFIX}")
        if self.name.endswith("_total") != (self.type is MetricType.COUNTER):
            raise ValueError(f"{self.name}: counters, and only counters, end in _total")
        if self.name.endswith("_info") != (self.type is MetricType.INFO):
            raise ValueError(f"{self.name}: info metrics, and only they, end in _info")
        if self.unit in ("seconds", "bytes", "ratio") and self.unit not in self.name:
            raise ValueError(f"{self.name}: the unit {self.unit} belongs in the name")

    def __str__(self) -> str:
        return self.name

    def where(self, **labels: str) -> str:
        """A PromQL selector of this metric; raises ValueError for a label that the metric does not have."""
        unknown = set(labels) - set(self.labels)
        if unknown:
            raise ValueError(f"{self.name} has no label {', '.join(sorted(unknown))}")
        inner = ",".join(f'{name}="{value}"' for name, value in labels.items())
        return f"{self.name}{{{inner}}}"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit with its unit and the reason for it; formats as a PromQL number."""

    value: float
    unit: str
    why: str

    def __str__(self) -> str:
        return f"{self.value:g}" if abs(self.value) < 1e6 else f"{self.value:.0f}"


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """A precomputed expression named `level:metric:operations`."""

    name: str
    expression: str
    help: str

    def __post_init__(self) -> None:
        if not _RULE_NAME.match(self.name):
            raise ValueError(f"{self.name}: a recording rule is named level:metric:operations")

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule. `hold` is a Prometheus duration; `runbook` is a page name in docs/runbooks/ without suffix.

    `summary` and `description` may use the template language of Prometheus (`{{ $labels.camera }}`).
    """

    name: str
    expression: str
    hold: str
    severity: Severity
    summary: str
    description: str
    runbook: str

    def __post_init__(self) -> None:
        if not self.name.startswith("Vigie"):
            raise ValueError(f"{self.name}: alert names start with Vigie")
        if not _DURATION.match(self.hold):
            raise ValueError(f"{self.name}: hold {self.hold!r} is not a duration such as 30s")


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While `source` fires, `targets` with equal values of the labels `equal` stay silent (Alertmanager)."""

    source: str
    targets: tuple[str, ...]
    equal: tuple[str, ...]
