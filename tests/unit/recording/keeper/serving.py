"""A keeper that runs as its own program, with certificates of a city's authority."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.unit.recording.segments import segment_bytes, write
from vigie.pki import CityCA
from vigie.recording.keeper.client import KeeperSource, ask
from vigie.recording.keeper.question import Request
from vigie.recording.keeper.store import DAY
from vigie.recording.keeper.tls import client_context
from vigie.recording.layout import Segment

# The real service; a free port of the machine instead of the platform's.
SCRIPT = """
import asyncio, sys
from pathlib import Path
from vigie.recording.keeper.configuration import load_configuration
from vigie.recording.keeper.service import KeeperService
settings = load_configuration(Path(sys.argv[1])).model_copy(update={"port": 0})
asyncio.run(KeeperService(settings).run(ready=lambda port: print(port, flush=True)))
"""


@dataclass
class Host:
    """A running keeper of one host and what its callers need."""

    folder: Path
    authority: CityCA
    port: int = 0

    def context(self, name: str) -> ssl.SSLContext:
        certificate, key = self.authority.issue(name, [])
        path = self.folder / f"{name}.pem"
        path.write_bytes(key + certificate)
        return client_context(path, path, self.folder / "ca.pem")

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, name: str = "control") -> tuple[int, Any]:
        request = Request("recorder-1", method, f"https://127.0.0.1:{self.port}{path}", body)
        (answer,) = asyncio.run(ask([request], self.context(name)))
        return answer.status, answer.value

    def source(self, name: str = "recorder-2") -> KeeperSource:
        return KeeperSource(f"https://127.0.0.1:{self.port}", self.context(name))


def configuration(folder: Path, authority: CityCA, name: str = "recorder-1", **changes: Any) -> Path:
    """A configuration file with its certificates."""
    certificate, key = authority.issue(name, ["127.0.0.1"])
    for part, content in (("cert", certificate), ("key", key), ("ca", authority.certificate_pem)):
        (folder / f"{part}.pem").write_bytes(content)
    value = {
        "address": "127.0.0.1",
        "port": 1,
        "tls": {"certificate": f"{folder}/cert.pem", "key": f"{folder}/key.pem", "authority": f"{folder}/ca.pem"},
        "roles": {"control": ["control"], "read": ["noc-1"], "copy": ["recorder-2"]},
        "ledger": f"{folder}/ledger",
        "recordings": f"{folder}/recordings",
        "segment_seconds": 600,
        "retention": {"floor_seconds": 4 * DAY, "ceiling_seconds": 5 * DAY},
        "cameras": [{"id": "cam-1", "floor_seconds": 4 * DAY, "ceiling_seconds": 5 * DAY, "profile": "street"}],
        "headroom_bytes": 1,
        "pass_seconds": 0.2,
        "approval": "two_persons",
        **changes,
    }
    file = folder / "keeper.json"
    file.write_text(json.dumps(value))
    return file


def footage(folder: Path, at: float, camera: str = "cam-1") -> Path:
    segment = Segment(camera, datetime.fromtimestamp(at // 600 * 600, UTC))
    return write(folder / "recordings", segment, segment_bytes(3))


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks again and again. Fails after 30 s."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


@contextmanager
def running(folder: Path, authority: CityCA, **changes: Any) -> Iterator[Host]:
    """The program on a free port of loopback, after its first pass; ends on SIGTERM with exit code 0."""
    host = Host(folder, authority)
    file = configuration(folder, authority, **changes)
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(file)], stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert child.stdout is not None
    try:
        host.port = int(child.stdout.readline() or "0")
        assert host.port, (folder / "log").read_text()
        wait_until(lambda: host.ask("GET", "/v1/health")[0] == 200)
        yield host
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == 0
        child.stdout.close()
