"""A host counts as made once SSH greets, not once the hypervisor says that it runs."""

from __future__ import annotations

import asyncio

import pulumi
import pytest

from infra.components.greeting import await_greeting


async def serve(answers: list[bytes], timeout_seconds: float) -> int:
    """Wait for a greeting from a server that gives ``answers`` in turn, the last for ever; how often it was asked."""
    asked = 0

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        writer.write(answers[min(asked, len(answers) - 1)])
        asked += 1
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        await await_greeting("127.0.0.1", port, timeout_seconds, 0.01)
    return asked


def test_waiting_ends_with_the_first_greeting() -> None:
    assert asyncio.run(serve([b"", b"HTTP/1.1 400\r\n", b"SSH-2.0-OpenSSH_10.0\r\n"], 10)) == 3


def test_a_host_that_never_greets_is_an_error_that_says_where_to_look() -> None:
    with pytest.raises(pulumi.RunError, match=r"no SSH greeting from 127.0.0.1:[0-9]+ within .* console"):
        asyncio.run(serve([b"busy"], 0.2))
