"""The city's authority: what it signs is what the plan says, whatever the request asks for."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from vigie.pki import CityCA


def _request(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_an_authority_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    first, again = CityCA.open(tmp_path / "ca", "demo"), CityCA.open(tmp_path / "ca", "demo")
    assert first.certificate_pem == again.certificate_pem
    assert stat.S_IMODE((tmp_path / "ca" / "ca.key").stat().st_mode) == 0o600


def test_names_come_from_the_plan_and_not_from_the_request(tmp_path: Path) -> None:
    authority = CityCA.open(tmp_path, "demo")
    leaf = x509.load_pem_x509_certificate(authority.sign(_request("noc-1"), "recorder-1", ["10.77.0.65", "localhost"]))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["recorder-1", "localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.77.0.65"]
    assert leaf.subject.rfc4514_string() == "CN=recorder-1"


def test_a_leaf_verifies_against_its_city_and_no_other(tmp_path: Path) -> None:
    ours, other = CityCA.open(tmp_path / "a", "demo"), CityCA.open(tmp_path / "b", "demo")
    leaf = x509.load_pem_x509_certificate(ours.issue("control", ["127.0.0.1"])[0])

    def verify(authority: CityCA) -> None:
        builder = PolicyBuilder().store(Store([authority.certificate])).time(datetime.now(UTC))
        builder.build_server_verifier(x509.DNSName("control")).verify(leaf, [])

    verify(ours)
    with pytest.raises(x509.verification.VerificationError):
        verify(other)


def test_a_request_that_is_not_signed_by_its_own_key_is_refused(tmp_path: Path) -> None:
    pem = _request("recorder-1")
    request = x509.load_pem_x509_csr(pem)
    der = bytearray(request.public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    forged = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    with pytest.raises(ValueError, match="not signed by its own key"):
        CityCA.open(tmp_path, "demo").sign(forged, "recorder-1", [])
