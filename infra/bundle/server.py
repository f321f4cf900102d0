"""Serves the bundle to hosts: HTTPS, read-only, inside a network namespace, for as long as `vigie up` runs.

Run by `serving` as a process of its own: ``python -m infra.bundle.server --address … --port … --certificate …``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import selectors
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from infra.bundle.builder import Bundle
from infra.bundle.errors import BundleError

_COMPONENT = "server"

#: The folders that are served, each below its own name.
FOLDERS = ("apt", "wheels", "bin", "clips")

#: Sent for a folder itself, where it is in it: pip reads its links.
INDEX = "index.html"

#: Printed once the server accepts connections.
_READY = "serving"

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0

#: Reading the cache and binding the port is all it may do, and it ends with the thread that started it (prctl(2)).
_BOUND_TO_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")
_CONFINED = (
    "setpriv", "--no-new-privs", "--bounding-set=-all,+dac_read_search,+net_bind_service", "--inh-caps=-all", "--",
)  # fmt: skip


def application(folders: Mapping[str, Path], manifest: Path) -> web.Application:
    """Make the application: ``/<name>/…`` for each folder and ``/manifest.json``; GET and HEAD only, no listings
    but a folder's own ``index.html``.

    Links are not followed and nothing outside the folders is reached (404).
    """
    served = web.Application()

    served.router.add_get("/manifest.json", _sending(manifest, "application/json"))
    for name, folder in folders.items():
        if (folder / INDEX).is_file():
            served.router.add_get(f"/{name}/", _sending(folder / INDEX, "text/html"))
        served.router.add_static(f"/{name}", folder, show_index=False, follow_symlinks=False)
    return served


def _sending(path: Path, content_type: str) -> Callable[[web.Request], Awaitable[web.FileResponse]]:
    """A handler that sends one file."""

    async def send(_: web.Request) -> web.FileResponse:
        return web.FileResponse(path, headers={"Content-Type": content_type})

    return send


def tls_context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    """Make the server's side of TLS 1.3; clients need a certificate of ``client_ca`` when it is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve(served: web.Application, address: str, port: int, context: ssl.SSLContext) -> None:
    """Serve until SIGTERM or SIGINT; says so on standard output once connections are accepted."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(served, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, ssl_context=context).start()
        print(_READY, flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def serving(
    bundle: Bundle,
    netns: str | None,
    address: str,
    port: int,
    certificate: Path,
    key: Path,
    client_ca: Path | None = None,
) -> Iterator[str]:
    """Serve ``bundle`` at ``https://address:port`` for the duration of the context; yields that URL.

    ``netns`` names the network namespace (``ip netns``), None stays in the caller's. ``certificate`` and ``key`` are
    PEM files. The server ends with the context, and with the calling thread if that dies. Raises `BundleError` when it
    does not start.
    """
    command = _command(bundle, netns, address, port, certificate, key, client_ca)
    checkout = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
        ) as server,
    ):
        try:
            if not _is_ready(server):
                complaints.seek(0)
                output = complaints.read().decode(errors="replace").splitlines()[-20:]
                fix = f"see whether {address}:{port} is free and an address of {f'the namespace {netns}' if netns else 'this machine'}"
                raise BundleError(_COMPONENT, "does not start", fix=fix, command=command, output=output)
            yield f"https://{address}:{port}"
        finally:
            _stop(server)


def _command(
    bundle: Bundle, netns: str | None, address: str, port: int, certificate: Path, key: Path, client_ca: Path | None
) -> list[str]:
    """The command line of the server's process."""
    entered = ["nsenter", f"--net=/run/netns/{netns}"] if netns else []
    options = {"address": address, "port": port, "certificate": certificate, "key": key, "manifest": bundle.manifest}
    if client_ca is not None:
        options["client-ca"] = client_ca
    options |= {name: getattr(bundle, name) for name in FOLDERS}
    words = [f"--{name}={value}" for name, value in options.items()]
    confined = _CONFINED if os.geteuid() == 0 else ("setpriv", "--no-new-privs", "--")  # others have nothing to drop
    return [*_BOUND_TO_PARENT, *entered, *confined, sys.executable, "-m", "infra.bundle.server", *words]


def _is_ready(server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server says it accepts connections; False when it ends or takes too long."""
    assert server.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(server.stdout, selectors.EVENT_READ)
        return bool(selector.select(_START_SECONDS)) and server.stdout.readline().strip() == _READY.encode()


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server: politely, then by force."""
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Serve a bundle to the hosts of a city.")
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", required=True, type=int)
    for name in ("certificate", "key", "manifest", *FOLDERS):
        parser.add_argument(f"--{name}", required=True, type=Path)
    parser.add_argument("--client-ca", type=Path)
    chosen = parser.parse_args(arguments)
    folders = {name: getattr(chosen, name) for name in FOLDERS}
    context = tls_context(chosen.certificate, chosen.key, chosen.client_ca)
    asyncio.run(serve(application(folders, chosen.manifest), chosen.address, chosen.port, context))


if __name__ == "__main__":
    main()
