"""The metric families, by exporter. An exporter may expose these and nothing else; a test compares."""

from __future__ import annotations

from typing import Final

from vigie.metrics.model import EVERY_EXPORTER, Metric, MetricType

_CAMERA: Final = ("camera", "site")
_VOLUME: Final = ("volume",)


def _camera(name: str, unit: str, text: str, *more: str, kind: MetricType = MetricType.GAUGE) -> Metric:
    return Metric(f"vigie_camera_{name}", kind, (*_CAMERA, *more), unit, text, "camera")


def _recording(name: str, unit: str, text: str) -> Metric:
    return Metric(f"vigie_recording_{name}", MetricType.GAUGE, _CAMERA, unit, text, "recording")


def _storage(name: str, unit: str, text: str, *more: str, kind: MetricType = MetricType.GAUGE) -> Metric:
    return Metric(f"vigie_storage_{name}", kind, (*_VOLUME, *more), unit, text, "storage")


def _retention(name: str, unit: str, text: str, *more: str) -> Metric:
    return Metric(f"vigie_retention_{name}", MetricType.GAUGE, (*_CAMERA, *more), unit, text, "retention")


def _host(name: str, unit: str, text: str, *labels: str, kind: MetricType = MetricType.GAUGE) -> Metric:
    return Metric(f"vigie_{name}", kind, labels, unit, text, "retention")


def _exporter(name: str, unit: str, text: str, *more: str, kind: MetricType = MetricType.GAUGE) -> Metric:
    return Metric(f"vigie_exporter_{name}", kind, ("exporter", *more), unit, text, EVERY_EXPORTER)


CAMERA_UP: Final = _camera("up", "boolean", "1 when the camera answers: its stream is ready or its RTSP port replied.")
CAMERA_AUTHENTICATED: Final = _camera(
    "authenticated", "boolean", "1 when the camera accepts our password, 0 when it refuses; absent while unknown."
)
CAMERA_FAULT: Final = _camera(
    "fault", "boolean", "1 while the camera has this fault; every reason is always exposed.", "reason"
)
CAMERA_FRAMES: Final = _camera(
    "frames_total", "frames", "Frames found on the disk since the exporter started.", kind=MetricType.COUNTER
)
CAMERA_BYTES: Final = _camera(
    "bytes_total", "bytes", "Bytes of frames found on the disk since the exporter started.", kind=MetricType.COUNTER
)
CAMERA_FRAME_RATE: Final = _camera(
    "frames_per_second", "frames per second", "Frame rate of the newest footage on the disk, by its own timestamps."
)
CAMERA_FRAME_RATE_EXPECTED: Final = _camera(
    "expected_frames_per_second", "frames per second", "Frame rate that the plan sets for the main stream."
)
CAMERA_STREAM_RATE: Final = _camera(
    "stream_bytes_per_second", "bytes per second", "What the recorder receives from the camera, by the recorder's word."
)
CAMERA_STREAM_RATE_EXPECTED: Final = _camera(
    "expected_bytes_per_second", "bytes per second", "Bit rate that the plan sets for the main stream, in bytes."
)
CAMERA_KEYFRAME_AGE: Final = _camera(
    "keyframe_age_seconds", "seconds", "Age of the newest keyframe on the disk; grows when nothing is written."
)
CAMERA_STREAM_READY: Final = _camera(
    "stream_ready", "boolean", "1 when MediaMTX calls the path ready. Not proof of recording; absent while unknown."
)
CAMERA_LUMINANCE: Final = _camera(
    "picture_luminance_ratio", "ratio", "Mean luminance of the last picture decoded, 0 black to 1 white."
)
CAMERA_UNCHANGED: Final = _camera(
    "picture_unchanged_seconds", "seconds", "For how much footage the decoded pictures have been the same."
)
CAMERA_PICTURE_CHECK: Final = _camera(
    "picture_check_timestamp_seconds", "seconds", "When a picture was last decoded, as Unix time."
)
CAMERA_INFO: Final = _camera(
    "info",
    "",
    "Facts of the camera; join on camera. Model and codec are labels here only.",
    "identity",
    "model",
    "codec",
    "width",
    "height",
    kind=MetricType.INFO,
)
RECORDER_UP: Final = Metric(
    "vigie_recorder_up",
    MetricType.GAUGE,
    ("identity",),
    "boolean",
    "1 when the recorder process of this identity answers on its metrics port.",
    "camera",
)

