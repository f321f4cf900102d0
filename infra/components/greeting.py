"""Waiting until a host that a hypervisor has started greets over SSH."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import pulumi

from infra.components.target import HostOutputs
from vigie.plan.constants import SSH_PORT

TIMEOUT_SECONDS: Final = 600.0  # a cloud image that is copied, resized and booted on busy storage
ATTEMPT_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 2.0

Greeting = Callable[[str], Awaitable[None]]


async def await_greeting(
    address: str, port: int = SSH_PORT, timeout_seconds: float = TIMEOUT_SECONDS, pause_seconds: float = PAUSE_SECONDS
) -> None:
    """Return once SSH (RFC 4253, section 4.2) greets at ``address``. Raises ``RunError`` after ``timeout_seconds``."""
    try:
        async with asyncio.timeout(timeout_seconds):
            while not await greets(address, port):  # noqa: ASYNC110 - a host that boots sends no event
                await asyncio.sleep(pause_seconds)
    except TimeoutError:
        raise pulumi.RunError(
            f"no SSH greeting from {address}:{port} within {timeout_seconds:.0f} s: look at the host's console; "
            "is the control node in the city's network?"
        ) from None


async def greets(address: str, port: int = SSH_PORT) -> bool:
    """Whether SSH greets at ``address`` now, within ``ATTEMPT_SECONDS``."""
    try:
        async with asyncio.timeout(ATTEMPT_SECONDS):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                return (await reader.read(4)) == b"SSH-"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


def greeted(machine: pulumi.CustomResource, address: str, host_key: str, greeting: Greeting) -> HostOutputs:
    """What is known of a host once ``machine`` exists and ``greeting`` has returned for its ``address``."""

    async def wait(_: str) -> str:
        await greeting(address)
        return address

    answers: pulumi.Output[str] = machine.id.apply(wait)
    return HostOutputs(answers, answers.apply(lambda _: host_key))
