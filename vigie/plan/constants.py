"""Ports and paths of the platform: each is written here once and derived everywhere.

Ports follow the field's defaults where one exists (IANA, Prometheus port registry); Vigie's own sit in 9601-9699.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

SSH_PORT: Final = 22
NTP_PORT: Final = 123  # RFC 5905
CHRONY_COMMAND_PORT: Final = 323  # loopback; IANA "rmonitor", chrony's default
RTSP_PORT: Final = 554  # RFC 7826
BUNDLE_PORT: Final = 8443
PROMETHEUS_PORT: Final = 9090
ALERTMANAGER_PORT: Final = 9093
NODE_EXPORTER_PORT: Final = 9100
CAMERA_EXPORTER_PORT: Final = 9601
RECORDING_EXPORTER_PORT: Final = 9602
STORAGE_EXPORTER_PORT: Final = 9603
RETENTION_EXPORTER_PORT: Final = 9604
LEDGER_PORT: Final = 9611
KEEPER_PORT: Final = 9612
LAB_ENCODER_CONTROL_PORT: Final = 9690  # loopback of a lab host only
RECORDER_API_PORT: Final = 9997  # loopback; one host may hold several identities, each a stride lower
RECORDER_METRICS_PORT: Final = 9998  # loopback; likewise
RECORDER_PORT_STRIDE: Final = 10
FIRST_USER_PORT: Final = 1024  # below it a process needs privileges (RFC 6335 system ports)

EXPORTER_PORTS: Final = {
    "camera": CAMERA_EXPORTER_PORT,
    "recording": RECORDING_EXPORTER_PORT,
    "storage": STORAGE_EXPORTER_PORT,
    "retention": RETENTION_EXPORTER_PORT,
}

ETC: Final = PurePosixPath("/etc/vigie")
CA_FILE: Final = ETC / "ca.pem"
TLS_DIR: Final = ETC / "tls"
RECORDER_DIR: Final = ETC / "recorder"
EXPORTER_DIR: Final = ETC / "exporters"
ARCHIVE_DIR: Final = ETC / "archive"
LEDGER_CONFIG: Final = ARCHIVE_DIR / "ledger.json"
LAB_ENCODER_CONFIG: Final = ETC / "lab-encoder.json"
CLIP_DIR: Final = PurePosixPath("/var/lib/vigie/clips")
VENV_DIR: Final = PurePosixPath("/opt/vigie")
RECORDINGS: Final = PurePosixPath("/srv/recordings")
STALLS_DIR: Final = RECORDINGS / ".ledger"  # stalls inside segments, noted beside the footage
LEDGER_DIR: Final = PurePosixPath("/var/lib/vigie/ledger")  # the system's disk: a full volume stops no book-keeping
LEDGER_STORE: Final = LEDGER_DIR / "intervals.db"
COPIES_DIR: Final = PurePosixPath("/var/lib/vigie/copies")  # journals of other recorders
ADMIN_USER: Final = "vigie"

# What a browser can open. Debian's Prometheus carries the classic pages only, its Alertmanager none but the API.
PAGES: Final[dict[str, tuple[str, ...]]] = {
    "prometheus": ("/classic/targets", "/classic/alerts", "/classic/graph"),
    "alertmanager": ("/api/v2/alerts",),
}
