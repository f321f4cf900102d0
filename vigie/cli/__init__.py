"""The command line. It alone imports ``infra`` and ``dashboards`` and starts tests, and only when a command needs them."""

from vigie.cli.app import main

__all__ = ["main"]
