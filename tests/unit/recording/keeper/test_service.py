"""The keeper as it runs on a host: its program, its API over mutual TLS, and a second host that copies."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.recording.keeper.city import ram_folder
from tests.unit.recording.keeper.serving import Host, configuration, footage, running, wait_until
from vigie.pki import CityCA
from vigie.recording.journal_copy import DivergedError, HttpSource, JournalCopy, replicate
from vigie.recording.keeper.client import ask
from vigie.recording.keeper.configuration import ConfigurationError, load_configuration
from vigie.recording.keeper.evidence_copy import copy_locks, drop_released, read_manifest, verify_copy
from vigie.recording.keeper.question import Request
from vigie.recording.keeper.service import KeeperService
from vigie.recording.keeper.store import DAY


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CityCA:
    return CityCA.open(tmp_path_factory.mktemp("ca"), "test")


@pytest.fixture(scope="module")
def host(authority: CityCA) -> Iterator[Host]:
    """A keeper that runs in a thread's event loop is not the real program: this one is."""
    with ram_folder() as folder:
        now = time.time()
        for days in (2, 3, 7):
            footage(folder, now - days * DAY)
            footage(folder, now - days * DAY + 600)
        footage(folder, now - 9 * DAY, "gone")
        with running(folder, authority) as found:
            yield found


def test_it_keeps_by_the_rules_and_says_so(host: Host) -> None:
    status, state = host.ask("GET", "/v1/state", name="noc-1")
    assert status == 200
    report = state["stores"]["recordings"]
    assert report["counters"]["erased"] == 3
    assert report["overdue"] == {}
    assert not (host.folder / "recordings/gone").exists()
    assert len(list((host.folder / "recordings").rglob("*.mp4"))) == 4
    assert set(state["stores"]) == {"recordings", "quarantine"}
    _, planned = host.ask("GET", "/v1/journal")
    assert [e["body"]["camera"] for e in planned["entries"] if e["kind"] == "planned_day"] == ["cam-1"]


def test_roles_come_from_the_certificate(host: Host, tmp_path: Path) -> None:
    body = {"camera": "cam-1", "from": 1.0, "to": 2.0, "reason": "x", "who": "me"}
    assert host.ask("POST", "/v1/locks", body, name="noc-1")[0] == 403
    assert host.ask("POST", "/v1/locks/x/release", {"who": "a", "reason": "b"}, name="recorder-2")[0] == 403
    assert host.ask("GET", "/v1/state", name="recorder-2")[0] == 403
    assert host.ask("GET", "/v1/locks", name="streaming-1")[0] == 403
    stranger = Host(host.folder, CityCA.open(tmp_path / "other", "other"), host.port)
    assert stranger.ask("GET", "/v1/health", name="stranger")[0] == 0
    bare = ssl.create_default_context(cadata=host.authority.certificate_pem.decode())
    request = Request("x", "GET", f"https://127.0.0.1:{host.port}/v1/health")
    (answer,) = asyncio.run(ask([request], bare))
    assert answer.status == 0


def test_a_lock_is_set_shown_copied_and_released(host: Host, tmp_path: Path) -> None:
    begin = time.time() - 3 * DAY
    body = {
        "camera": "cam-1",
        "from": begin - 60,
        "to": begin + 900,
        "reason": "case 7",
        "who": "Fatima",
        "id": "case7",
    }
    status, lock = host.ask("POST", "/v1/locks", body)
    assert status == 201
    assert lock["footage"]["segments"] >= 1
    assert host.ask("POST", "/v1/locks", body)[1]["created"] == lock["created"]
    assert host.ask("POST", "/v1/locks", {**body, "to": begin + 901})[0] == 409
    report = asyncio.run(copy_locks(host.source(), tmp_path / "copy"))
    assert (report.files, report.wrong, report.failed) == (lock["footage"]["segments"], [], [])
    copied = tmp_path / "copy/case7"
    assert verify_copy(copied) == []
    files = read_manifest(copied)["files"]  # type: ignore[index]
    for path in files:
        assert (copied / path).read_bytes() == (host.folder / "recordings" / path).read_bytes()
    assert asyncio.run(copy_locks(host.source(), tmp_path / "copy")).files == 0
    first = copied / next(iter(files))
    whole = first.read_bytes()
    first.write_bytes(b"x" + whole[1:])
    assert verify_copy(copied) == [next(iter(files))]
    assert host.ask("GET", f"/v1/footage/{next(iter(files))}", name="noc-1")[0] == 403
    status, answer = host.ask("POST", "/v1/locks/case7/release", {"who": "Fatima", "reason": "closed"})
    assert (status, answer["error"]) == (403, "a release needs the approval of a second person beside Fatima")
    release = {"who": "Fatima", "reason": "closed", "approvals": ["Youssef"]}
    assert host.ask("POST", "/v1/locks/case7/release", release)[1]["released"]["approvals"] == ["Youssef"]
    assert [m["lock"]["id"] for m in asyncio.run(drop_released(host.source(), tmp_path / "copy"))] == ["case7"]
    assert not copied.exists()
    assert asyncio.run(drop_released(host.source(), tmp_path / "copy")) == []
    assert host.ask("GET", "/v1/locks")[1]["locks"] == []
    assert host.ask("GET", "/v1/locks?all=1")[1]["locks"][0]["id"] == "case7"
    assert host.ask("GET", f"/v1/checksum/{next(iter(files))}", name="recorder-2")[0] == 404


