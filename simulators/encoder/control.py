"""Command line of the control API, for drills over ssh: `fault CAMERA FAULT [--role ROLE]` and `list [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote

from simulators.encoder.faults import Fault
from vigie.plan.constants import LAB_ENCODER_CONTROL_PORT


class ControlError(RuntimeError):
    """The simulator is not reachable (`status` 0) or refused the order (`status` of HTTP)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def call(port: int, method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Call the control API on loopback and return the decoded answer. Raises ControlError."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as error:
        raise ControlError(f"no simulator answers on 127.0.0.1:{port}: {error}; is its service running?") from error
    finally:
        connection.close()
    try:
        content = json.loads(text)
    except ValueError:
        raise ControlError(f"127.0.0.1:{port} is no simulator: HTTP {answer.status}", answer.status) from None
    if answer.status != 200:
        raise ControlError(str(content.get("error", content)), answer.status)
    return content


def _print_cameras(cameras: list[dict[str, Any]]) -> None:
    for camera in cameras:
        for stream in camera["streams"]:
            place = f"{camera['device']}{stream['path']}"
            print(f"{camera['id']:24} {stream['role']:5} {stream['fault']:8} {stream['viewers']:>3} viewers  {place}")


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 0 done, 1 not reachable, 2 unknown camera or fault."""
    parser = argparse.ArgumentParser(prog="python -m simulators.encoder.control", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=LAB_ENCODER_CONTROL_PORT, help="port of the control API on loopback"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    fault = commands.add_parser("fault", help="give a camera a fault, or clear it with ok")
    fault.add_argument("camera")
    fault.add_argument("fault", choices=[each.value for each in Fault])
    fault.add_argument("--role", choices=["main", "sub"], help="only this stream; default: all streams of the camera")
    listing = commands.add_parser("list", help="print cameras, faults and viewers")
    listing.add_argument("--json", action="store_true", help="print the API's answer")
    options = parser.parse_args(arguments)
    try:
        if options.command == "list":
            answer = call(options.port, "GET", "/cameras")
            print(json.dumps(answer)) if options.json else _print_cameras(answer["cameras"])
            return 0
        order = {"fault": options.fault} | ({"role": options.role} if options.role else {})
        _print_cameras([call(options.port, "PUT", f"/cameras/{quote(options.camera, safe='')}/fault", order)])
    except ControlError as error:
        print(error, file=sys.stderr)
        return 2 if 400 <= error.status < 500 else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
