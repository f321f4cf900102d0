"""``python -m vigie.recording.adoption survey|adopt|hand-over|undo [--service UNIT]``, run on a recorder host.

The request comes as JSON on standard input (:class:`Request`); the report goes as JSON to standard output.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable

from pydantic import TypeAdapter, ValidationError

from vigie.recording.adoption.move import AdoptionError
from vigie.recording.adoption.takeover import Report, Request, adopt, hand_over, survey, take_back


def main(arguments: list[str]) -> int:
    """Exit code: 0 done, 1 a camera is not recorded or lost footage, 2 refused, with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="vigie.recording.adoption")
    parser.add_argument("action", choices=["survey", "adopt", "hand-over", "undo"])
    parser.add_argument("--service", help="systemd unit of the old recorder, stopped and disabled once ours records")
    chosen = parser.parse_args(arguments)
    if (chosen.action == "hand-over") != bool(chosen.service):
        parser.error("--service goes with hand-over, and hand-over with --service")
    actions: dict[str, Callable[[Request], Report]] = {
        "survey": survey,
        "adopt": adopt,
        "undo": take_back,
        "hand-over": lambda request: hand_over(request, lambda: _stop(chosen.service)),
    }
    try:
        report = actions[chosen.action](TypeAdapter(Request).validate_json(sys.stdin.read()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        print(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", file=sys.stderr)
        return 2
    except (AdoptionError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    json.dump(report.as_json(), sys.stdout)
    return 0 if report.good else 1


def _stop(service: str) -> None:
    """Disabled too: it must not come back with the next start of the machine. Raises ``AdoptionError``."""
    done = subprocess.run(
        ["systemctl", "disable", "--now", service],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise AdoptionError(f"{service} was not stopped ({done.stderr.strip()}): both recorders go on recording")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
