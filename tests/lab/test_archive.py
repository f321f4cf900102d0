"""Ledger, keeper and evidence locks where they run: on recorders, reached as an operator reaches them."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.lab_city import LabCity
from vigie.plan import constants
from vigie.plan.flows import journal_copies
from vigie.plan.model import Camera

pytestmark = pytest.mark.lab

PASS_SECONDS = 120  # the keeper looks every 30 s
COPY_SECONDS = 150  # journals are copied every 60 s
LONG_AGO = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
LEFT = "cam-that-left"  # recorded once, in the plan no more


def _home(city: LabCity, camera: Camera) -> str:
    return next(identity.host for identity in city.plan.identities if identity.id == camera.identity)


def _asked(city: LabCity, command: str, *arguments: str, exit_code: int = 0) -> Any:
    result = city.vigie(command, *arguments, "--json")
    assert result.returncode == exit_code, result.stdout + result.stderr
    return json.loads(result.stdout)


def _there(city: LabCity, host: str, path: str) -> bool:
    return city.ssh(host, f"test -e {path}", check=False).returncode == 0


def test_the_ledger_knows_what_is_being_recorded(deployed: LabCity) -> None:
    """The last minutes of each camera, asked over the network; the last seconds are not written yet."""
    for camera in deployed.plan.deployed_cameras:
        merged = json.loads(deployed.vigie("ledger show", camera.id, "--json").stdout)
        newest = max(end for _, end in map(_ends, merged["recorded"]))
        assert 0 <= datetime.now(UTC).timestamp() - newest < 60, camera.id
        assert merged["errors"] == {}


def _ends(interval: Any) -> tuple[float, float]:
    return (interval["start"], interval["end"]) if isinstance(interval, dict) else tuple(interval)


def test_the_keeper_erases_what_is_too_old_and_nothing_that_is_locked(deployed: LabCity) -> None:
    """Footage of a camera that left the plan, months past the ceiling: MediaMTX's own cleaner forgets it for ever."""
    camera = deployed.plan.deployed_cameras[0]
    host = _home(deployed, camera)
    newest = deployed.ssh(
        host, f"find {constants.RECORDINGS}/{camera.id} -name '*.mp4' -size +100k -printf '%T@ %p\\n' | sort | head -1"
    )
    sample = newest.stdout.decode().split()[1]
    lock = _asked(
        deployed, "lock add", "--camera", camera.id, "--from", "2026-01-01T11:00:00Z", "--to", "2026-01-01T13:00:00Z",
        "--reason", "a drill of the lab",
    )  # fmt: skip
    name = lock["locks"][0]["id"]
    kept, erased = (_plant(deployed, host, owner, sample) for owner in (camera.id, LEFT))
    try:
        deployed.wait_for("the old footage erased", lambda: not _there(deployed, host, erased), PASS_SECONDS)
        assert _there(deployed, host, kept)
        deployed.ssh(host, "systemctl kill --signal=KILL vigie-keeper.service")
        deployed.wait_for("the lock known after a crash", lambda: name in _locks(deployed), 60)
        assert _there(deployed, host, kept)
    finally:
        _asked(deployed, "lock release", name, "--reason", "the drill is over")
    deployed.wait_for("the footage released and erased", lambda: not _there(deployed, host, kept), PASS_SECONDS)
    assert not _there(deployed, host, f"{constants.RECORDINGS}/{LEFT}"), "an orphaned folder is left"


def _plant(city: LabCity, host: str, camera: str, sample: str) -> str:
    """Lay a copy of ``sample`` as a segment of ``LONG_AGO``, all at once; returns its path."""
    folder = f"{constants.RECORDINGS}/{camera}/{LONG_AGO:%Y/%m/%d}"
    path = f"{folder}/{LONG_AGO:%H-%M-%S-%f}.mp4"
    beside = f"{constants.RECORDINGS}/.planting"
    city.ssh(
        host,
        f"install -o recorder -g recorder {sample} {beside} && install -d -o recorder -g recorder {folder} "
        f"&& mv {beside} {path}",
    )
    return path


def _locks(city: LabCity) -> str:
    return city.vigie("lock list", "--json").stdout


def test_the_journal_lies_on_another_recorder_too(deployed: LabCity) -> None:
    """A recorder that burns down takes its footage with it, and not the word of what was there, locked and erased."""
    for copier, source in journal_copies(deployed.plan.identities).items():
        last = deployed.ssh(source, f"tail -n 1 {constants.LEDGER_DIR}/journal.jsonl").stdout.decode().strip()
        digest = json.loads(last)["digest"]
        copy = f"grep -rq {digest} {constants.COPIES_DIR}/{source}"
        deployed.wait_for(
            f"the journal of {source} on {copier}",
            lambda copier=copier, copy=copy: deployed.ssh(copier, copy, check=False).returncode == 0,  # type: ignore[misc]
            COPY_SECONDS,
        )


@pytest.mark.parametrize("port", [constants.KEEPER_PORT, constants.LEDGER_PORT])
def test_nobody_is_answered_without_a_certificate(deployed: LabCity, port: int) -> None:
    """From a recorder's own shell, past every firewall: with a certificate of the city an answer, without it none."""
    host = next(host for host in deployed.plan.deployed_hosts if host.tier == "recorder")
    own = constants.TLS_DIR / "exporter-retention"

    def asked(more: str) -> subprocess.CompletedProcess[bytes]:
        program = (
            "import ssl, urllib.request; "
            f"context = ssl.create_default_context(cafile='{constants.CA_FILE}'); {more}"
            f"print(urllib.request.urlopen('https://{host.address}:{port}/v1/health', context=context, timeout=5).status)"
        )
        return deployed.ssh(host.name, f'{constants.VENV_DIR}/current/bin/python -c "{program}"', check=False)

    assert asked(f"context.load_cert_chain('{own}/cert.pem', '{own}/key.pem'); ").stdout.strip() == b"200"
    refused = asked("")
    assert refused.returncode != 0
    assert refused.stdout == b""
