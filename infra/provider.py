"""A Pulumi provider of our own: create, read, update and delete over kinds of resources, off the event loop.

Started by the scripts in ``infra/plugins``. It dies with the Pulumi CLI that started it, so that two never work on one
city: whatever it leaves half done, the next run adopts or clears.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

import grpc  # type: ignore[import-untyped,unused-ignore]
from pulumi.provider.experimental import provider as pulumi
from pulumi.provider.experimental import server
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc
from typing_extensions import override

from infra.values import UNKNOWN, Values, difference, known, plain, wrapped

LOG_TIMEOUT_SECONDS: Final = 5.0
WORKERS: Final = 32  # they wait for hosts to boot, they do not compute
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

T = TypeVar("T")
Report = Callable[[str], None]


@dataclass(frozen=True)
class Kind:
    """How the provider makes, sees and removes one kind of resource. Methods block; what they raise is shown as it is."""

    token: ClassVar[str]
    identity: ClassVar[frozenset[str]]  # inputs whose change makes another resource
    good: ClassVar[str]  # the condition a resource of this kind is repaired to
    made: ClassVar[frozenset[str]] = frozenset()  # outputs that making it gives, and that an update keeps

    def name(self, inputs: Values) -> str:
        """The resource's id within its kind."""
        raise NotImplementedError

    def refuse(self, old: Values, new: Values) -> dict[str, str]:
        """What is wrong with ``new`` inputs: reasons by property. ``old`` is empty for a new resource."""
        raise NotImplementedError

    def promise(self, inputs: Values, old: Values) -> Values:
        """The outputs that a preview can tell; ``old`` is what the resource was, empty for a new one."""
        return {key: old.get(key, UNKNOWN) for key in self.made} | inputs | {"condition": self.good}

    def create(self, inputs: Values, report: Report) -> Values:
        """Make the resource, adopting what is there; its outputs."""
        raise NotImplementedError

    def update(self, inputs: Values, report: Report) -> Values:
        """Make an existing resource what ``inputs`` say, and repair it; its outputs."""
        raise NotImplementedError

    def read(self, state: Values) -> Values | None:
        """The outputs as the world has them, or ``None`` when there is no such resource."""
        raise NotImplementedError

    def delete(self, state: Values, report: Report) -> None:
        """Remove the resource; one that is gone, or half there, is no error."""
        raise NotImplementedError


def kind_of(kinds: Mapping[str, Kind], urn_type: str) -> Kind:
    """The kind of a resource type, given as in a URN (``parent$type``). Raises ``ValueError`` for an unknown one."""
    token = urn_type.rsplit("$", 1)[-1]
    if token not in kinds:
        raise ValueError(f"the provider has no type {token}; it has {', '.join(kinds)}")
    return kinds[token]


class Provider(pulumi.Provider):
    """Answers the engine for some kinds of resources.

    A method that changes the world runs in a worker thread and logs to its resource.
    """

    def __init__(self, kinds: Mapping[str, Kind], engine_address: str) -> None:
        self._kinds = kinds
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
        wrong = self._kind(request.type).refuse(plain(request.old_inputs), new) if known(new) else {}
        failures = [pulumi.CheckFailure(key, reason) for key, reason in wrong.items()]
        return pulumi.CheckResponse(inputs=request.new_inputs, failures=failures)

    @override
    async def diff(self, request: pulumi.DiffRequest) -> pulumi.DiffResponse:
        kind = self._kind(request.type)
        new = {key: value for key, value in plain(request.new_inputs).items() if key not in request.ignore_changes}
        return difference(plain(request.old_state), new, kind.identity, {"condition": kind.good})

    @override
    async def create(self, request: pulumi.CreateRequest) -> pulumi.CreateResponse:
        kind, inputs = self._kind(request.type), plain(request.properties)
        if request.preview:
            return pulumi.CreateResponse("", wrapped(kind.promise(inputs, {})))
        outputs = await self._work(kind.create, inputs, self._reporter(request.urn))
        return pulumi.CreateResponse(kind.name(inputs), wrapped(outputs))

    @override
    async def update(self, request: pulumi.UpdateRequest) -> pulumi.UpdateResponse:
        kind, inputs = self._kind(request.type), plain(request.news)
        if request.preview:
            return pulumi.UpdateResponse(wrapped(kind.promise(inputs, plain(request.olds))))
        outputs = await self._work(kind.update, inputs, self._reporter(request.urn))
        return pulumi.UpdateResponse(wrapped(outputs))

    @override
    async def read(self, request: pulumi.ReadRequest) -> pulumi.ReadResponse:
        seen = await self._work(self._kind(request.type).read, plain(request.properties))
        if seen is None:
            return pulumi.ReadResponse("", {}, {})
        return pulumi.ReadResponse(request.resource_id, wrapped(seen), request.inputs)

    @override
    async def delete(self, request: pulumi.DeleteRequest) -> None:
        await self._work(self._kind(request.type).delete, plain(request.properties), self._reporter(request.urn))

    @override
    async def cancel(self) -> None:
        """Refuse new work; what is being done ends by itself within its time limits and is kept in the state."""
        self._cancelled = True

    def _kind(self, urn_type: str) -> Kind:
        return kind_of(self._kinds, urn_type)

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


def serve(arguments: list[str], version: str, kinds: Mapping[str, Kind]) -> None:
    """Serve the engine whose address is the positional argument, until the Pulumi CLI that started this ends."""
    die_with_parent()
    address = next((argument for argument in arguments if not argument.startswith("-")), "")
    server.main(arguments, version, Provider(kinds, address))
