"""The Pulumi provider ``vigielab``: create, read, update and delete over :mod:`infra.lab.kinds`, off the event loop.

Started by ``infra/plugins/pulumi-resource-vigielab``. It dies with the Pulumi CLI that started it, so that two never
work on one lab: whatever it leaves half done, the next run adopts or clears.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

import grpc  # type: ignore[import-untyped,unused-ignore]
from pulumi.provider.experimental import provider as pulumi
from pulumi.provider.experimental import server
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from typing_extensions import override

from infra.lab.kinds import VERSION, Report, kind_of
from infra.lab.values import difference, known, plain, wrapped

LOG_TIMEOUT_SECONDS: Final = 5.0
WORKERS: Final = 32  # they wait for hosts to boot, they do not compute
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

T = TypeVar("T")


class LabProvider(pulumi.Provider):
    """Answers the engine. A method that changes the world runs in a worker thread and logs to its resource."""

    def __init__(self, engine_address: str) -> None:
        self._engine_address = engine_address
        self._engine: Any = None
        self._workers = ThreadPoolExecutor(WORKERS)
        self._cancelled = False

    @override
    async def configure(self, request: pulumi.ConfigureRequest) -> pulumi.ConfigureResponse:
        return pulumi.ConfigureResponse(accept_secrets=True, supports_preview=True)

    @override
    async def diff_config(self, request: pulumi.DiffRequest) -> pulumi.DiffResponse:
        return pulumi.DiffResponse(changes=False)

    @override
    async def check(self, request: pulumi.CheckRequest) -> pulumi.CheckResponse:
        new = plain(request.new_inputs)
        wrong = kind_of(request.type).refuse(plain(request.old_inputs), new) if known(new) else {}
        failures = [pulumi.CheckFailure(key, reason) for key, reason in wrong.items()]
        return pulumi.CheckResponse(inputs=request.new_inputs, failures=failures)

    @override
    async def diff(self, request: pulumi.DiffRequest) -> pulumi.DiffResponse:
        kind = kind_of(request.type)
        new = {key: value for key, value in plain(request.new_inputs).items() if key not in request.ignore_changes}
        return difference(plain(request.old_state), new, kind.identity, {"condition": kind.good})

    @override
    async def create(self, request: pulumi.CreateRequest) -> pulumi.CreateResponse:
        kind, inputs = kind_of(request.type), plain(request.properties)
        if request.preview:
            return pulumi.CreateResponse("", wrapped(kind.promise(inputs, {})))
        outputs = await self._work(kind.create, inputs, self._reporter(request.urn))
        return pulumi.CreateResponse(kind.name(inputs), wrapped(outputs))

    @override
    async def update(self, request: pulumi.UpdateRequest) -> pulumi.UpdateResponse:
        kind, inputs = kind_of(request.type), plain(request.news)
        if request.preview:
            return pulumi.UpdateResponse(wrapped(kind.promise(inputs, plain(request.olds))))
        outputs = await self._work(kind.update, inputs, self._reporter(request.urn))
        return pulumi.UpdateResponse(wrapped(outputs))

    @override
    async def read(self, request: pulumi.ReadRequest) -> pulumi.ReadResponse:
        seen = await self._work(kind_of(request.type).read, plain(request.properties))
        if seen is None:
            return pulumi.ReadResponse("", {}, {})
        return pulumi.ReadResponse(request.resource_id, wrapped(seen), request.inputs)

    @override
    async def delete(self, request: pulumi.DeleteRequest) -> None:
        await self._work(kind_of(request.type).delete, plain(request.properties), self._reporter(request.urn))

    @override
    async def cancel(self) -> None:
        """Refuse new work; what is being done ends by itself within its time limits and is kept in the state."""
        self._cancelled = True

    async def _work(self, function: Callable[..., T], *arguments: Any) -> T:
        if self._cancelled:
            raise RuntimeError("cancelled before it began")
        return await asyncio.get_running_loop().run_in_executor(self._workers, function, *arguments)

    def _reporter(self, urn: str) -> Report:
        loop = asyncio.get_running_loop()

        def report(message: str) -> None:
            # Waited for, so that the engine hears of a step before it hears that the step is done; never fatal.
            with suppress(grpc.RpcError, TimeoutError):
                asyncio.run_coroutine_threadsafe(self._log(urn, message), loop).result(LOG_TIMEOUT_SECONDS)

        return report

    async def _log(self, urn: str, message: str) -> None:
        if self._engine is None:
            self._engine = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(self._engine_address))
        await self._engine.Log(
            engine_pb2.LogRequest(severity=engine_pb2.INFO, message=message, urn=urn, ephemeral=True)
        )


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends, prctl(2); at once if it has ended already."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Serve the engine whose address is the positional argument."""
    die_with_parent()
    address = next((argument for argument in arguments if not argument.startswith("-")), "")
    server.main(arguments, VERSION, LabProvider(address))


if __name__ == "__main__":
    main(sys.argv[1:])
