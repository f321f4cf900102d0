"""Runs an exporter's server on loopback inside a test, and asks it."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.core import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from exporters.web import Exporter
from exporters.web.exposition import ExporterCollector, registry_of
from exporters.web.sampler import Sampler
from exporters.web.server import ExporterServer


@asynccontextmanager
async def serving(
    name: str, exporter: Exporter, web_file: Path | None = None
) -> AsyncIterator[tuple[Sampler[Iterable[Family]], ExporterServer, int]]:
    """The exporter's sampler (not running), its server and port."""
    sampler = Sampler(exporter.measure, exporter.interval, timeout=5)
    sampler.errors = exporter.errors
    registry = registry_of(ExporterCollector(name, sampler, exporter.stages))
    server = ExporterServer(name, registry, lambda: sampler.fresh is not None, web_file, exporter.errors)
    port = await server.start("127.0.0.1", 0)
    try:
        yield sampler, server, port
    finally:
        await server.stop()


async def get(
    port: int, path: str = "/metrics", tls: ssl.SSLContext | None = None, auth: tuple[str, str] | None = None
) -> tuple[int, str]:
    """Status and text."""
    scheme = "https" if tls else "http"
    headers = {"Authorization": "Basic " + base64.b64encode(":".join(auth).encode()).decode()} if auth else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{scheme}://127.0.0.1:{port}{path}", ssl=tls or True) as answer,
    ):
        return answer.status, await answer.text()


async def scrape(name: str, exporter: Exporter, before: Callable[[], Awaitable[None]] | None = None) -> str:
    """The text of /metrics after one sample."""
    async with serving(name, exporter) as (sampler, _, port):
        if before is not None:
            await before()
        await sampler.once()
        status, text = await get(port)
        assert status == 200
        return text


def exposed(text: str) -> dict[str, tuple[str, set[str]]]:
    """Family name as in the contract -> type and label names of its samples; families without samples are left out."""
    found: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            kind, labels = found.get(sample.name, (family.type, set(sample.labels)))
            assert labels == set(sample.labels), f"{sample.name}: labels differ between samples"
            found[sample.name] = (kind, labels)
    return found


def values(text: str, name: str, label: str) -> dict[str, float]:
    """Label value -> value of the samples of one family."""
    return {
        sample.labels[label]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def run(test: Awaitable[Any]) -> Any:
    """Runs an asynchronous test, for at most 30 s."""

    async def limited() -> Any:
        async with asyncio.timeout(30):
            return await test

    return asyncio.run(limited())