def test_a_copy_that_was_cut_goes_on_where_it_stopped(host: Host, tmp_path: Path) -> None:
    begin = time.time() - 2 * DAY
    body = {"camera": "cam-1", "from": begin - 600, "to": begin + 900, "reason": "x", "who": "x", "id": "resumed"}
    host.ask("POST", "/v1/locks", body)
    manifest = host.ask("GET", "/v1/locks/resumed/footage", name="recorder-2")[1]
    path = manifest["files"][0]["file"]
    content = (host.folder / "recordings" / path).read_bytes()
    partial = tmp_path / "resumed" / f"{path}.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(content[:1000])
    other = tmp_path / "resumed" / f"{manifest['files'][1]['file']}.partial"
    other.write_bytes(b"rubbish" * 10)
    report = asyncio.run(copy_locks(host.source(), tmp_path))
    assert report.files == 1
    assert report.wrong == [manifest["files"][1]["file"]]
    assert asyncio.run(copy_locks(host.source(), tmp_path)).files == 1
    assert verify_copy(tmp_path / "resumed") == []


def test_the_journal_is_copied_and_a_rewritten_one_is_found(host: Host, tmp_path: Path) -> None:
    context = host.context("recorder-2")
    source = HttpSource(f"https://127.0.0.1:{host.port}", context)
    copy = JournalCopy(tmp_path / "journal")
    assert asyncio.run(replicate(source, copy)) > 0
    assert copy.journal.verify().intact
    other = JournalCopy(tmp_path / "other")
    other.journal.append("hold", {}, 1.0)
    with pytest.raises(DivergedError):
        asyncio.run(replicate(source, other))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"camera": "Cam 1"}, "camera id"),
        ({"to": 0.5}, "after from"),
        ({"until": 5.0}, "until"),
        ({"reason": " "}, "reason"),
        ({"from": "yesterday"}, "from"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_lock_is_refused_in_words(host: Host, body: dict[str, Any], word: str) -> None:
    whole = {"camera": "cam-1", "from": 1.0, "to": 2.0, "reason": "x", "who": "x", **body}
    status, answer = host.ask("POST", "/v1/locks", whole)
    assert status == 400
    assert word in answer["error"]
    assert host.ask("GET", "/v1/locks/none")[0] == 404


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"colour": 1}, "colour"),
        ({"cameras": [{"id": "A", "floor_seconds": 1, "ceiling_seconds": 9999}]}, "cameras.0.id"),
        ({"retention": {"floor_seconds": 5, "ceiling_seconds": 4}}, "above floor_seconds"),
        ({"segment_seconds": 2 * DAY}, "a segment above"),
        ({"stores": [{"name": "recordings", "root": "/x", "floor_seconds": 1, "ceiling_seconds": 2}]}, "stores"),
    ],
)
def test_a_wrong_configuration_names_its_field(
    tmp_path: Path, authority: CityCA, change: dict[str, Any], word: str
) -> None:
    with pytest.raises(ConfigurationError, match=word):
        load_configuration(configuration(tmp_path, authority, **change))


def test_other_stores_are_kept_too(tmp_path: Path, authority: CityCA) -> None:
    """Face images, by the same keeper."""
    faces = {"name": "faces", "root": str(tmp_path / "faces"), "floor_seconds": DAY, "ceiling_seconds": 2 * DAY}
    service = KeeperService(load_configuration(configuration(tmp_path, authority, stores=[faces])))
    (tmp_path / "recordings").mkdir()
    for days in (0.1, 1.5, 2.5):
        at = datetime.fromtimestamp(time.time() - days * DAY, UTC)
        path = tmp_path / at.strftime("faces/gate-1/%Y/%m/%d/%H-%M-%S-crop.jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"jpeg")
    for keeper in service.keepers.values():
        assert keeper.run().holds == {}
    assert len(list((tmp_path / "faces").rglob("*.jpg"))) == 2
    assert (tmp_path / "ledger/keeper-faces.json").exists()


def test_a_second_host_copies_by_itself(host: Host, authority: CityCA) -> None:
    """The program with ``copies``: journal and locked footage of the first host come over, and go after the release."""
    begin = time.time() - 2 * DAY
    body = {"camera": "cam-1", "from": begin - 600, "to": begin + 900, "reason": "x", "who": "x", "id": "second"}
    assert host.ask("POST", "/v1/locks", body)[0] == 201
    with ram_folder() as folder:
        peer = {"name": "recorder-1", "url": f"https://127.0.0.1:{host.port}"}
        copies = {"folder": f"{folder}/copies", "peers": [peer], "evidence": True, "every_seconds": 0.2}
        with running(folder, authority, name="recorder-2", copies=copies) as second:
            kept = folder / "copies/recorder-1/evidence/second"
            wait_until(lambda: read_manifest(kept) is not None)
            assert verify_copy(kept) == []
            copy = JournalCopy(folder / "copies/recorder-1/journal")
            assert copy.journal.verify().intact
            assert any(entry.body.get("id") == "second" for entry in copy.journal.entries({"lock"}))
            release = {"who": "x", "reason": "closed", "approvals": ["y"]}
            assert host.ask("POST", "/v1/locks/second/release", release)[0] == 200
            wait_until(lambda: not kept.exists())
            entries = second.ask("GET", "/v1/journal")[1]["entries"]
            assert [e["body"]["lock"] for e in entries if e["body"].get("reason") == "released"] == ["second"]
