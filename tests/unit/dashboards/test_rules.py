"""The rule file: complete, accepted by promtool, and it fires when it should and only then."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.rules import render_rules
from tests.unit.dashboards.promtool import promtool
from vigie.metrics import ALERTS, RECORDING_RULES, Metric, Reason, families, thresholds
from vigie.metrics.reasons import EarlyReason, HoldReason
from vigie.plan.constants import EXPORTER_PORTS

PROMTOOL = promtool()
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool: run `vigie bundle`")


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(render_rules())["groups"]
    return list(group["rules"])


def test_everything_of_the_contract_is_in_the_file_in_order() -> None:
    names = [rule.get("record") or rule["alert"] for rule in rules()]
    assert names == [*(rule.name for rule in RECORDING_RULES), *(alert.name for alert in ALERTS)]
    assert render_rules() == render_rules()


def test_every_alert_has_severity_words_and_a_runbook_that_exists() -> None:
    repository = Path(__file__).resolve().parents[3]
    for rule in rules()[len(RECORDING_RULES) :]:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
        assert (repository / rule["annotations"]["runbook_url"]).is_file()


def test_the_address_of_runbooks_can_be_chosen() -> None:
    assert "runbook_url: https://docs.example/r/camera-frozen.md" in render_rules("https://docs.example/r")


def test_templates_use_labels_that_the_alert_has() -> None:
    """A misspelled label prints as nothing, and nobody sees it before the night it matters."""
    by_name = {metric.name: set(metric.labels) for metric in families.METRICS}
    target = {"job", "instance", "severity"}
    for alert in ALERTS:
        used = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description)) - target
        if not used:
            continue
        names = set(re.findall(r"\bvigie_[a-z_]+\b", _expand(alert.expression)))
        assert names
        available = set.union(*(by_name[name] for name in names if name in by_name))
        assert used <= available, alert.name


def _expand(expression: str) -> str:
    for rule in RECORDING_RULES:
        expression = expression.replace(rule.name, rule.expression)
    return expression


@needs_promtool
def test_promtool_accepts_the_file(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(render_rules())
    assert PROMTOOL is not None
    subprocess.run([*PROMTOOL, "check", "rules", str(file)], check=True, capture_output=True)


@needs_promtool
def test_alerts_fire_within_a_minute_and_stay_silent_otherwise(tmp_path: Path) -> None:
    """Each alert: silent while all is well, firing 60 s after its state began (slow ones: after their hold)."""
    (tmp_path / "rules.yml").write_text(render_rules())
    (tmp_path / "test.yml").write_text(yaml.safe_dump(_promtool_tests()))
    assert PROMTOOL is not None
    done = subprocess.run(
        [*PROMTOOL, "test", "rules", str(tmp_path / "test.yml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _of_host(metric: Metric, **labels: str) -> str:
    """A series of one host: alerts that tell the host need its label."""
    return metric.where(**labels).replace("{", '{instance="i"' + ("," if labels else ""))


WELL = {
    **{families.CAMERA_FAULT.where(camera=f"c{n}", site="s", reason=reason): "0" for n in (1, 2) for reason in Reason},
    **{families.CAMERA_UP.where(camera=f"c{n}", site="s"): "1" for n in (1, 2)},
    families.RECORDING_ACTIVE.where(camera="c1", site="s"): "1",
    families.RECORDER_UP.where(identity="r"): "1",
    'vigie_storage_size_bytes{volume="v"}': "1000000",
    'vigie_storage_free_bytes{volume="v"}': "500000",
    'vigie_storage_seconds_until_full{volume="v"}': str(thresholds.STORAGE_FILLING.value + 1),
    families.STORAGE_READ_ONLY.where(volume="v"): "0",
    families.STORAGE_MOUNTED.where(volume="v"): "1",
    'up{job="j",instance="i"}': "1",
    **{families.EXPORTER_LAST_COLLECTION.where(exporter=name): "clock" for name in EXPORTER_PORTS},
    'vigie_exporter_errors_total{exporter="camera",stage="disk"}': "0",
    families.STORAGE_INODES.where(volume="v"): "1000",
    families.STORAGE_INODES_FREE.where(volume="v"): "900",
    families.STORAGE_ARRAY_MISSING.where(volume="v", device="md0"): "0",
    families.STORAGE_DISK_HEALTHY.where(volume="v", device="sda"): "1",
    families.STORAGE_WRITES.where(volume="v"): "failing",  # 1 in 5 s
    families.STORAGE_WRITE_SECONDS.where(volume="v"): "0",
    families.RETENTION_FLOOR.where(camera="c1", site="s"): "1",
    _of_host(families.RETENTION_CEILING, camera="c1", site="s"): "1",
    families.RETENTION_COVERAGE.where(camera="c1", site="s", window="hour"): "1",
    families.RETENTION_COVERAGE.where(camera="c1", site="s", window="retention"): "0.5",  # an old gap alarms nobody
    _of_host(families.KEEPER_UP): "1",
    _of_host(families.KEEPER_CLOCK): "1",
    _of_host(families.KEEPER_PASS, store="recordings"): "clock",
    _of_host(families.KEEPER_OVERDUE_SECONDS, store="recordings"): str(thresholds.CEILING_GRACE.value),
    **{_of_host(families.KEEPER_HOLDS, store="recordings", reason=reason): "0" for reason in HoldReason},
    **{_of_host(families.KEEPER_EARLY, store="recordings", reason=reason): "7" for reason in EarlyReason},
    _of_host(families.KEEPER_SHORT, store="recordings"): "0",
    _of_host(families.EVIDENCE_BEYOND): "10",
    _of_host(families.EVIDENCE_ROOM): "100",
    _of_host(families.LEDGER_UP): "1",
    _of_host(families.LEDGER_FED): "clock",
}
_FULL = {'vigie_storage_free_bytes{volume="v"}': "1000"}

# Alert -> what is different while it fires, and which alerts stand beside it for the same cause.
STATES: dict[str, tuple[dict[str, str], set[str]]] = {
    **{
        name: ({families.CAMERA_FAULT.where(camera="c1", site="s", reason=reason): "1"}, set())
        for name, reason in {
            "VigieCameraUnreachable": Reason.UNREACHABLE,
            "VigieCameraAuthenticationFailed": Reason.AUTH_FAILED,
            "VigieCameraStalled": Reason.STALLED,
            "VigieCameraNotRecorded": Reason.NOT_RECORDED,
            "VigieCameraLowFrameRate": Reason.LOW_FPS,
            "VigieCameraFrozen": Reason.FROZEN,
            "VigieCameraBlack": Reason.BLACK,
        }.items()
    },
    "VigieSiteUnreachable": (
        {families.CAMERA_FAULT.where(camera=f"c{n}", site="s", reason=Reason.UNREACHABLE): "1" for n in (1, 2)},
        {"VigieCameraUnreachable"},
    ),
    "VigieRecorderDown": ({families.RECORDER_UP.where(identity="r"): "0"}, set()),
    "VigieRecordingStopped": ({families.RECORDING_ACTIVE.where(camera="c1", site="s"): "0"}, set()),
    "VigieStorageFilling": ({'vigie_storage_seconds_until_full{volume="v"}': "3600"}, set()),
    "VigieStorageNearlyFull": ({'vigie_storage_free_bytes{volume="v"}': "20000"}, set()),
    "VigieStorageFull": (_FULL, set()),
    "VigieStorageNotMounted": ({families.STORAGE_MOUNTED.where(volume="v"): "0"}, set()),
    "VigieStorageReadOnly": ({families.STORAGE_READ_ONLY.where(volume="v"): "1"}, set()),
    "VigieTargetDown": ({'up{job="j",instance="i"}': "0"}, set()),
    "VigieExporterStale": ({families.EXPORTER_LAST_COLLECTION.where(exporter="camera"): "stopped"}, set()),
    "VigieExporterErrors": ({'vigie_exporter_errors_total{exporter="camera",stage="disk"}': "failing"}, set()),
    "VigieStorageInodesNearlyUsed": ({families.STORAGE_INODES_FREE.where(volume="v"): "40"}, set()),
    "VigieStorageArrayDegraded": ({families.STORAGE_ARRAY_MISSING.where(volume="v", device="md0"): "1"}, set()),
    "VigieStorageDiskFailing": ({families.STORAGE_DISK_HEALTHY.where(volume="v", device="sda"): "0"}, set()),
    "VigieStorageSlow": ({families.STORAGE_WRITE_SECONDS.where(volume="v"): "failing"}, set()),  # 1 s each
    "VigieFloorBroken": ({families.RETENTION_FLOOR.where(camera="c1", site="s"): "0"}, set()),
    "VigieCeilingBroken": ({_of_host(families.RETENTION_CEILING, camera="c1", site="s"): "0"}, set()),
    "VigieErasureOverdue": (
        {_of_host(families.KEEPER_OVERDUE_SECONDS, store="recordings"): str(thresholds.CEILING_GRACE.value + 1)},
        set(),
    ),
    "VigieCoverageLow": (
        {families.RETENTION_COVERAGE.where(camera="c1", site="s", window="hour"): "0.9"},
        set(),
    ),
    "VigieKeeperDown": ({_of_host(families.KEEPER_UP): "0"}, set()),
    "VigieKeeperStale": ({_of_host(families.KEEPER_PASS, store="recordings"): "hanging"}, set()),
    "VigieKeeperHolding": (
        {_of_host(families.KEEPER_HOLDS, store="recordings", reason=HoldReason.READ_ONLY): "1"},
        set(),
    ),
    "VigieKeeperClockUntrusted": (
        {
            _of_host(families.KEEPER_CLOCK): "0",
            _of_host(families.KEEPER_HOLDS, store="recordings", reason=HoldReason.CLOCK): "1",
        },
        set(),
    ),
    "VigieErasedEarly": (
        {_of_host(families.KEEPER_EARLY, store="recordings", reason=EarlyReason.BELOW_FLOOR): "failing"},
        set(),
    ),
    "VigieErasedForRoom": (
        {_of_host(families.KEEPER_EARLY, store="recordings", reason=EarlyReason.ROOM): "failing"},
        set(),
    ),
    "VigieKeeperOutOfRoom": ({_of_host(families.KEEPER_SHORT, store="recordings"): "1000"}, set()),
    "VigieEvidenceRoomNearlyUsed": ({_of_host(families.EVIDENCE_BEYOND): "90"}, set()),
    "VigieLedgerDown": ({_of_host(families.LEDGER_UP): "0"}, set()),
    "VigieLedgerLate": ({_of_host(families.LEDGER_FED): "hanging"}, set()),
    **{
        f"Vigie{name.capitalize()}ExporterAbsent": (
            {families.EXPORTER_LAST_COLLECTION.where(exporter=name): "missing"},
            set(),
        )
        for name in EXPORTER_PORTS
    },
}


def test_every_alert_has_a_firing_test() -> None:
    assert set(STATES) == {alert.name for alert in ALERTS}


def _promtool_tests() -> dict[str, Any]:
    tests = [_case(WELL, set(), 1800)]
    for name, (changes, beside) in STATES.items():
        hold = next(alert.hold for alert in ALERTS if alert.name == name)
        slow = hold.endswith("m")
        tests.append(_case(WELL | changes, {name, *beside}, int(hold[:-1]) * 60 + _RATE_WINDOW if slow else 60))
    return {"rule_files": ["rules.yml"], "evaluation_interval": "5s", "tests": tests}


_RATE_WINDOW = 300
_VALUES = {"clock": "0+5x500", "stopped": "0x500", "failing": "0+1x500", "missing": "_x500", "hanging": "-600+0x500"}


def _case(series: dict[str, str], firing: set[str], after: int) -> dict[str, Any]:
    return {
        "interval": "5s",
        "input_series": [
            {"series": name, "values": _VALUES.get(value, f"{value}x500")} for name, value in series.items()
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{after}s",
                "exp_samples": [
                    {"labels": f'{{alertname="{name}"}}', "value": _count(name, firing)} for name in sorted(firing)
                ],
            }
        ],
    }


def _count(name: str, firing: set[str]) -> int:
    """Both cameras of a site that is cut off are unreachable."""
    return 2 if name == "VigieCameraUnreachable" and "VigieSiteUnreachable" in firing else 1
