"""The metric contract holds together: names, expressions, page, runbooks."""

from __future__ import annotations

import re
from pathlib import Path

import promql_parser
import pytest

from vigie.metrics import (
    ALERTS,
    EVERY_EXPORTER,
    INHIBITIONS,
    METRICS,
    RECORDING_RULES,
    Alert,
    Metric,
    MetricType,
    Reason,
    RecordingRule,
    Severity,
    Threshold,
    families,
    metrics_of,
    thresholds,
)
from vigie.metrics.reference import render_reference
from vigie.plan.constants import EXPORTER_PORTS

REPOSITORY = Path(__file__).resolve().parents[3]
EXPRESSIONS = {rule.name: rule.expression for rule in RECORDING_RULES} | {a.name: a.expression for a in ALERTS}
# Series that Prometheus itself makes.
BUILT_IN = {"up"}


def selectors(expression: str) -> dict[str, set[str]]:
    """Metric name -> names of the labels that its selectors match on, by the parsed tree's own printing."""
    printed = promql_parser.parse(expression).prettify()
    found: dict[str, set[str]] = {}
    for name, matchers in re.findall(r"([a-z_]+(?::[a-z0-9_:]+)?|vigie_\w+)(?:\{([^}]*)\})?(?![\w(])", printed):
        if name in BUILT_IN or name.startswith("vigie_") or ":" in name:
            found.setdefault(name, set()).update(re.findall(r"(\w+)\s*[=!]", matchers or ""))
    return found


def test_the_page_is_up_to_date() -> None:
    page = (REPOSITORY / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page == render_reference(), "run: python -m vigie.metrics > docs/metrics.md"


def test_names_are_unique() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    alerts = [alert.name for alert in ALERTS]
    assert len(set(alerts)) == len(alerts)


def test_every_exporter_has_a_port_and_families_of_its_own() -> None:
    owners = {metric.exporter for metric in METRICS} - {EVERY_EXPORTER}
    assert owners == set(EXPORTER_PORTS)
    for owner in owners:
        assert len(metrics_of(owner)) > len(metrics_of("none"))


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_parse(name: str) -> None:
    promql_parser.parse(EXPRESSIONS[name])


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_use_only_what_exists(name: str) -> None:
    labels = {metric.name: {*metric.labels, "job", "instance"} for metric in METRICS}
    rules = {rule.name for rule in RECORDING_RULES}
    used = selectors(EXPRESSIONS[name])
    assert used, EXPRESSIONS[name]
    for metric, matched in used.items():
        if metric in labels:
            assert matched <= labels[metric], metric
        else:
            assert metric in rules | BUILT_IN, metric


def test_selectors_are_found() -> None:
    """The check above would pass on anything if it found nothing."""
    found = selectors('rate(vigie_camera_frames_total{site="a"}[1m]) > site:vigie_camera_up:sum and up == 0')
    assert found == {"vigie_camera_frames_total": {"site"}, "site:vigie_camera_up:sum": set(), "up": set()}


def test_every_reason_and_watched_state_has_an_alert() -> None:
    text = "\n".join(alert.expression for alert in ALERTS)
    for reason in Reason:
        assert text.count(f'reason="{reason}"') == 1, reason
    for watched in (families.RECORDER_UP, families.RECORDING_ACTIVE, families.STORAGE_READ_ONLY):
        assert f"{watched} ==" in text
    for exporter in EXPORTER_PORTS:
        assert f"absent({families.EXPORTER_LAST_COLLECTION.where(exporter=exporter)})" in text


def test_not_connected_and_not_recorded_are_different_alarms() -> None:
    by_runbook = {alert.runbook: alert for alert in ALERTS}
    unreachable, not_recorded = by_runbook["camera-unreachable"], by_runbook["camera-not-recorded"]
    assert unreachable.expression != not_recorded.expression
    assert not_recorded.severity is Severity.CRITICAL


WITHOUT_ALERT = {"control-node-lost"}  # nothing of the city fails then: no metric could tell


def test_runbooks_and_alerts_match() -> None:
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (REPOSITORY / "docs" / "runbooks").glob("*.md")}
    assert {alert.runbook for alert in ALERTS} | WITHOUT_ALERT == set(pages)
    for alert in ALERTS:
        page = pages[alert.runbook]
        assert f"`{alert.name}`" in page
        assert all(f"## {part}" in page for part in ("What it means", "Look at", "Fix"))
    for name, page in pages.items():
        for link in re.findall(r"\]\(([^)#]+)\)", page):
            assert (REPOSITORY / "docs" / "runbooks" / link).is_file(), f"{name}: {link}"


def test_inhibitions_name_alerts() -> None:
    names = {alert.name for alert in ALERTS}
    for inhibition in INHIBITIONS:
        assert {inhibition.source, *inhibition.targets} <= names


def test_thresholds_have_units_and_reasons() -> None:
    limits = [value for value in vars(thresholds).values() if isinstance(value, Threshold)]
    assert len(limits) > 10
    assert all(limit.unit and limit.why for limit in limits)
    assert thresholds.LOW_FRAME_RATE.value < thresholds.LOW_FRAME_RATE_CLEAR.value
    assert thresholds.BLACK_LUMINANCE.value < thresholds.BLACK_LUMINANCE_CLEAR.value
    assert thresholds.STORAGE_FULL.value < thresholds.STORAGE_NEARLY_FULL.value


@pytest.mark.parametrize(("value", "text"), [(0.8, "0.8"), (86_400, "86400"), (31_536_000, "31536000"), (10, "10")])
def test_thresholds_print_as_promql_numbers(value: float, text: str) -> None:
    assert str(Threshold(value, "", "")) == text


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        ("camera_up", MetricType.GAUGE, ""),
        ("vigie_frames", MetricType.COUNTER, ""),
        ("vigie_frames_total", MetricType.GAUGE, ""),
        ("vigie_camera", MetricType.INFO, ""),
        ("vigie_age", MetricType.GAUGE, "seconds"),
    ],
)
def test_names_against_the_conventions_are_refused(name: str, kind: MetricType, unit: str) -> None:
    with pytest.raises(ValueError):
        Metric(name, kind, (), unit, "", "camera")


def test_unknown_labels_and_bad_names_are_refused() -> None:
    with pytest.raises(ValueError):
        families.CAMERA_UP.where(reason="x")
    with pytest.raises(ValueError):
        RecordingRule("vigie_camera_up", "x", "")
    with pytest.raises(ValueError):
        Alert("VigieX", "x", "soon", Severity.WARNING, "", "", "")
    with pytest.raises(ValueError):
        Alert("X", "x", "5s", Severity.WARNING, "", "", "")
