"""Renders the configuration of one recorder identity. Pure; the result holds camera passwords, so its file is 0600."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

import yaml

from vigie.recording.layout import MEDIAMTX_PATTERN, check_camera_id

METRICS_USER: Final = "exporter"
API_USER: Final = "operator"
LOOPBACK: Final = "127.0.0.1"

# What a crash can lose. Exporters judge freshness by it (vigie.metrics.thresholds.NOT_WRITTEN_AFTER).
PART_SECONDS: Final = 1
# The default of 512 packets (1.4 s of 4 Mbit/s) lost more than half of the frames on a starved host.
WRITE_QUEUE_PACKETS: Final = 8192
READ_TIMEOUT_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class RecordedCamera:
    """A camera to pull over RTSP/TCP. `path` starts with a slash and may carry a query; the password is not shown."""

    id: str
    address: str
    port: int
    path: str
    username: str
    password: str = field(repr=False)

    def source(self) -> str:
        """The RTSP URL with percent-encoded credentials (RFC 3986 3.2.1): MediaMTX takes them in no other way."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        credentials = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}@" if self.username else ""
        return f"rtsp://{credentials}{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """What one identity needs. Password hashes are in the form of `hash_password`; ports are on loopback."""

    identity: str
    api_port: int
    metrics_port: int
    recordings: PurePosixPath
    segment_seconds: int
    metrics_password_hash: str
    api_password_hash: str
    cameras: Sequence[RecordedCamera]


def hash_password(password: str) -> str:
    """`sha256:` and the Base64 of the SHA-256 of the UTF-8 password, as MediaMTX compares it.

    Unsalted, so only for long random passwords, which are the only ones this project makes.
    """
    return "sha256:" + base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()


def render_configuration(settings: RecorderSettings) -> dict[str, Any]:
    """The configuration as MediaMTX v1.14 takes it, all keys that matter written out.

    Raises ValueError for an unsafe or repeated camera id, a path without a slash, or a password that is not hashed.
    """
    _check(settings)
    return {
        "logLevel": "info",
        "logDestinations": ["stdout"],
        "readTimeout": f"{READ_TIMEOUT_SECONDS}s",
        "writeQueueSize": WRITE_QUEUE_PACKETS,
        "authMethod": "internal",
        "authInternalUsers": [
            _user(METRICS_USER, settings.metrics_password_hash, "metrics"),
            _user(API_USER, settings.api_password_hash, "api"),
        ],
        "api": True,
        "apiAddress": f"{LOOPBACK}:{settings.api_port}",
        "metrics": True,
        "metricsAddress": f"{LOOPBACK}:{settings.metrics_port}",
        "pprof": False,
        "playback": False,
        "rtsp": False,
        "rtmp": False,
        "hls": False,
        "webrtc": False,
        "srt": False,
        "pathDefaults": {
            "sourceOnDemand": False,
            "rtspTransport": "tcp",
            "record": True,
            "recordPath": f"{settings.recordings}/{MEDIAMTX_PATTERN}",
            "recordFormat": "fmp4",
            "recordPartDuration": f"{PART_SECONDS}s",
            "recordSegmentDuration": f"{settings.segment_seconds}s",
            # Its cleaner knows time only and forgets removed cameras: retention is Vigie's own.
            "recordDeleteAfter": "0s",
        },
        "paths": {camera.id: {"source": camera.source()} for camera in settings.cameras},
    }


def render_yaml(configuration: dict[str, Any]) -> str:
    """The file's text: same input, same bytes."""
    # libyaml: ten times as fast, and a large recorder has a thousand paths.
    return str(yaml.dump(configuration, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=1000))


def _user(name: str, password_hash: str, action: str) -> dict[str, Any]:
    return {
        "user": name,
        "pass": password_hash,
        "ips": [f"{LOOPBACK}/32"],
        "permissions": [{"action": action}],
    }


def _check(settings: RecorderSettings) -> None:
    seen: set[str] = set()
    for camera in settings.cameras:
        check_camera_id(camera.id)
        if camera.id in seen:
            raise ValueError(f"camera {camera.id} is recorded twice by identity {settings.identity}")
        seen.add(camera.id)
        if not camera.path.startswith("/"):
            raise ValueError(f"camera {camera.id}: the stream path {camera.path!r} starts with a slash")
    for password_hash in (settings.metrics_password_hash, settings.api_password_hash):
        if not password_hash.startswith("sha256:"):
            raise ValueError(f"identity {settings.identity}: passwords are given hashed (see hash_password)")
    if settings.segment_seconds <= PART_SECONDS:
        raise ValueError(
            f"identity {settings.identity}: segments of {settings.segment_seconds} s are no longer than a part"
        )
