"""Basic (RFC 7617) and Digest (RFC 7616) authentication as a camera does it. Pure but for the clock of the caller."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final
from urllib.parse import urlsplit

REALM: Final = "Vigie lab encoder"
NONCE_LIFETIME_SECONDS: Final = 300

_HASHES: Final[Mapping[str, Callable[[bytes], hashlib._Hash]]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_PARAMETER: Final = re.compile(r'([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')


class Verdict(Enum):
    """What is wrong, or not, with an Authorization header."""

    GRANTED = auto()
    REFUSED = auto()
    STALE = auto()  # right password, but the nonce is too old: the client answers the new one without asking anybody


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Checks one user. Nonces carry their birth, sealed with a key of this run, so none need be remembered."""

    username: str
    password: str = field(repr=False)
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def challenges(self, now: float, *, stale: bool = False) -> list[str]:
        """Return the WWW-Authenticate headers, the strongest first (RFC 7616 §3.7); `now` in seconds, monotonic.

        MD5 comes after SHA-256 because clients that know no SHA-256 take the last Digest they read.
        """
        nonce = self._nonce(int(now))
        tail = ", stale=true" if stale else ""
        digests = [
            f'Digest realm="{REALM}", nonce="{nonce}", qop="auth", algorithm={name}{tail}'
            for name in ("SHA-256", "MD5")
        ]
        return [*digests, f'Basic realm="{REALM}"']

    def check(self, header: str, method: str, uri: str, now: float) -> Verdict:
        """Judge an Authorization header (empty: none was sent) for a request of `method` on `uri`."""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic":
            return Verdict.GRANTED if self._basic(rest) else Verdict.REFUSED
        if scheme.lower() == "digest":
            return self._digest(parse_parameters(rest), method, uri, now)
        return Verdict.REFUSED

    def _basic(self, encoded: str) -> bool:
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self.username}:{self.password}".encode())

    def _digest(self, given: Mapping[str, str], method: str, uri: str, now: float) -> Verdict:
        algorithm = given.get("algorithm", "MD5").upper()
        known = algorithm in _HASHES and given.get("realm") == REALM
        if not known or not _same_resource(given.get("uri", ""), uri):
            return Verdict.REFUSED
        wanted = digest_response(self.username, self.password, method, given)
        answer = given.get("response", "").lower()
        named = hmac.compare_digest(given.get("username", "").encode(), self.username.encode())
        if not hmac.compare_digest(answer.encode(), wanted.encode()) or not named:
            return Verdict.REFUSED
        age = self._age(given.get("nonce", ""), now)
        if age is None:
            return Verdict.STALE  # of an earlier run of this device: RFC 7616 §3.3
        return Verdict.GRANTED if age <= NONCE_LIFETIME_SECONDS else Verdict.STALE

    def _nonce(self, born: int) -> str:
        seal = hmac.new(self.key, str(born).encode(), hashlib.sha256).hexdigest()[:32]
        return f"{born}-{seal}"

    def _age(self, nonce: str, now: float) -> float | None:
        born, _, _ = nonce.partition("-")
        if not (born.isascii() and born.isdigit() and len(born) <= 12):
            return None
        genuine = hmac.compare_digest(nonce.encode(), self._nonce(int(born)).encode())
        return now - int(born) if genuine else None


def parse_parameters(text: str) -> dict[str, str]:
    """Return the parameters of a challenge or of credentials, names in lower case, quotes and escapes removed."""
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) if quoted else plain
        for name, quoted, plain in _PARAMETER.findall(text)
    }


def digest_response(username: str, password: str, method: str, given: Mapping[str, str]) -> str:
    """Return the response by RFC 7616 §3.4.1, or by RFC 2069 if the credentials name no qop (many RTSP clients)."""
    new = _HASHES[given.get("algorithm", "MD5").upper()]

    def digest(text: str) -> str:
        return new(text.encode()).hexdigest()

    secret = digest(f"{username}:{given.get('realm', '')}:{password}")
    request = digest(f"{method}:{given.get('uri', '')}")
    nonce = given.get("nonce", "")
    if "qop" not in given:
        return digest(f"{secret}:{nonce}:{request}")
    return digest(f"{secret}:{nonce}:{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}:{request}")


def _same_resource(signed: str, requested: str) -> bool:
    """Return whether both name the same path: clients differ in whether they sign the port or a trailing slash."""
    try:
        return urlsplit(signed).path.rstrip("/") == urlsplit(requested).path.rstrip("/")
    except ValueError:
        return False
