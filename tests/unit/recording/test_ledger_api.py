"""The read API: what it answers, what it refuses, and the whole service with mutual TLS in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.unit.recording.archive import Camera, Session, put
from vigie.pki import CityCA
from vigie.recording.ledger import api as api_module
from vigie.recording.ledger.api import LedgerApi, parse_instant
from vigie.recording.ledger.ask import Question, Recorder, read_answers
from vigie.recording.ledger.store import IntervalStore

T = 1_790_000_000.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "intervals.db"
    store, _ = IntervalStore.open(file)
    for number in range(5):
        store.extend("cam-1", T + number * 100, T + number * 100 + 90)
    store.forget_before("cam-1", T + 100)
    store.extend("cam-2", T, T + 500)
    store.close()
    return file


def get(file: Path, path: str, well: bool = True) -> tuple[int, Any]:
    async def ask() -> tuple[int, Any]:
        application = LedgerApi(file, lambda: ({"status": "ok" if well else "late"}, well)).application()
        async with TestClient(TestServer(application)) as client, client.get(path) as answer:
            return answer.status, await answer.json()

    return asyncio.run(ask())


def test_cameras_and_intervals(file: Path) -> None:
    assert get(file, "/v1/cameras") == (200, {"cameras": ["cam-1", "cam-2"]})
    status, answer = get(file, f"/v1/cameras/cam-1/intervals?from={T + 150}&to={T + 310}")
    assert status == 200
    assert answer == {
        "camera": "cam-1",
        "from": T + 150,
        "to": T + 310,
        "state": "kept",
        "intervals": [[T + 150, T + 190], [T + 200, T + 290], [T + 300, T + 310]],
        "next": None,
    }
    _, erased = get(file, f"/v1/cameras/cam-1/intervals?from={T - 9}&to={T + 900}&state=erased")
    assert erased["intervals"] == [[T, T + 90]]


def test_instants_may_be_rfc_3339(file: Path) -> None:
    _, answer = get(file, "/v1/cameras/cam-2/intervals?from=2026-09-21T14:13:20Z&to=2026-09-21T16:18:20%2B02:00")
    assert answer["intervals"] == [[T, T + 300]]


def test_answers_are_bounded_and_go_on(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "INTERVALS_LIMIT", 2)
    begin: float | None = T
    found, pages = [], 0
    while begin is not None:
        _, answer = get(file, f"/v1/cameras/cam-1/intervals?from={begin}&to={T + 900}")
        assert len(answer["intervals"]) <= 2
        found += answer["intervals"]
        begin, pages = answer["next"], pages + 1
    assert pages == 2
    assert found == [[T + n * 100, T + n * 100 + 90] for n in range(1, 5)]


def test_summary(file: Path) -> None:
    status, answer = get(file, f"/v1/summary?from={T}&to={T + 500}")
    assert status == 200
    assert answer["cameras"]["cam-1"] == {
        "coverage": pytest.approx(0.72),
        "recorded_seconds": 360,
        "oldest": T + 100,
        "newest": T + 490,
        "gaps": 5,
        "last_gap": [T + 490, T + 500],
        "erased_seconds": 90,
    }
    assert answer["cameras"]["cam-2"]["last_gap"] is None


def test_health_says_when_the_feeder_is_late(file: Path) -> None:
    assert get(file, "/v1/health") == (200, {"status": "ok"})
    assert get(file, "/v1/health", well=False) == (503, {"status": "late"})


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/v1/cameras/cam-9/intervals", 404, "cam-9"),
        ("/v1/cameras/Bad%20Name/intervals", 400, "Bad Name"),
        ("/v1/summary?from=yesterday", 400, "from: 'yesterday'"),
        ("/v1/summary?from=2026-03-01T12:00:00", 400, "offset"),
        ("/v1/summary?from=nan", 400, "1970"),
        ("/v1/summary?from=1e30", 400, "1970"),
        ("/v1/summary?from=20&to=10", 400, "not before"),
        ("/v1/summary?since=20", 400, "since"),
        ("/v1/cameras/cam-1/intervals?state=lost", 400, "lost"),
        ("/v2/summary", 404, "/v2/summary"),
    ],
)
def test_mistakes_say_what_and_how_to_mend(file: Path, path: str, status: int, words: str) -> None:
    found, answer = get(file, path)
    assert found == status
    assert words in answer["error"]
    assert answer["fix"]


def test_a_store_that_is_gone_is_503(tmp_path: Path) -> None:
    status, answer = get(tmp_path / "none.db", "/v1/cameras")
    assert status == 503
    assert "rebuild" in answer["error"]


def test_a_store_that_hangs_is_504(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_module, "_DEADLINE_SECONDS", 0.05)
    monkeypatch.setattr(IntervalStore, "cameras", lambda store: time.sleep(0.5))
    assert get(file, "/v1/cameras")[0] == 504


def test_instants() -> None:
    assert parse_instant("1970-01-01T01:00:00+01:00") == 0
    with pytest.raises(ValueError, match="no instant"):
        parse_instant("")


# --- the service -----------------------------------------------------------------------------------------------------


class Running:
    """A service on a recordings folder, and the files of a client that it knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = CityCA.open(folder / "ca", "test")
        for name in ("server", "client"):
            certificate, key = authority.issue(name, ["127.0.0.1"])
            (folder / f"{name}.pem").write_bytes(certificate)
            (folder / f"{name}.key").write_bytes(key)
        (folder / "web.yml").write_text(
            "tls_server_config: {cert_file: server.pem, key_file: server.key, client_ca_file: ca/ca.pem,"
            " client_auth_type: RequireAndVerifyClientCert, min_version: TLS13}\n"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        configuration = {
            "recordings": str(folder / "recordings"),
            "store": str(folder / "ledger" / "intervals.db"),
            "segment_seconds": 60,
            "listen": f"127.0.0.1:{self.port}",
            "web_config_file": str(folder / "web.yml"),
        }
        (folder / "ledger.json").write_text(json.dumps(configuration))
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(folder / "notify"))
        self.notified.settimeout(20)
        self.process = self.start()

    def start(self, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "vigie.recording.ledger", "--config", str(self.folder / "ledger.json"), *options],
            env={**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "200000"},
            stderr=subprocess.PIPE,
            text=True,
        )

    def tls(self, known: bool = True) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "ca" / "ca.pem"))
        if known:
            context.load_cert_chain(self.folder / "client.pem", self.folder / "client.key")
        return context

    def get(self, path: str, known: bool = True) -> tuple[int, Any]:
        async def ask() -> tuple[int, Any]:
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"https://127.0.0.1:{self.port}{path}", ssl=self.tls(known)) as answer,
            ):
                return answer.status, await answer.json()

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    put(Camera(folder / "recordings", "cam-1", fps=5).record([Session(T, 200), Session(T + 300, 100)]).writes)
    service = Running(folder)
    try:
        assert service.notified.recv(100) == b"READY=1"
        yield service
    finally:
        service.process.kill()
        service.process.wait()
        service.notified.close()


