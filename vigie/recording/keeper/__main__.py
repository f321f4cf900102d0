"""``python -m vigie.recording.keeper --config FILE``: the keeper of a recorder host."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from vigie.recording.keeper.configuration import ConfigurationError, load_configuration
from vigie.recording.keeper.service import KeeperService
from vigie.recording.keeper.tls import server_context


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM. Exit 0, or 2 when the configuration is wrong (message on standard error)."""
    parser = argparse.ArgumentParser(prog="python -m vigie.recording.keeper", description="Vigie keeper")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="JSON or YAML")
    parser.add_argument("--check", action="store_true", help="check the configuration and end: exit 0 or 2")
    options = parser.parse_args(arguments)
    logging.basicConfig(level="INFO", format="%(levelname)s %(name)s: %(message)s")
    try:
        configuration = load_configuration(options.config)
        if options.check:
            tls = configuration.tls
            server_context(tls.certificate, tls.key, tls.authority)
            return 0
        service = KeeperService(configuration)
        asyncio.run(service.run(ready=lambda port: logging.info("keeper listens on port %d", port)))
    except (ConfigurationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
