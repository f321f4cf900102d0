"""Gives a service of a host its certificate: the key stays on the host, the authority's key on the control node."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

from vigie.pki import RENEW_BEFORE, CityCA


def reason_to_renew(
    current: str, request: str, authority: x509.Certificate, name: str, addresses: Sequence[str], now: datetime
) -> str:
    """Why the certificate ``current`` (PEM) cannot stay, empty when it can.

    ``request`` (PEM) tells the key of the host; ``name`` and ``addresses`` are those of the plan.
    """
    try:
        certificate = x509.load_pem_x509_certificate(current.encode())
    except ValueError:
        return "there is none" if not current.strip() else "it is unreadable"
    if certificate.public_key() != x509.load_pem_x509_csr(request.encode()).public_key():
        return "it is for another key"
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return "another authority signed it"
    if certificate.not_valid_after_utc - now < RENEW_BEFORE:
        return "it nears its end"
    if _names(certificate) != (name, {name, *map(_canonical, addresses)}):
        return "its names changed"
    return ""


def _names(certificate: x509.Certificate) -> tuple[str, set[str]]:
    """The common name and the alternative names of ``certificate``."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return str(common[0].value) if common else "", set()
    found = {str(value) for value in alternatives.get_values_for_type(x509.IPAddress)}
    found |= set(alternatives.get_values_for_type(x509.DNSName))
    return str(common[0].value) if common else "", found


def _canonical(address: str) -> str:
    try:
        return str(ip_address(address))
    except ValueError:
        return address


class ActionModule(ActionBase):  # type: ignore[misc]
    """Asks the host for a request, signs it when needed, and gives the certificate back."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the host's module, with the reason when a certificate was made."""
        del tmp
        super().run(task_vars=task_vars)
        arguments = dict(self._task.args)
        answer: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=task_vars)
        if answer.get("failed") or not answer.get("request"):
            return answer
        authority = CityCA.open(Path(str(arguments["authority"])), str(arguments["city"]))
        name, addresses = str(arguments["common_name"]), [str(address) for address in arguments.get("addresses", [])]
        reason = reason_to_renew(
            str(answer["current"]), str(answer["request"]), authority.certificate, name, addresses, datetime.now(UTC)
        )
        if not reason:
            return answer
        pem = authority.sign(str(answer["request"]).encode(), name, addresses).decode()
        laid: dict[str, Any] = self._execute_module(module_args=arguments | {"certificate": pem}, task_vars=task_vars)
        return laid | {"changed": True, "reason": reason}
