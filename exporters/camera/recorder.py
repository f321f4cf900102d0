"""Reads the word of the recorder's MediaMTX on its paths."""

from __future__ import annotations

import base64

import aiohttp

from exporters.camera.configuration import Identity, Login
from vigie.metrics.thresholds import PROBE_TIMEOUT
from vigie.recording.mediamtx.status import PathStatus, parse_metrics


class RecorderClient:
    """Asks MediaMTX on loopback. Use inside a running event loop."""

    def __init__(self, login: Login) -> None:
        token = base64.b64encode(f"{login.username}:{login.password.get_secret_value()}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}  # RFC 7617
        self._timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT.value)

    async def paths(self, identity: Identity) -> dict[str, PathStatus] | None:
        """Path name -> status; None when the recorder does not answer, or not with its metrics."""
        try:
            async with (
                aiohttp.ClientSession(headers=self._headers, timeout=self._timeout) as session,
                session.get(identity.metrics_url, params={"type": "paths"}) as answer,
            ):
                return parse_metrics(await answer.text()) if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError, UnicodeDecodeError):
            return None
