"""Command line for hosts: exit 0 fine, 1 MediaMTX says no, 2 the input is wrong."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vigie.recording.mediamtx.check import ConfigurationRefusedError, check
from vigie.recording.mediamtx.confirm import NotConfirmedError, confirm


def main(arguments: list[str] | None = None) -> int:
    """Runs `check` or `confirm`; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "check":
            check(options.file, options.binary)
        else:
            confirm(options.file, options.credentials, options.timeout)
    except (ConfigurationRefusedError, NotConfirmedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m vigie.recording.mediamtx", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="start a copy with recording off in an empty network namespace")
    checking.add_argument("file", type=Path)
    checking.add_argument("--binary", type=Path, default=Path("/usr/local/bin/mediamtx"))
    confirming = commands.add_parser("confirm", help="poll the control API until the file is what runs")
    confirming.add_argument("file", type=Path)
    confirming.add_argument("--credentials", type=Path, required=True, help="JSON with username and password, 0600")
    confirming.add_argument("--timeout", type=float, default=15.0, help="seconds (default %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
