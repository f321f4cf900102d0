"""MediaMTX as the recorder: its configuration from plain inputs, its own word on each path, and proof that the
running process has the configuration of the file. Verified against v1.14.0.

On hosts: `python -m vigie.recording.mediamtx check FILE` before a file replaces the old one, and
`… confirm FILE --credentials FILE` after.
"""

from __future__ import annotations

from vigie.recording.mediamtx.configuration import (
    API_USER,
    METRICS_USER,
    RecordedCamera,
    RecorderSettings,
    hash_password,
    render_configuration,
    render_yaml,
)
from vigie.recording.mediamtx.status import PathStatus, parse_metrics

__all__ = [
    "API_USER",
    "METRICS_USER",
    "PathStatus",
    "RecordedCamera",
    "RecorderSettings",
    "hash_password",
    "parse_metrics",
    "render_configuration",
    "render_yaml",
]
