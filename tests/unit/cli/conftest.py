"""Fixtures for tests of commands."""

from tests.unit.cli.exporting import down, hosts, quick, reachable

__all__ = ["down", "hosts", "quick", "reachable"]
