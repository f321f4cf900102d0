"""Recording rules, alerts and inhibitions, built from metric and threshold objects so that no name is typed twice."""

from __future__ import annotations

from typing import Final

from vigie.metrics import families as m
from vigie.metrics import thresholds as t
from vigie.metrics.archive_alerts import KEEPER_ALERTS, RETENTION_ALERTS
from vigie.metrics.model import Alert, Inhibition, RecordingRule, Severity
from vigie.metrics.reasons import Reason

SITE_CAMERAS: Final = RecordingRule(
    "site:vigie_camera_up:count", f"count by (site) ({m.CAMERA_UP})", "Cameras that a site has."
)
SITE_CAMERAS_UP: Final = RecordingRule(
    "site:vigie_camera_up:sum", f"sum by (site) ({m.CAMERA_UP})", "Cameras of a site that answer."
)
SITE_UNREACHABLE: Final = RecordingRule(
    "site:vigie_camera_unreachable:ratio",
    f"avg by (site) ({m.CAMERA_FAULT.where(reason=Reason.UNREACHABLE)})",
    "Share of a site's cameras that do not answer.",
)
SITE_FAULTS: Final = RecordingRule(
    "site_reason:vigie_camera_fault:sum",
    f"sum by (site, reason) ({m.CAMERA_FAULT})",
    "Cameras with a fault, by reason.",
)
SITE_RECORDING: Final = RecordingRule(
    "site:vigie_recording_active:sum", f"sum by (site) ({m.RECORDING_ACTIVE})", "Cameras of a site being recorded now."
)
CAMERA_RECORDED_RATE: Final = RecordingRule(
    "camera:vigie_camera_bytes:rate1m",
    f"sum by (camera, site) (rate({m.CAMERA_BYTES}[1m]))",
    "Bytes a second that reach the disk.",
)
STORAGE_FREE_RATIO: Final = RecordingRule(
    "instance_volume:vigie_storage_free:ratio",
    f"{m.STORAGE_FREE} / {m.STORAGE_SIZE}",
    "Share of a volume that is free.",
)
STORAGE_INGEST: Final = RecordingRule(
    "instance_volume:vigie_storage_written_bytes:rate5m",
    f"rate({m.STORAGE_WRITTEN}[5m])",
    "Bytes a second written to a volume.",
)
STORAGE_WRITE_LATENCY: Final = RecordingRule(
    "instance_volume:vigie_storage_write_seconds:mean5m",
    f"rate({m.STORAGE_WRITE_SECONDS}[5m]) / rate({m.STORAGE_WRITES}[5m])",
    "Seconds that one write to a volume takes, on average.",
)

RECORDING_RULES: Final[tuple[RecordingRule, ...]] = tuple(
    value for value in list(globals().values()) if isinstance(value, RecordingRule)
)

_OF_CAMERA: Final = "{{ $labels.camera }} at {{ $labels.site }}"
_OF_VOLUME: Final = "{{ $labels.volume }} on {{ $labels.instance }}"


def _camera_alert(name: str, reason: Reason, severity: Severity, hold: str, summary: str, meaning: str) -> Alert:
    return Alert(
        name=f"VigieCamera{name}",
        expression=f"{m.CAMERA_FAULT.where(reason=reason)} == 1",
        hold=hold,
        severity=severity,
        summary=f"Camera {_OF_CAMERA} {summary}",
        description=meaning,
        runbook=f"camera-{reason.replace('_', '-')}",
    )


def _absence(exporter: str) -> Alert:
    return Alert(
        name=f"Vigie{exporter.capitalize()}ExporterAbsent",
        expression=f"absent({m.EXPORTER_LAST_COLLECTION.where(exporter=exporter)})",
        hold="1m",
        severity=Severity.CRITICAL,
        summary=f"No {exporter} exporter is being read at all",
        description="Nothing tells whether things are well: the other alerts of this exporter cannot fire.",
        runbook="exporter-absent",
    )


