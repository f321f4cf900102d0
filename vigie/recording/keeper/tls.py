"""Mutual TLS between the hosts of a city: both sides show a certificate of its authority (TLS 1.3, RFC 8446)."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path


def server_context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """For a server that refuses callers without a certificate. Raises ``OSError``, ``ssl.SSLError``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority)
    context.load_cert_chain(certificate, key)
    return context


def client_context(certificate: Path, key: Path, authority: Path) -> ssl.SSLContext:
    """For a caller; the server's address must stand in its certificate. Raises ``OSError``, ``ssl.SSLError``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(authority)
    context.load_cert_chain(certificate, key)
    return context


def common_name(certificate: Mapping[str, object] | None) -> str:
    """The common name of a peer's checked certificate (``SSLObject.getpeercert``); empty when there is none."""
    subject = (certificate or {}).get("subject", ())
    assert isinstance(subject, tuple)
    return next((str(value) for part in subject for name, value in part if name == "commonName"), "")