RECORDING_ACTIVE: Final = _recording("active", "boolean", "1 when new footage reached the disk just now.")
RECORDING_WRITE_AGE: Final = _recording(
    "last_write_age_seconds", "seconds", "Age of the last frame on the disk; absent when there is no footage."
)
RECORDING_NEWEST: Final = _recording(
    "newest_timestamp_seconds", "seconds", "End of the newest footage, as Unix time; absent when there is none."
)
RECORDING_OLDEST: Final = _recording(
    "oldest_timestamp_seconds", "seconds", "Start of the oldest footage, as Unix time; absent when there is none."
)
RECORDING_BYTES: Final = _recording("bytes", "bytes", "Size of all segments of the camera on this host.")
RECORDING_SEGMENTS: Final = _recording("segments", "segments", "Number of segments of the camera on this host.")

STORAGE_MOUNTED: Final = _storage("mounted", "boolean", "0 when nothing is mounted there; then nothing else is known.")
STORAGE_SIZE: Final = _storage("size_bytes", "bytes", "Size of the file system.")
STORAGE_FREE: Final = _storage("free_bytes", "bytes", "Space that the recorder may still use (without root's reserve).")
STORAGE_WRITTEN: Final = _storage(
    "written_bytes_total",
    "bytes",
    "Bytes written to the block device; without one, growth of the used space since the exporter started.",
    kind=MetricType.COUNTER,
)
STORAGE_UNTIL_FULL: Final = _storage(
    "seconds_until_full",
    "seconds",
    "Time until the volume is full by the median slope of its use, clamped to one year; absent until known.",
)
STORAGE_READ_ONLY: Final = _storage("read_only", "boolean", "1 when the file system is mounted read-only.")
STORAGE_INFO: Final = _storage(
    "info",
    "",
    "Where the volume is mounted, and what it is.",
    "mount",
    "device",
    "filesystem",
    kind=MetricType.INFO,
)

STORAGE_INODES: Final = _storage(
    "inodes", "inodes", "Files that the file system can hold; absent where it has no limit."
)
STORAGE_INODES_FREE: Final = _storage("free_inodes", "inodes", "Files that it can still hold.")
STORAGE_WRITES: Final = _storage(
    "writes_total", "writes", "Writes that the block device finished; absent without one.", kind=MetricType.COUNTER
)
STORAGE_WRITE_SECONDS: Final = _storage(
    "write_seconds_total",
    "seconds",
    "Time that those writes took, summed over them; divided by their number it is the write latency.",
    kind=MetricType.COUNTER,
)
STORAGE_ARRAY_MISSING: Final = _storage(
    "array_missing_disks", "disks", "Disks that an array (md) below the volume lacks; absent without one.", "device"
)
STORAGE_DISK_HEALTHY: Final = _storage(
    "disk_healthy",
    "boolean",
    "What SMART says of a disk below the volume, as the smartmon collector wrote it; absent where it does not run.",
    "device",
)

RETENTION_COVERAGE: Final = _retention(
    "coverage_ratio",
    "ratio",
    "Part of the window that is on the disk: retention is the floor or the time since the camera was planned; hour the last one.",
    "window",
)
RETENTION_GAPS: Final = _retention("gaps", "gaps", "Absences of footage in the retention window.")
RETENTION_GAP_SECONDS: Final = _retention("gap_seconds", "seconds", "Length of these absences together.")
RETENTION_KEPT: Final = _retention(
    "kept_seconds", "seconds", "How far back footage reaches; absent when there is none."
)
RETENTION_GOAL: Final = _retention(
    "goal_seconds",
    "seconds",
    "How far back it should reach by now: the floor, or the time since the camera was planned.",
)
RETENTION_FLOOR: Final = _retention(
    "floor_compliant",
    "boolean",
    "0 when footage younger than the floor was recorded and is gone; absent while unknown.",
)
RETENTION_CEILING: Final = _retention(
    "ceiling_compliant",
    "boolean",
    "0 when footage past the ceiling is there and no lock keeps it; absent while unknown.",
)

