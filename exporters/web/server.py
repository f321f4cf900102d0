"""The web server of an exporter: /metrics, /healthz and a landing page, over TLS when the web configuration says so."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from vigie.web.server import WebServer


class ExporterServer(WebServer):
    """Serves `registry` on a listening socket. `healthy` says whether samples are being taken."""

    def __init__(
        self,
        name: str,
        registry: CollectorRegistry,
        healthy: Callable[[], bool],
        web_file: Path | None,
        errors: Counter[str],
    ) -> None:
        self._name = name
        self._registry = registry
        self._healthy = healthy

        def refused() -> None:
            errors["web_config"] += 1

        super().__init__(self._application(), name, web_file, refused=refused)

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/", self._landing)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/healthz", self._health)
        return application

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})

    async def _health(self, _request: web.Request) -> web.Response:
        if self._healthy():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="no recent sample\n")

    async def _landing(self, _request: web.Request) -> web.Response:
        title = html.escape(f"Vigie {self._name} exporter")
        state = "Samples are fresh." if self._healthy() else "No recent sample: see the journal of this service."
        page = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>'
            f'<p>{state}</p><p><a href="metrics">Metrics</a> · <a href="healthz">Health</a></p></html>'
        )
        return web.Response(text=page, content_type="text/html")
