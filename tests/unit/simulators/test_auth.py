"""Passwords over the wire, against the examples of the RFCs and against what attackers and old clients send."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.encoder.auth import (
    NONCE_LIFETIME_SECONDS,
    REALM,
    Authenticator,
    Verdict,
    digest_response,
    parse_parameters,
)

URI = "rtsp://10.0.0.1:554/ch1/main"
DOOR = Authenticator("lab", "correct horse")


def credentials(
    challenge: str, *, password: str = "correct horse", qop: bool = True, method: str = "DESCRIBE", uri: str = URI
) -> str:
    """Answer a Digest challenge as a client does."""
    given = parse_parameters(challenge.partition(" ")[2])
    answer = {"username": "lab", "realm": given["realm"], "nonce": given["nonce"], "uri": uri}
    answer["algorithm"] = given["algorithm"]
    if qop:
        answer |= {"qop": "auth", "nc": "00000001", "cnonce": "0a4f113b"}
    answer["response"] = digest_response("lab", password, method, answer)
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in answer.items())


RFC_7616 = {
    "realm": "http-auth@example.org",
    "uri": "/dir/index.html",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "nc": "00000001",
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    "qop": "auth",
}


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(algorithm: str, expected: str) -> None:
    """Section 3.9.1."""
    assert digest_response("Mufasa", "Circle of Life", "GET", RFC_7616 | {"algorithm": algorithm}) == expected


def test_the_example_of_rfc_2617() -> None:
    """Section 3.5, MD5 unnamed."""
    given = {
        "realm": "testrealm@host.com",
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
        "uri": "/dir/index.html",
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "0a4f113b",
    }
    expected = "6629fae49393a05397450978507c4ef1"
    assert digest_response("Mufasa", "Circle Of Life", "GET", given) == expected


def test_strongest_first_and_md5_last_among_digests() -> None:
    """RFC 7616 wants the server's preference; a client without SHA-256 keeps the last Digest that it read."""
    sha, md5, basic = DOOR.challenges(now=10.0)
    assert "algorithm=SHA-256" in sha
    assert "algorithm=MD5" in md5
    assert basic == f'Basic realm="{REALM}"'


@pytest.mark.parametrize("qop", [True, False])
@pytest.mark.parametrize("index", [0, 1])
def test_both_algorithms_with_and_without_qop(index: int, *, qop: bool) -> None:
    challenge = DOOR.challenges(now=10.0)[index]
    assert DOOR.check(credentials(challenge, qop=qop), "DESCRIBE", URI, now=11.0) is Verdict.GRANTED
    assert DOOR.check(credentials(challenge, qop=qop, password="x"), "DESCRIBE", URI, 11.0) is Verdict.REFUSED
    assert DOOR.check(credentials(challenge, qop=qop), "PLAY", URI, now=11.0) is Verdict.REFUSED


def test_credentials_for_one_path_do_not_open_another() -> None:
    header = credentials(DOOR.challenges(now=0.0)[1])
    assert DOOR.check(header, "DESCRIBE", URI.replace("ch1", "ch2"), now=1.0) is Verdict.REFUSED
    assert DOOR.check(header, "DESCRIBE", URI + "/", now=1.0) is Verdict.GRANTED


def test_old_and_foreign_nonces_are_stale_for_who_knows_the_password_only() -> None:
    """`stale=true` tells a client to answer again without asking its user; a guesser must not be told so."""
    header = credentials(DOOR.challenges(now=0.0)[1])
    late = NONCE_LIFETIME_SECONDS + 1.0
    assert DOOR.check(header, "DESCRIBE", URI, late) is Verdict.STALE
    assert Authenticator("lab", "correct horse").check(header, "DESCRIBE", URI, 1.0) is Verdict.STALE
    guess = credentials(DOOR.challenges(now=0.0)[1], password="guess")
    assert DOOR.check(guess, "DESCRIBE", URI, late) is Verdict.REFUSED
    assert all("stale=true" in each for each in DOOR.challenges(late, stale=True)[:2])


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "verdict"),
    [
        (basic("lab:correct horse"), Verdict.GRANTED),
        (basic("lab:wrong"), Verdict.REFUSED),
        (basic("root:correct horse"), Verdict.REFUSED),
        ("Basic !!!", Verdict.REFUSED),
        ("Basic", Verdict.REFUSED),
        ("Bearer abc", Verdict.REFUSED),
        ("Digest", Verdict.REFUSED),
        (f'Digest realm="{REALM}", algorithm=MD4', Verdict.REFUSED),
        (f'Digest realm="{REALM}", uri="rtsp://[", response=""', Verdict.REFUSED),
        ("", Verdict.REFUSED),
    ],
)
def test_other_headers(header: str, verdict: Verdict) -> None:
    assert DOOR.check(header, "DESCRIBE", URI, now=0.0) is verdict


@given(st.sampled_from(["", "Digest ", "Basic ", f'Digest realm="{REALM}", uri="{URI}", ']), st.text(max_size=100))
def test_garbage_is_refused(scheme: str, rest: str) -> None:
    header = (scheme + rest).encode("utf-8", "replace").decode("latin-1")
    assert DOOR.check(header, "DESCRIBE", URI, now=0.0) is Verdict.REFUSED


def test_the_password_is_not_shown() -> None:
    assert "horse" not in repr(DOOR)