LEDGER_UP: Final = _host("ledger_up", "boolean", "1 when the ledger of the host answers.")
LEDGER_FED: Final = _host(
    "ledger_fed_timestamp_seconds", "seconds", "When footage last reached its store, as Unix time."
)
LEDGER_COMPARED: Final = _host(
    "ledger_compared_timestamp_seconds",
    "seconds",
    "When its last comparison with the disk ended, as Unix time; absent until the first one.",
)
KEEPER_UP: Final = _host("keeper_up", "boolean", "1 when the keeper of the host answers.")
KEEPER_CLOCK: Final = _host(
    "keeper_clock_trusted", "boolean", "1 when the keeper believes the clock; absent while unknown."
)
KEEPER_JOURNAL: Final = _host(
    "keeper_journal_entries_total", "entries", "Number of the journal's last entry.", kind=MetricType.COUNTER
)
KEEPER_PASS: Final = _host(
    "keeper_pass_timestamp_seconds", "seconds", "When the last pass over a store began, as Unix time.", "store"
)
KEEPER_PASS_DURATION: Final = _host("keeper_pass_duration_seconds", "seconds", "How long that pass took.", "store")
KEEPER_OVERDUE: Final = _host(
    "keeper_overdue_items", "items", "Unlocked items past their ceiling that are still there.", "store"
)
KEEPER_OVERDUE_BYTES: Final = _host("keeper_overdue_bytes", "bytes", "Size of these items.", "store")
KEEPER_OVERDUE_SECONDS: Final = _host(
    "keeper_overdue_seconds", "seconds", "How late the oldest of them is; 0 without one.", "store"
)
KEEPER_ERASED: Final = _host(
    "keeper_erased_items_total", "items", "Items erased for whatever reason.", "store", kind=MetricType.COUNTER
)
KEEPER_ERASED_BYTES: Final = _host(
    "keeper_erased_bytes_total", "bytes", "Size of these items.", "store", kind=MetricType.COUNTER
)
KEEPER_EARLY: Final = _host(
    "keeper_early_erasures_total",
    "items",
    "Items erased before their ceiling because the disk was full: room, above the floor; below_floor, by the city's policy.",
    "store",
    "reason",
    kind=MetricType.COUNTER,
)
KEEPER_FAILED: Final = _host(
    "keeper_failed_erasures_total", "items", "Erasures that the disk refused.", "store", kind=MetricType.COUNTER
)
KEEPER_QUARANTINED: Final = _host(
    "keeper_quarantined_total", "files", "Broken files set aside.", "store", kind=MetricType.COUNTER
)
KEEPER_HOLDS: Final = _host(
    "keeper_holds", "holds", "Cameras, or the whole store as one, whose erasure is held; by reason.", "store", "reason"
)
KEEPER_SHORT: Final = _host(
    "keeper_short_bytes", "bytes", "Room that recording needs and that nothing may give.", "store"
)
EVIDENCE_LOCKS: Final = _host("evidence_locks", "locks", "Evidence locks that hold.")
EVIDENCE_BYTES: Final = _host("evidence_bytes", "bytes", "Footage that locks keep.")
EVIDENCE_BEYOND: Final = _host("evidence_beyond_bytes", "bytes", "Of it, what only the locks keep from being erased.")
EVIDENCE_ROOM: Final = _host("evidence_room_bytes", "bytes", "Room that the plan reserves for such footage.")

EXPORTER_LAST_COLLECTION: Final = _exporter(
    "last_collection_timestamp_seconds", "seconds", "When the last complete sample was taken, as Unix time."
)
EXPORTER_DURATION: Final = _exporter("collection_duration_seconds", "seconds", "How long the last sample took.")
EXPORTER_ERRORS_TOTAL: Final = _exporter(
    "errors_total",
    "errors",
    "Failures of the exporter itself, by stage; a dead camera is not one.",
    "stage",
    kind=MetricType.COUNTER,
)
EXPORTER_BUILD: Final = _exporter(
    "build_info", "", "Version of the exporter and of Python.", "version", "python", kind=MetricType.INFO
)

METRICS: Final[tuple[Metric, ...]] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))


def metrics_of(exporter: str) -> tuple[Metric, ...]:
    """The families that `exporter` must expose: its own and those of every exporter."""
    return tuple(metric for metric in METRICS if metric.exporter in (exporter, EVERY_EXPORTER))