def wait_for(found: Any, wanted: Any) -> None:
    until = time.monotonic() + 20
    while found() != wanted and time.monotonic() < until:
        time.sleep(0.1)
    assert found() == wanted


def test_the_service_tells_what_the_disk_holds(running: Running) -> None:
    wait_for(lambda: running.get("/v1/health")[1]["compared"] is not None, True)
    status, health = running.get("/v1/health")
    assert status == 200
    assert health["compared"]["segments"] == 6
    wait_for(lambda: len(running.get(f"/v1/cameras/cam-1/intervals?from={T}&to={T + 900}")[1].get("intervals", [])), 2)
    assert running.notified.recv(100) == b"WATCHDOG=1"


def test_strangers_are_refused(running: Running) -> None:
    with pytest.raises(aiohttp.ClientError):
        running.get("/v1/cameras", known=False)


def test_recorders_are_asked_and_one_that_is_down_is_named(running: Running) -> None:
    question = Question(
        "cam-1",
        T,
        T + 250,
        (Recorder("rec-1", "127.0.0.1", running.port), Recorder("rec-2", "127.0.0.1", 1)),
        *(str(running.folder / name) for name in ("ca/ca.pem", "client.pem", "client.key")),
    )
    said = subprocess.run(
        [sys.executable, "-m", "vigie.recording.ledger.ask"],
        input=question.to_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = read_answers(said.stdout)
    assert first.error is None
    assert [round(i.start - T) for i in first.intervals] == [0]
    assert second.error is not None
    assert second.intervals == ()


def test_sigterm_ends_it_with_0(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(15) == 0
    store = IntervalStore.read(running.folder / "ledger" / "intervals.db")
    assert store.cameras() == ("cam-1",)


def test_a_file_that_lets_strangers_in_is_refused(running: Running) -> None:
    web = running.folder / "web.yml"
    web.write_text("tls_server_config: {cert_file: server.pem, key_file: server.key}\n")
    again = running.start()
    assert again.wait(20) == 2
    assert again.stderr is not None
    assert "RequireAndVerifyClientCert" in again.stderr.read()
    (running.folder / "ledger.json").write_text('{"segmnt_seconds": 60}')
    wrong = running.start("--check")
    assert wrong.wait(20) == 2
    assert wrong.stderr is not None
    assert "segmnt_seconds" in wrong.stderr.read()