# The exporter already waits for two samples (vigie.health), so the holds of camera alerts are short: a full disk must
# alarm in under 60 s, detection (20 s), scrape and evaluation included.
CAMERA_ALERTS: Final = (
    _camera_alert(
        "Unreachable",
        Reason.UNREACHABLE,
        Severity.WARNING,
        "10s",
        "does not answer",
        "Not connected: no TCP connection or no reply to RTSP. Power, cable, switch or address.",
    ),
    _camera_alert(
        "AuthenticationFailed",
        Reason.AUTH_FAILED,
        Severity.WARNING,
        "10s",
        "refuses our password",
        "Reached, but RTSP DESCRIBE is answered with 401 for the credentials of the plan.",
    ),
    _camera_alert(
        "Stalled",
        Reason.STALLED,
        Severity.WARNING,
        "10s",
        "is connected but sends no frames",
        "The RTSP session stands and the camera accepts us, but no frame arrives.",
    ),
    _camera_alert(
        "NotRecorded",
        Reason.NOT_RECORDED,
        Severity.CRITICAL,
        "5s",
        "is connected but not recorded",
        "The camera sends or offers frames, yet none reaches the disk: disk full, read-only, or recorder down.",
    ),
    _camera_alert(
        "LowFrameRate",
        Reason.LOW_FPS,
        Severity.WARNING,
        "10s",
        "delivers fewer frames than planned",
        f"Less than {t.LOW_FRAME_RATE} of the planned frame rate reaches the disk.",
    ),
    _camera_alert(
        "Frozen",
        Reason.FROZEN,
        Severity.WARNING,
        "5s",
        "shows the same picture all the time",
        f"Frames arrive, but {t.FROZEN_PICTURES} decoded pictures over {t.FROZEN_AFTER} s or more are the same.",
    ),
    _camera_alert(
        "Black",
        Reason.BLACK,
        Severity.WARNING,
        "5s",
        "shows a black picture",
        f"Mean luminance of the decoded picture is under {t.BLACK_LUMINANCE}: lens covered, iris or sensor dead.",
    ),
)

