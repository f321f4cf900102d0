"""Certificates, and who may read a host's metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.hosts import expected
from tests.hosts.observed import Observed

KEY_MODE: Final = "0600"
LEAST_LEFT: Final = timedelta(days=30)


def test_every_service_has_a_certificate_of_the_city(observed: Observed) -> None:
    """One identity per service: a shared key would let one break-in speak for all."""
    observed.expect_all(
        "services with a certificate", expected.certificate_services(observed.host), observed["certificates"]
    )


def test_certificates_chain_to_the_citys_authority(observed: Observed) -> None:
    """Signature, dates, addresses, usage and key, read by an independent library on the control node."""
    authority = x509.load_pem_x509_certificate((observed.state.ca / "ca.pem").read_bytes())
    observed.expect_none(
        "certificates",
        (
            f"{service}: {fault}"
            for service, found in observed["certificates"].items()
            for fault in faults(found, authority, observed.host.address)
        ),
    )


def faults(found: dict[str, Any], authority: x509.Certificate, address: str) -> list[str]:
    """What is wrong with one certificate; empty when nothing is."""
    certificate = x509.load_pem_x509_certificate(found["certificate"].encode())
    said = []
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError) as error:
        said.append(f"not signed by the city's authority ({error or 'signature'})")
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - LEAST_LEFT:
        said.append(f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}, less than {LEAST_LEFT.days} days")
    extensions = {type(extension.value): extension.value for extension in certificate.extensions}
    names = extensions.get(x509.SubjectAlternativeName)
    if names is None or IPv4Address(address) not in names.get_values_for_type(x509.IPAddress):
        said.append(f"does not name {address}")
    if ExtendedKeyUsageOID.SERVER_AUTH not in extensions.get(x509.ExtendedKeyUsage, ()):
        said.append("is not for a server")
    public = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    if public.split() != found["public_key"].split():
        said.append("does not belong to the key beside it")
    return said


def test_private_keys_are_their_services_alone(observed: Observed) -> None:
    """Mode and owner: a key that a second account can read is a second holder of the identity."""
    found = {
        (service, entry["key_file"]["mode"], entry["key_file"]["owner"])
        for service, entry in observed["certificates"].items()
    }
    wanted = {
        (service, KEY_MODE, expected.user_of(service)) for service in expected.certificate_services(observed.host)
    }
    observed.expect_all("private keys", wanted, found)


def test_metrics_need_certificate_and_password(observed: Observed) -> None:
    """Metrics tell a burglar which cameras are down: no plain text, no stranger, no host without the password."""
    differences = []
    for service, answers in observed["endpoints"].items():
        if answers["plain_http"] in {"200", "401"}:
            differences.append(f"{service} speaks plain HTTP ({answers['plain_http']})")
        if answers["stranger"].isdigit():
            differences.append(f"{service} answers {answers['stranger']} to a caller without certificate")
        differences += [
            f"{service} answers {answers[caller]} to a {caller.replace('_', ' ')}, not 401"
            for caller in ("host_without_password", "host_with_wrong_password")
            if answers[caller] != "401"
        ]
    observed.expect_none("metrics pages", differences)
    observed.expect_all("metrics pages", expected.endpoints(observed.host), observed["endpoints"])


def test_no_credential_is_where_others_read_it(observed: Observed) -> None:
    """Command lines and the journal are readable by more accounts than the 0600 file that a password came from."""
    secrets = [
        path for path in expected.manifest_of(observed.state, observed.host)["files"] if expected.holds_secrets(path)
    ]
    if secrets and not observed["secrecy"]["known"]:
        observed.fail(f"no credential was found in {', '.join(secrets)}: the search for leaks would be empty")
    fix = "find out who wrote it there, remove it, and give the credential a new value"
    observed.expect_none("credentials in the open", observed["secrecy"]["leaks"], fix)


def test_files_with_credentials_are_closed(observed: Observed) -> None:
    """Whatever mode the role says: nobody but owner and group of the service may read one."""
    found = observed["files"]
    observed.expect_none(
        "credentials that everybody may read",
        (path for path in found if expected.holds_secrets(path) and int(found[path]["mode"] or "777", 8) & 0o007),
    )
