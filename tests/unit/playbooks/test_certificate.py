"""A certificate stays as long as it is right, and not a day longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.playbooks.plugins import plugin
from vigie.pki import LEAF_LIFETIME, RENEW_BEFORE, CityCA

NAME, ADDRESSES = "noc-1", ["10.77.0.30", "localhost", "127.0.0.1"]


def request() -> str:
    """A request as a host makes one, with a key of its own."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    signed = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CityCA:
    return CityCA.open(tmp_path_factory.mktemp("ca"), "demo")


@pytest.fixture(scope="module")
def asked() -> str:
    return request()


@pytest.fixture(scope="module")
def current(authority: CityCA, asked: str) -> str:
    return authority.sign(asked.encode(), NAME, ADDRESSES).decode()


def reason(current: str, asked: str, authority: CityCA, **changes: Any) -> str:
    arguments = {"name": NAME, "addresses": ADDRESSES, "now": datetime.now(UTC)} | changes
    found = plugin("action", "certificate").reason_to_renew(current, asked, authority.certificate, **arguments)
    assert isinstance(found, str)
    return found


def test_a_right_certificate_stays(current: str, asked: str, authority: CityCA) -> None:
    assert reason(current, asked, authority) == ""


def test_the_order_and_spelling_of_addresses_do_not_count(current: str, asked: str, authority: CityCA) -> None:
    assert reason(current, asked, authority, addresses=["127.0.0.1", "10.77.0.30", "localhost", NAME]) == ""


@pytest.mark.parametrize(
    ("days", "renewed"),
    [
        (LEAF_LIFETIME - RENEW_BEFORE - timedelta(days=1), False),
        (LEAF_LIFETIME - RENEW_BEFORE + timedelta(hours=1), True),
    ],
)
def test_it_is_renewed_in_its_last_month(
    days: timedelta, renewed: bool, current: str, asked: str, authority: CityCA
) -> None:
    assert bool(reason(current, asked, authority, now=datetime.now(UTC) + days)) == renewed


@pytest.mark.parametrize(
    "changes",
    [{"name": "noc-2"}, {"addresses": ADDRESSES[:2]}, {"addresses": [*ADDRESSES, "10.77.0.31"]}, {"addresses": []}],
)
def test_other_names_need_another_certificate(
    changes: dict[str, Any], current: str, asked: str, authority: CityCA
) -> None:
    assert reason(current, asked, authority, **changes) == "its names changed"


def test_another_key_needs_another_certificate(current: str, authority: CityCA) -> None:
    assert reason(current, request(), authority) == "it is for another key"


def test_another_authority_of_the_same_name_needs_another_certificate(current: str, asked: str, tmp_path: Path) -> None:
    assert reason(current, asked, CityCA.open(tmp_path, "demo")) == "another authority signed it"


@pytest.mark.parametrize(
    ("text", "why"), [("", "there is none"), ("\n", "there is none"), ("garbage", "it is unreadable")]
)
def test_what_is_no_certificate_is_replaced(text: str, why: str, asked: str, authority: CityCA) -> None:
    assert reason(text, asked, authority) == why


def test_a_cut_off_file_is_replaced(current: str, asked: str, authority: CityCA) -> None:
    assert reason(current[: len(current) // 2], asked, authority) == "it is unreadable"
