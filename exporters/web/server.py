"""The web server of an exporter: /metrics, /healthz and a landing page, over TLS when the web configuration says so.

The configuration, certificates and keys are read again when their files change; connections in progress go on.
"""

from __future__ import annotations

import asyncio
import html
import logging
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from exporters.web.auth import BasicAuthentication
from exporters.web.configuration import ConfigurationError, WebConfiguration, load_web_configuration
from exporters.web.tls import server_context

_LOG: Final = logging.getLogger(__name__)
_RELOAD_SECONDS: Final = 2.0
_SHUTDOWN_SECONDS: Final = 2.0
_BACKLOG: Final = 128

Stamp = tuple[int, int, int] | None  # inode, modification time, size; None: not there


class ExporterServer:
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
        self._file = web_file
        self._errors = errors
        self._authentication = BasicAuthentication({})
        self._watched: tuple[Path, ...] = ()
        self._seen: tuple[Stamp, ...] = ()
        self._site: web.SockSite | None = None
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        self._socket: socket.socket | None = None

    async def start(self, host: str | None, port: int) -> int:
        """Listens; returns the port. Raises ConfigurationError, and OSError when the address cannot be had."""
        self._socket = _listen(host, port)
        await self._runner.setup()
        await self._apply(load_web_configuration(self._file))
        self._seen = self._stamps()
        return int(self._socket.getsockname()[1])

    async def stop(self) -> None:
        """Closes all connections and the socket."""
        await self._runner.cleanup()
        if self._socket is not None:
            self._socket.close()

    async def watch(self) -> None:
        """Reloads for ever when a file changes; a bad new configuration is logged and the old stays in force."""
        while True:
            await asyncio.sleep(_RELOAD_SECONDS)
            await self.reload()

    async def reload(self) -> bool:
        """Reads the configuration again if one of its files changed; returns whether it was applied."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        # Remembered even when it cannot be applied: one message for each change, not one every two seconds.
        self._seen = stamps
        try:
            await self._apply(load_web_configuration(self._file))
        except ConfigurationError as error:
            self._errors["web_config"] += 1
            _LOG.error("web configuration not applied: %s", error)
            return False
        _LOG.info("web configuration applied again")
        return True

    async def _apply(self, configuration: WebConfiguration) -> None:
        """Starts a listener with the new context on the same socket, then ends the old: nobody is refused."""
        self._watch_files(configuration)
        tls = configuration.tls_server_config
        context = server_context(tls) if tls else None
        assert self._socket is not None
        site = web.SockSite(self._runner, self._socket.dup(), ssl_context=context, backlog=_BACKLOG)
        self._authentication = BasicAuthentication(configuration.basic_auth_users)
        old, self._site = self._site, site
        await site.start()
        if old is not None:
            await old.stop()

    def _watch_files(self, configuration: WebConfiguration) -> None:
        tls = configuration.tls_server_config
        files = [self._file, *((tls.cert_file, tls.key_file, tls.client_ca_file) if tls else ())]
        self._watched = tuple(file for file in files if file is not None)

    def _stamps(self) -> tuple[Stamp, ...]:
        return tuple(_stamp(file) for file in self._watched)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._authenticate])
        application.router.add_get("/", self._landing)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/healthz", self._health)
        return application

    @web.middleware
    async def _authenticate(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not await self._authentication.accepts(request.headers.get("Authorization")):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": f'Basic realm="{self._name}", charset="UTF-8"'})
        return await handler(request)

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


def _listen(host: str | None, port: int) -> socket.socket:
    family = socket.AF_INET if host is not None and ":" not in host else socket.AF_INET6
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if host is None:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host or "::", port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _stamp(file: Path) -> Stamp:
    try:
        status = os.stat(file)  # noqa: PTH116 - follows the links of `current`
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
