"""A listening web server whose TLS and users come from a file in the format of exporter-toolkit.

The file, certificates and keys are read again when they change; connections in progress go on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from vigie.web.auth import BasicAuthentication
from vigie.web.configuration import ConfigurationError, WebConfiguration, load_web_configuration
from vigie.web.tls import server_context

_LOG: Final = logging.getLogger(__name__)
_RELOAD_SECONDS: Final = 2.0
_SHUTDOWN_SECONDS: Final = 2.0
_BACKLOG: Final = 128

Stamp = tuple[int, int, int] | None  # inode, modification time, size; None: not there


class WebServer:
    """Serves `application`, to users of the file only when it has some; `realm` is what they are asked for.

    With `mutual`, a file that does not demand client certificates is refused. `refused` is told of each new
    configuration that could not be applied.
    """

    def __init__(
        self,
        application: web.Application,
        realm: str,
        file: Path | None,
        *,
        mutual: bool = False,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._realm = realm
        self._file = file
        self._mutual = mutual
        self._refused = refused
        self._authentication = BasicAuthentication({})
        self._watched: tuple[Path, ...] = ()
        self._seen: tuple[Stamp, ...] = ()
        self._site: web.SockSite | None = None
        self._socket: socket.socket | None = None
        application.middlewares.insert(0, self._authenticate)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)

    async def start(self, host: str | None, port: int) -> int:
        """Listens; returns the port. Raises ConfigurationError, and OSError when the address cannot be had."""
        self._socket = _listen(host, port)
        await self._runner.setup()
        await self._apply(self._configuration())
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
            await self._apply(self._configuration())
        except ConfigurationError as error:
            self._refused()
            _LOG.error("web configuration not applied: %s", error)
            return False
        _LOG.info("web configuration applied again")
        return True

    def _configuration(self) -> WebConfiguration:
        configuration = load_web_configuration(self._file)
        tls = configuration.tls_server_config
        if self._mutual and (tls is None or tls.client_auth_type != "RequireAndVerifyClientCert"):
            raise ConfigurationError(
                f"{self._file}: tls_server_config.client_auth_type: this server answers to known hosts only; "
                "fix: RequireAndVerifyClientCert, with client_ca_file"
            )
        return configuration

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

    @web.middleware
    async def _authenticate(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not await self._authentication.accepts(request.headers.get("Authorization")):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": f'Basic realm="{self._realm}", charset="UTF-8"'})
        return await handler(request)


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
