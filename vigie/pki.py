"""The certificate authority of a city: one root on the control node, a leaf for each service of each host.

Keys of hosts are made on the hosts; only requests travel. X.509 profile after RFC 5280; ECDSA P-256 throughout.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ROOT_LIFETIME: Final = timedelta(days=3650)
LEAF_LIFETIME: Final = timedelta(days=397)  # the longest that browsers accept (CA/Browser Forum ballot SC31)
RENEW_BEFORE: Final = timedelta(days=30)
BACKDATE: Final = timedelta(hours=1)  # hosts whose clock lags must accept a fresh certificate


@dataclass(frozen=True, slots=True)
class CityCA:
    """The authority of one city."""

    certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey

    @classmethod
    def open(cls, folder: Path, city: str) -> CityCA:
        """The authority kept in ``folder`` (``ca.pem``, ``ca.key``), made at the first call."""
        key_file, certificate_file = folder / "ca.key", folder / "ca.pem"
        if certificate_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise TypeError(f"{key_file} is no elliptic-curve key")
            return cls(x509.load_pem_x509_certificate(certificate_file.read_bytes()), key)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _root(key, city)
        # The key first: a certificate without its key would be taken for a complete authority.
        _write(key_file, _private_pem(key), 0o600)
        _write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        return cls(certificate, key)

    @property
    def certificate_pem(self) -> bytes:
        """The root certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def sign(self, csr_pem: bytes, name: str, addresses: Sequence[str]) -> bytes:
        """A leaf for the key of ``csr_pem``, PEM.

        Names come from the arguments, that is from the plan: a host cannot ask for another's. Raises ``ValueError`` for
        a request that is malformed or not signed by its own key.
        """
        request = x509.load_pem_x509_csr(csr_pem)
        if not request.is_signature_valid:
            raise ValueError(f"the certificate request of {name} is not signed by its own key")
        public_key = request.public_key()
        if not isinstance(public_key, ec.EllipticCurvePublicKey):
            raise ValueError(f"the certificate request of {name} holds no elliptic-curve key")  # noqa: TRY004 - input, not a type error of ours
        return self._leaf(public_key, name, addresses).public_bytes(serialization.Encoding.PEM)

    def issue(self, name: str, addresses: Sequence[str]) -> tuple[bytes, bytes]:
        """A certificate and its new private key, both PEM, for a service of the control node itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        return self._leaf(key.public_key(), name, addresses).public_bytes(serialization.Encoding.PEM), _private_pem(key)

    def _leaf(self, key: ec.EllipticCurvePublicKey, name: str, addresses: Sequence[str]) -> x509.Certificate:
        now = datetime.now(UTC)
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATE)
            .not_valid_after(now + LEAF_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(_alternatives(name, addresses)), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _alternatives(name: str, addresses: Sequence[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = [x509.DNSName(name)]
    for address in addresses:
        try:
            found.append(x509.IPAddress(ip_address(address)))
        except ValueError:
            found.append(x509.DNSName(address))
    return found


def _root(key: ec.EllipticCurvePrivateKey, city: str) -> x509.Certificate:
    now = datetime.now(UTC)
    name = _name(f"Vigie {city} CA")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + ROOT_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
