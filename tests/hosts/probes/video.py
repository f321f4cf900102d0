"""Sections of the probe about video. Runs on the host: standard library only, changes nothing."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.hosts.probes.common import TIMEOUT_SECONDS, Request, patiently


def identities(request: Request) -> dict[str, Any]:
    """The configuration with which each running identity really works, asked over its control API; no source is sent."""
    if not request["identities"]:
        return {}
    login = json.loads(Path(request["api_credentials"]).read_text())
    word = base64.b64encode(f"{login['username']}:{login['password']}".encode()).decode()
    found = {}
    for identity in request["identities"]:

        def ask(path: str, port: int = identity["api_port"]) -> Any:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
            connection.request("GET", path, headers={"Authorization": f"Basic {word}"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path} answered {answer.status}")
            return json.loads(content)

        everything = ask("/v3/config/global/get")
        defaults = ask("/v3/config/pathdefaults/get")
        paths = patiently(
            lambda ask=ask: ask("/v3/paths/list?itemsPerPage=1000")["items"],  # type: ignore[misc]
            lambda items: all(item["ready"] for item in items),
        )
        found[identity["id"]] = {
            "servers": sorted(
                name for name in ("rtsp", "rtmp", "hls", "webrtc", "srt", "playback", "pprof") if everything.get(name)
            ),
            "cleaner": defaults["recordDeleteAfter"],
            "record": defaults["record"],
            "format": defaults["recordFormat"],
            "segment": defaults["recordSegmentDuration"],
            "paths": {item["name"]: bool(item["ready"]) for item in paths},
        }
    return found


def footage(request: Request) -> dict[str, Any]:
    """The newest segment of each camera: its age in seconds, and what an independent reader finds in it."""
    root, cameras = Path(request["recordings"]), request["cameras"]
    if not cameras:
        return {}

    def look() -> dict[str, tuple[Path | None, float]]:
        newest = {camera: _newest(root / camera) for camera in cameras}
        return {camera: (path, time.time() - path.stat().st_mtime if path else 0.0) for camera, path in newest.items()}

    found = patiently(look, lambda seen: all(path and age < request["fresh_seconds"] for path, age in seen.values()))
    with ThreadPoolExecutor(2) as pool:
        probes = dict(zip(found, pool.map(lambda seen: _probed(seen[0]), found.values()), strict=True))
    return {
        camera: {"path": str(path or ""), "age_seconds": age, **probes[camera]} for camera, (path, age) in found.items()
    }


def _newest(folder: Path) -> Path | None:
    """The last file of the last day: names sort as time does."""
    for _ in range(3):
        inner = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        if not inner:
            return None
        folder = inner[-1]
    segments = sorted(folder.glob("*.mp4"))
    return segments[-1] if segments else None


def _probed(path: Path | None) -> dict[str, Any]:
    """Codec and size as ffprobe reads them, and whether a first picture can be decoded."""
    if path is None or not shutil.which("ffprobe"):
        return {"probe": None}
    entries = ("-show_entries", "stream=codec_name,width,height", "-of", "json")
    shown = subprocess.run(["ffprobe", "-v", "error", *entries, path], capture_output=True, text=True, check=False)
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-threads", "1", "-i", path, "-frames:v", "1", "-f", "null", "-"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    streams = json.loads(shown.stdout or "{}").get("streams") or [{}]
    return {"probe": streams[0], "complaints": (shown.stderr + decoded.stderr).strip()[:300]}


def documents(request: Request) -> dict[str, Any]:
    """Configuration files without secrets, as values."""
    return {path: json.loads(Path(path).read_text()) for path in request["documents"]}


def simulator(request: Request) -> Any:
    """What the lab's simulator plays, by its control API on loopback."""
    if not request["simulator_port"]:
        return {}
    connection = http.client.HTTPConnection("127.0.0.1", request["simulator_port"], timeout=TIMEOUT_SECONDS)
    connection.request("GET", "/cameras")
    return json.loads(connection.getresponse().read())


def devices(request: Request) -> dict[str, str]:
    """The status line with which each RTSP device answers a DESCRIBE without credentials (RFC 2326)."""
    found = {}
    for device in request["devices"]:
        key = f"{device['address']}:{device['port']}{device['path']}"
        try:
            with socket.create_connection((device["address"], device["port"]), TIMEOUT_SECONDS) as connection:
                connection.sendall(
                    f"DESCRIBE rtsp://{key} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n".encode()
                )
                found[key] = connection.recv(4096).split(b"\r\n")[0].decode(errors="replace")
        except OSError as error:
            found[key] = str(error)
    return found
