"""The command line of every exporter: flags in the manner of Prometheus' own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

from prometheus_client.core import Metric as Family

from exporters.web.exposition import ExporterCollector, registry_of
from exporters.web.sampler import Sampler
from exporters.web.server import ExporterServer
from vigie.plan.constants import EXPORTER_PORTS
from vigie.web.configuration import (
    ConfigurationError,
    StrictModel,
    load_model,
    load_web_configuration,
    parse_listen_address,
)
from vigie.web.tls import server_context

_LOG: Final = logging.getLogger(__name__)
# A sample that takes longer than this many seconds counts as an error, whatever the interval.
_SAMPLE_TIMEOUT: Final = 15.0

Configuration = TypeVar("Configuration", bound=StrictModel)


@dataclass(frozen=True, slots=True)
class Exporter:
    """What makes an exporter: a measurement repeated every `interval` seconds, and tasks beside it.

    `stages` names further stages of errors that it counts in `errors`.
    """

    interval: float
    measure: Callable[[], Awaitable[Iterable[Family]]]
    errors: Counter[str]
    stages: tuple[str, ...] = ()
    tasks: tuple[Callable[[], Awaitable[None]], ...] = field(default=())


def main(
    name: str,
    model: type[Configuration],
    build: Callable[[Configuration], Exporter],
    arguments: Sequence[str] | None = None,
) -> int:
    """Runs the exporter until SIGTERM or SIGINT. Exit 0, or 2 when a configuration is wrong (message on stderr)."""
    options = _parser(name).parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
    try:
        address = parse_listen_address(options.listen)
        exporter = build(load_model(options.config, model))
        web = load_web_configuration(options.web)
        if options.check:
            if web.tls_server_config:
                server_context(web.tls_server_config)
            return 0
        asyncio.run(_serve(name, exporter, address, options.web))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"--web.listen-address {options.listen}: {error.strerror or error}\n")
        return 2
    return 0


async def _serve(name: str, exporter: Exporter, address: tuple[str | None, int], web_file: Path | None) -> None:
    sampler = Sampler(exporter.measure, exporter.interval, _SAMPLE_TIMEOUT)
    sampler.errors = exporter.errors
    registry = registry_of(ExporterCollector(name, sampler, exporter.stages))
    server = ExporterServer(name, registry, lambda: sampler.fresh is not None, web_file, exporter.errors)
    port = await server.start(*address)
    _LOG.info("%s exporter listens on port %d", name, port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = [asyncio.ensure_future(_task()) for _task in (sampler.run, server.watch, *exporter.tasks)]
    waiting = asyncio.ensure_future(stop.wait())
    done, _ = await asyncio.wait([waiting, *work], return_when=asyncio.FIRST_COMPLETED)
    for task in (waiting, *work):
        task.cancel()
    await server.stop()
    for task in done - {waiting}:
        with contextlib.suppress(asyncio.CancelledError):
            task.result()  # a task that ended was not meant to: let its error end the program


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m exporters.{name}", description=f"Vigie {name} exporter")
    add: Any = parser.add_argument
    add("--config.file", dest="config", type=Path, required=True, metavar="FILE", help="JSON or YAML")
    add("--config.check", dest="check", action="store_true", help="check both configurations and end: exit 0 or 2")
    add("--web.config.file", dest="web", type=Path, metavar="FILE", help="TLS and users, format of exporter-toolkit")
    add("--web.listen-address", dest="listen", default=f":{EXPORTER_PORTS[name]}", metavar="ADDRESS:PORT")
    add("--log.level", dest="log_level", default="info", choices=("debug", "info", "warning", "error"))
    add("--version", action="version", version=f"vigie {name} exporter {version('vigie')}")
    return parser
