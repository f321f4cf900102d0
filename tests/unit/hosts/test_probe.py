"""The probe's readers, and the way in which it travels."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.hosts.base.test_trust import faults
from tests.hosts.connection import BOOTSTRAP, FOLDER, MODULES, PACKAGE
from tests.hosts.observed import Observed
from tests.hosts.probes.observe import SECTIONS, observe
from tests.hosts.probes.system import _decoded
from tests.hosts.probes.trust import _secrets_in
from tests.hosts.recorder.test_recorder import seconds
from tests.unit.cities import DEMO
from vigie.city import load_city
from vigie.plan import plan
from vigie.state import State

ADDRESS = "10.77.0.10"
NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("text", "socket"),
    [
        ("00000000:0016", ("0.0.0.0", 22)),
        ("0100007F:2708", ("127.0.0.1", 9992)),
        ("0A004D0A:238C", ("10.77.0.10", 9100)),
        ("00000000000000000000000000000000:0016", ("::", 22)),
        ("00000000000000000000000001000000:0016", ("::1", 22)),
    ],
)
def test_addresses_of_the_kernels_tables(text: str, socket: tuple[str, int]) -> None:
    """/proc/net/tcp writes words in the machine's byte order: 0100007F is 127.0.0.1 (proc(5))."""
    assert _decoded(text) == socket


@pytest.mark.parametrize(("text", "value"), [("0s", 0), ("1m0s", 60), ("1h0m1.5s", 3601.5), ("10m0s", 600)])
def test_durations_of_the_recorder(text: str, value: float) -> None:
    """MediaMTX prints Go durations."""
    assert seconds(text) == value


def test_credentials_are_found_where_they_stand(tmp_path: Path) -> None:
    """The search for leaks looks for these words: one that is missed here leaks unseen."""
    (tmp_path / "rec-1.yml").write_text("paths:\n  cam: {source: 'rtsp://vigie:first-secret@10.0.0.1:554/main'}\n")
    (tmp_path / "camera.credentials.json").write_text(
        json.dumps({"cameras": {"username": "u", "password": "second-secret"}})
    )
    (tmp_path / "scrape.password").write_text("third-secret\n")
    found = {secret for path in tmp_path.iterdir() for secret in _secrets_in(path)}
    assert found == {"first-secret", "second-secret", "third-secret"}


def test_one_broken_section_leaves_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host where one tool is missing must still be compared in everything else."""

    def broken(_: Any) -> None:
        raise OSError("no such tool")

    for name in SECTIONS:
        monkeypatch.setitem(SECTIONS, name, broken if name == "firewall" else lambda _: "seen")
    found = observe({})
    assert found["firewall"] == {"error": "OSError: no such tool"}
    assert found["network"] == {"value": "seen"}


def test_the_probe_travels_as_one_script() -> None:
    """Its modules come over standard input to a python3 that knows nothing of Vigie: run so here, with an empty request."""
    sources = [(name, (FOLDER / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES]
    script = f"PACKAGE, SOURCES, REQUEST = {PACKAGE!r}, {sources!r}, '{{}}'\n" + BOOTSTRAP
    done = subprocess.run(
        [sys.executable, "-I", "-"], input=script, capture_output=True, text=True, timeout=120, check=True
    )
    found = json.loads(done.stdout)
    assert found.keys() == SECTIONS.keys()
    assert all(answer.keys() <= {"value", "error"} for answer in found.values())
    assert {"program", "user", "port"} <= found["sockets"]["value"][0].keys() if found["sockets"]["value"] else True


def certificate(
    issuer_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    *,
    address: str = ADDRESS,
    days: int = 200,
    usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "city")])
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(address))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - timedelta(days=300)).not_valid_after(NOW + timedelta(days=days))
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ({}, None),
        ({"address": "10.77.0.11"}, "does not name 10.77.0.10"),
        ({"days": 10}, "less than 30 days"),
        ({"days": -1}, "less than 30 days"),
        ({"usage": ExtendedKeyUsageOID.CLIENT_AUTH}, "is not for a server"),
        ({"signed_by_another": True}, "not signed by the city's authority"),
        ({"other_key_beside": True}, "does not belong to the key beside it"),
    ],
)
def test_faults_of_certificates(difference: dict[str, Any], said: str | None) -> None:
    """Each fault is made, and named; a sound certificate has none."""
    city, host, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    signer = other if difference.pop("signed_by_another", False) else city
    beside = other if difference.pop("other_key_beside", False) else host
    public = beside.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    pem = certificate(signer, host, **difference).public_bytes(Encoding.PEM).decode()
    found = faults({"certificate": pem, "public_key": public}, certificate(city, city), ADDRESS)
    assert (said in found[0] and len(found) == 1) if said else found == []


def test_a_difference_names_host_what_and_fix() -> None:
    """The message is all that an operator sees in ``vigie verify``."""
    planned = plan(load_city(DEMO))
    observed = Observed(planned, State(Path("/nowhere")), planned.host("noc-1"), {"clock": {"error": "OSError: gone"}})
    with pytest.raises(pytest.fail.Exception) as failed:
        observed.expect_all("listening sockets", {1, 2}, {2, 3})
    assert str(failed.value) == "noc-1: listening sockets: missing 1; not planned 3. Fix: vigie up --limit noc-1"
    with pytest.raises(pytest.fail.Exception, match="clock could not be read: OSError: gone"):
        assert observed["clock"]
    with pytest.raises(pytest.skip.Exception, match="unreachable"):
        assert Observed(planned, State(Path("/nowhere")), planned.host("noc-1"), trouble="no answer")["clock"]
