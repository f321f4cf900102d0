"""A Pulumi language host for Python programs, so that plain ``pulumi up`` works in ``infra/``.

Pulumi's own ``pulumi-language-python`` is distributed with its CLI, in no package registry. This one runs the program
of a project in its own process, over the server that the Automation API uses for inline programs. That server is
private to the SDK, which is therefore pinned.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
from concurrent import futures
from pathlib import Path
from typing import Any, Final

import grpc  # type: ignore[import-untyped,unused-ignore]
from google.protobuf import empty_pb2  # type: ignore[import-untyped,unused-ignore]
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2
from typing_extensions import override

from infra.provider import die_with_parent

VERSION: Final = "0.1.0"


class ProgramHost(LanguageServer):
    """Runs the ``__main__.py`` of the project that the engine names."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(_no_program)
        self._engine_address = engine_address

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002 - names of the protocol
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return empty_pb2.Empty()

    @override
    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    @override
    def Run(self, request: Any, context: Any) -> Any:
        folder = Path(request.info.program_directory or request.pwd)
        main = folder / (request.info.entry_point or request.program or ".")
        if request.pwd:
            os.chdir(request.pwd)

        def program() -> None:
            runpy.run_path(str(main), run_name="__main__")

        self.program = program
        if not request.args:
            request.args.append(self._engine_address)  # where log messages go
        return super().Run(request, context)  # type: ignore[no-untyped-call]


def _no_program() -> None:
    raise RuntimeError("the engine has named no program yet")


def main(arguments: list[str]) -> None:
    """Serve the engine whose address is the positional argument, until it ends."""
    die_with_parent()
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=_GRPC_CHANNEL_OPTIONS)
    host = ProgramHost(addresses[-1] if addresses else "")
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # the engine reads it
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1:])
