"""A camera and a recorder on loopback, small enough to reason about."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web

from vigie.recording.layout import Segment

USER, PASSWORD = "viewer", "open sesame"


@asynccontextmanager
async def rtsp_camera(
    *, qop: bool = False, algorithm: str = "", accept: bool = True, answer: bytes | None = None, status: int = 200
) -> AsyncIterator[tuple[int, list[str]]]:
    """Port of a camera that wants Digest, and the requests that it got. `answer` replaces all of its words."""
    requests: list[str] = []
    digest = hashlib.sha256 if algorithm == "SHA-256" else hashlib.md5

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode()).hexdigest()

    def expected(given: dict[str, str]) -> str:
        secret, request = hashed(USER, "cam", PASSWORD), hashed("DESCRIBE", given["uri"])
        extra = [given["nc"], given["cnonce"], given["qop"]] if qop else []
        return hashed(secret, "n0nce", *extra, request)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                requests.append(request)
                writer.write(answer if answer is not None else reply(request))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def reply(request: str) -> bytes:
        found = re.findall(r'(\w+)="?([^",\r]*)"?', request.partition("Authorization: Digest")[2])
        given = dict(found)
        if accept and given and given.get("response") == expected(given):
            return f"RTSP/1.0 {status} Whatever\r\nCSeq: 2\r\nContent-Length: 4\r\n\r\nv=0\n".encode()
        offer = 'Digest realm="cam", nonce="n0nce"'
        offer += ', qop="auth,auth-int"' if qop else ""
        offer += f", algorithm={algorithm}" if algorithm else ""
        basic = 'WWW-Authenticate: Basic realm="cam"\r\n'
        return f"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n{basic}WWW-Authenticate: {offer}\r\n\r\n".encode()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], requests
    finally:
        server.close()


class FakeRecorder:
    """MediaMTX's metrics page with basic authentication; `paths` is path -> (ready, bytes received)."""

    def __init__(self) -> None:
        self.paths: dict[str, tuple[bool, int]] = {}

    async def _metrics(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(b"exporter:m").decode():
            return web.Response(status=401)
        lines = []
        for name, (ready, received) in self.paths.items():
            labels = f'{{name="{name}",state="{"ready" if ready else "notReady"}"}}'
            lines += [f"paths{labels} 1", f"paths_bytes_received{labels} {received}"]
        return web.Response(text="\n".join(lines) + "\n")

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[int]:
        application = web.Application()
        application.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


def footage(root: Path, camera: str, source: str = "testsrc2", seconds: int = 12, age: float = 0.0) -> Path:
    """A real H.264 segment of `seconds` at 15 frames a second that ended `age` seconds ago, made by ffmpeg."""
    start = datetime.now(UTC) - timedelta(seconds=seconds + age)
    path = Segment(camera, start).path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    pattern = ["-f", "lavfi", "-i", f"{source}{':' if '=' in source else '='}size=192x108:rate=15", "-t", str(seconds)]
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "30", "-pix_fmt", "yuv420p"]
    form = ["-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-f", "mp4"]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *pattern, *codec, *form, str(path)], check=True)
    return path