SITE_ALERT: Final = Alert(
    "VigieSiteUnreachable",
    f"{SITE_UNREACHABLE} >= {t.SITE_UNREACHABLE} and {SITE_CAMERAS} > 1",
    "10s",
    Severity.CRITICAL,
    "Most cameras of site {{ $labels.site }} do not answer",
    "One cause for many cameras: the site's power, switch or uplink. Silences the alarms of its cameras.",
    "site-unreachable",
)
RECORDER_ALERT: Final = Alert(
    "VigieRecorderDown",
    f"{m.RECORDER_UP} == 0",
    "15s",
    Severity.CRITICAL,
    "Recorder {{ $labels.identity }} does not answer",
    "The recorder process of this identity does not answer on its metrics port.",
    "recorder-down",
)
RECORDING_ALERT: Final = Alert(
    "VigieRecordingStopped",
    f"{m.RECORDING_ACTIVE} == 0",
    "30s",
    Severity.WARNING,
    f"No new footage of camera {_OF_CAMERA}",
    "Footage is being lost, whatever the cause. The alarm of the camera, recorder or volume says which.",
    "recording-stopped",
)
STORAGE_ALERTS: Final = (
    Alert(
        "VigieStorageFilling",
        f"{m.STORAGE_UNTIL_FULL} < {t.STORAGE_FILLING} and {STORAGE_FREE_RATIO} >= {t.STORAGE_FULL}",
        "5m",
        Severity.WARNING,
        f"Volume {_OF_VOLUME} is full in {{{{ $value | humanizeDuration }}}}",
        f"By the trend of the last {int(t.TREND_WINDOW.value) // 60} minutes.",
        "storage-filling",
    ),
    Alert(
        "VigieStorageNearlyFull",
        f"{STORAGE_FREE_RATIO} < {t.STORAGE_NEARLY_FULL} and {STORAGE_FREE_RATIO} >= {t.STORAGE_FULL}",
        "1m",
        Severity.WARNING,
        f"Volume {_OF_VOLUME} has {{{{ $value | humanizePercentage }}}} left",
        "Little space is left, whatever the trend says.",
        "storage-filling",
    ),
    Alert(
        "VigieStorageFull",
        f"{STORAGE_FREE_RATIO} < {t.STORAGE_FULL}",
        "5s",
        Severity.CRITICAL,
        f"Volume {_OF_VOLUME} is full",
        "Recording stops although MediaMTX goes on calling the paths ready.",
        "storage-full",
    ),
    Alert(
        "VigieStorageNotMounted",
        f"{m.STORAGE_MOUNTED} == 0",
        "15s",
        Severity.CRITICAL,
        f"Volume {_OF_VOLUME} is not mounted",
        "Recordings would fill the system disk of the host, or are not written at all.",
        "storage-not-mounted",
    ),
    Alert(
        "VigieStorageReadOnly",
        f"{m.STORAGE_READ_ONLY} == 1",
        "5s",
        Severity.CRITICAL,
        f"Volume {_OF_VOLUME} is read-only",
        "Nothing can be recorded there. The kernel remounts a file system read-only after a device error.",
        "storage-read-only",
    ),
)
STORAGE_DEVICE_ALERTS: Final = (
    Alert(
        "VigieStorageInodesNearlyUsed",
        f"{m.STORAGE_INODES_FREE} / {m.STORAGE_INODES} < {t.INODES_NEARLY_USED}",
        "1m",
        Severity.WARNING,
        f"Volume {_OF_VOLUME} can hold few files more",
        "Without inodes no segment can begin, however many bytes are free.",
        "storage-inodes",
    ),
    Alert(
        "VigieStorageArrayDegraded",
        f"{m.STORAGE_ARRAY_MISSING} > 0",
        "30s",
        Severity.CRITICAL,
        f"Array {{{{ $labels.device }}}} below {_OF_VOLUME} lacks a disk",
        "The next disk that fails may take all recordings of this volume along.",
        "storage-array-degraded",
    ),
    Alert(
        "VigieStorageDiskFailing",
        f"{m.STORAGE_DISK_HEALTHY} == 0",
        "1m",
        Severity.CRITICAL,
        f"Disk {{{{ $labels.device }}}} below {_OF_VOLUME} says that it fails",
        "SMART: the disk itself expects to fail soon.",
        "storage-disk-failing",
    ),
    Alert(
        "VigieStorageSlow",
        f"{STORAGE_WRITE_LATENCY} > {t.WRITE_SLOW}",
        "10m",
        Severity.WARNING,
        f"A write to {_OF_VOLUME} takes {{{{ $value | humanizeDuration }}}}",
        "The device cannot keep up: footage waits in memory and is lost when the recorder's queue is full.",
        "storage-slow",
    ),
)
WATCH_ALERTS: Final = (
    Alert(
        "VigieTargetDown",
        "up == 0",
        "30s",
        Severity.CRITICAL,
        "Prometheus cannot read {{ $labels.job }} on {{ $labels.instance }}",
        "What this target measures is unknown now. Unknown is not well.",
        "target-down",
    ),
    Alert(
        "VigieExporterStale",
        f"time() - {m.EXPORTER_LAST_COLLECTION} > {t.EXPORTER_STALE}",
        "10s",
        Severity.CRITICAL,
        "The {{ $labels.exporter }} exporter on {{ $labels.instance }} answers but measures nothing",
        "Its sampler hangs, often on a dead disk; it withholds old values.",
        "exporter-stale",
    ),
    Alert(
        "VigieExporterErrors",
        f"rate({m.EXPORTER_ERRORS_TOTAL}[5m]) > {t.EXPORTER_ERRORS}",
        "5m",
        Severity.WARNING,
        "The {{ $labels.exporter }} exporter on {{ $labels.instance }} fails in stage {{ $labels.stage }}",
        "The exporter itself has errors; its journal names them.",
        "exporter-errors",
    ),
    _absence("camera"),
    _absence("recording"),
    _absence("storage"),
    _absence("retention"),
)

ALERTS: Final[tuple[Alert, ...]] = (
    *CAMERA_ALERTS,
    SITE_ALERT,
    RECORDER_ALERT,
    RECORDING_ALERT,
    *STORAGE_ALERTS,
    *STORAGE_DEVICE_ALERTS,
    *RETENTION_ALERTS,
    *KEEPER_ALERTS,
    *WATCH_ALERTS,
)

INHIBITIONS: Final = (
    Inhibition(SITE_ALERT.name, (CAMERA_ALERTS[0].name, RECORDING_ALERT.name), ("site",)),
    *(Inhibition(alert.name, (RECORDING_ALERT.name,), ("camera",)) for alert in CAMERA_ALERTS[:4]),
    # Footage that is missing now is missing of the hour, too; what holds the keeper is why it is late.
    *(Inhibition(alert.name, ("VigieCoverageLow",), ("camera",)) for alert in (RECORDING_ALERT, *CAMERA_ALERTS[:4])),
    Inhibition("VigieErasureOverdue", ("VigieCeilingBroken",), ("instance",)),
)
