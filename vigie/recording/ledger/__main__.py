"""`python -m vigie.recording.ledger --config FILE [--check]`: the ledger service of a recorder."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from vigie.recording.ledger.configuration import LedgerConfiguration
from vigie.recording.ledger.service import LedgerService
from vigie.recording.ledger.store import StoreError
from vigie.web.configuration import ConfigurationError, load_model, parse_listen_address


def main() -> int:
    """Runs until SIGTERM. Exit 0; 1 when the address or the store cannot be had; 2 when the configuration is wrong."""
    parser = argparse.ArgumentParser(prog="python -m vigie.recording.ledger", description="Ledger of a recorder")
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="JSON or YAML")
    parser.add_argument("--check", action="store_true", help="check the configuration and end: exit 0 or 2")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        configuration = load_model(options.config, LedgerConfiguration)
        parse_listen_address(configuration.listen)
        if not options.check:
            asyncio.run(LedgerService(configuration).run())
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (OSError, StoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
