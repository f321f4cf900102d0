"""Renders the contract as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vigie.metrics import thresholds
from vigie.metrics.families import METRICS
from vigie.metrics.model import EVERY_EXPORTER, Metric, Threshold
from vigie.metrics.reasons import Reason
from vigie.metrics.rules import ALERTS, RECORDING_RULES

_HEAD = """# Metrics, limits and alarms

Generated from `vigie/metrics/` by `python -m vigie.metrics`; a unit test fails when this page is out of date.
"""


def render_reference() -> str:
    """The text of docs/metrics.md, ending in a newline."""
    parts = [_HEAD, *_families(), *_limits(), *_rules(), *_alerts()]
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def _families() -> Iterator[str]:
    exporters = dict.fromkeys(metric.exporter for metric in METRICS)
    for exporter in exporters:
        title = "Every exporter" if exporter == EVERY_EXPORTER else f"Exporter `{exporter}`"
        yield f"## {title}\n"
        yield _table(
            ("name", "type", "labels", "unit", "meaning"),
            (_family(metric) for metric in METRICS if metric.exporter == exporter),
        )
    yield f"Reasons of a fault, the primary first: {', '.join(f'`{reason}`' for reason in Reason)}.\n"


def _family(metric: Metric) -> tuple[str, ...]:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"`{metric.name}`", metric.type.value, labels, metric.unit or "1", metric.help


def _limits() -> Iterator[str]:
    limits = ((name, value) for name, value in vars(thresholds).items() if isinstance(value, Threshold))
    yield "## Limits\n"
    yield _table(
        ("name", "value", "unit", "why"), ((f"`{name}`", str(limit), limit.unit, limit.why) for name, limit in limits)
    )


def _rules() -> Iterator[str]:
    yield "## Recording rules\n"
    yield _table(
        ("name", "expression", "meaning"),
        ((f"`{rule.name}`", f"`{rule.expression}`", rule.help) for rule in RECORDING_RULES),
    )


def _alerts() -> Iterator[str]:
    yield "## Alarms\n"
    yield _table(
        ("name", "severity", "hold", "expression", "runbook"),
        (
            (
                f"`{alert.name}`",
                alert.severity.value,
                alert.hold,
                f"`{alert.expression}`",
                f"[{alert.runbook}](runbooks/{alert.runbook}.md)",
            )
            for alert in ALERTS
        ),
    )
