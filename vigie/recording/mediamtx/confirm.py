"""Proves over the control API that the running MediaMTX has the configuration of a file.

MediaMTX ignores a change within 1 s of the last reload without a word, so a written file proves nothing.
"""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import yaml

Get = Callable[[str], Any]  # path of the API -> decoded JSON

_PAGE: Final = 1000
_POLL_SECONDS: Final = 0.25
_OVERLOOKED_SECONDS: Final = 2.0  # a reload takes 0.5 s with 5,000 paths; the watcher is deaf for 1 s after one
_REQUEST_SECONDS: Final = 5.0
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(d|h|ms|us|µs|ns|m|s)")
_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class NotConfirmedError(Exception):
    """The running configuration is not the file's; the message names the keys that differ, never their values."""


def confirm(file: Path, credentials: Path, timeout: float) -> None:
    """Returns when the running configuration equals `file`; polls for at most `timeout` seconds.

    When MediaMTX has overlooked the change, the same bytes are put in place once more, by an atomic rename.

    `credentials` is JSON {"username", "password"}, readable by its owner alone. The API address is the file's own.
    Raises NotConfirmedError, ValueError for unusable input, OSError when a file cannot be read.
    """
    wanted = _read_configuration(file)
    get = http_get(f"http://{wanted['apiAddress']}/v3", *_read_credentials(credentials))
    start = time.monotonic()
    deadline, again_at = start + timeout, start + _OVERLOOKED_SECONDS
    while True:
        try:
            differing = list(differences(wanted, get))
        except (OSError, ValueError, HTTPException) as error:
            differing = [f"control API: {error}"]
        if not differing:
            return
        if time.monotonic() >= deadline:
            raise NotConfirmedError(f"{file}: not what runs after {timeout:g} s: {'; '.join(differing[:10])}")
        if time.monotonic() >= again_at:
            _rename_again(file)
            again_at = deadline
        time.sleep(_POLL_SECONDS)


def _rename_again(file: Path) -> None:
    """Replaces `file` by a copy of itself with the same owner and mode, which MediaMTX's watcher notices."""
    status = file.stat()
    copy = file.with_name(f".{file.name}.again")
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    copy.write_bytes(file.read_bytes())
    os.chown(copy, status.st_uid, status.st_gid)
    copy.chmod(stat.S_IMODE(status.st_mode))
    copy.replace(file)


def differences(wanted: dict[str, Any], get: Get) -> Iterator[str]:
    """Names of what differs between `wanted` and the running configuration read with `get`."""
    running = get("/config/global/get")
    yield from _compare("", {k: v for k, v in wanted.items() if k not in ("paths", "pathDefaults")}, running)
    yield from _compare("pathDefaults.", wanted.get("pathDefaults") or {}, get("/config/pathdefaults/get"))
    paths = {path["name"]: path for path in _pages(get)}
    wanted_paths = wanted.get("paths") or {}
    yield from (f"path {name} is missing" for name in sorted(wanted_paths.keys() - paths.keys()))
    yield from (f"path {name} is too much" for name in sorted(paths.keys() - wanted_paths.keys()))
    defaults = wanted.get("pathDefaults") or {}
    for name in sorted(wanted_paths.keys() & paths.keys()):
        yield from _compare(f"paths.{name}.", defaults | (wanted_paths[name] or {}), paths[name])


def _pages(get: Get) -> Iterator[dict[str, Any]]:
    page = 0
    while True:
        answer = get(f"/config/paths/list?itemsPerPage={_PAGE}&page={page}")
        yield from answer["items"]
        page += 1
        if page >= answer["pageCount"]:
            return


def _compare(prefix: str, wanted: dict[str, Any], running: dict[str, Any]) -> Iterator[str]:
    for key, value in wanted.items():
        if key not in running or not _same(value, running[key]):
            yield f"{prefix}{key} differs"


def _same(wanted: Any, running: Any) -> bool:
    """Equal but for spelling of durations, and for fields of list entries that only the answer writes out empty."""
    if isinstance(wanted, dict) and isinstance(running, dict):
        return all(_same(value, running.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(running, list):
        return len(wanted) == len(running) and all(map(_same, wanted, running))
    if isinstance(wanted, str) and isinstance(running, str):
        # A duration of zero is answered as an empty string.
        return wanted == running or (seconds(wanted) is not None and seconds(wanted) == seconds(running or "0s"))
    return bool(wanted == running)


def seconds(text: str) -> float | None:
    """Seconds of a duration as Go and MediaMTX write it (`1m0s`, `10s`, `1d`), or None when it is not one."""
    spans = _SPAN.findall(text)
    if not spans or "".join(value + unit for value, unit in spans) != text:
        return None
    return sum(float(value) * _UNITS[unit] for value, unit in spans)


def http_get(base: str, username: str, password: str) -> Get:
    """A getter of JSON from `base` with basic authentication (RFC 7617), past any proxy of the environment."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    token = base64.b64encode(f"{username}:{password}".encode()).decode()

    def get(path: str) -> Any:
        request = urllib.request.Request(base + path, headers={"Authorization": f"Basic {token}"})  # noqa: S310 - http
        try:
            with opener.open(request, timeout=_REQUEST_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise OSError(f"{path.partition('?')[0]}: HTTP {error.code}") from None

    return get


def _read_configuration(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        raise ValueError(f"{file}: not YAML") from None  # the parser would quote the line, and with it a password
    if not isinstance(content, dict) or "apiAddress" not in content:
        raise ValueError(f"{file}: no apiAddress; without the control API nothing can be confirmed")
    return content


def _read_credentials(file: Path) -> tuple[str, str]:
    if file.stat().st_mode & 0o077:
        raise ValueError(f"{file}: others can read it; fix: chmod 600")
    content = json.loads(file.read_text(encoding="utf-8"))
    try:
        return str(content["username"]), str(content["password"])
    except (KeyError, TypeError) as error:
        raise ValueError(f'{file}: expected {{"username": …, "password": …}}') from error
