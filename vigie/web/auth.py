"""Basic authentication (RFC 7617) against bcrypt hashes, with a cache of verified credentials."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Final

import bcrypt

# Compared with when the user is unknown, so that the time taken does not tell which users exist.
_NOBODY: Final = bcrypt.hashpw(secrets.token_bytes(16), bcrypt.gensalt(10))
_CACHE_LIMIT: Final = 100
_BCRYPT_LIMIT_BYTES: Final = 72


class BasicAuthentication:
    """Checks `Authorization` headers. bcrypt costs 50 ms and more, so it runs in a thread, two at a time at most."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = dict(users)
        self._key = secrets.token_bytes(32)
        self._verified: set[bytes] = set()
        self._slots = asyncio.Semaphore(2)

    @property
    def required(self) -> bool:
        """Whether requests need credentials at all."""
        return bool(self._users)

    async def accepts(self, header: str | None) -> bool:
        """Whether the value of an `Authorization` header names a user of the file with its password."""
        if not self.required:
            return True
        credentials = _decode(header)
        if credentials is None:
            return False
        user, password = credentials
        known = self._users.get(user)
        token = self._token(user, password, known or "")
        if known is not None and token in self._verified:
            return True
        async with self._slots:
            matches = await asyncio.to_thread(_matches, password, known.encode() if known else _NOBODY)
        if not matches or known is None:
            return False
        if len(self._verified) >= _CACHE_LIMIT:
            self._verified.clear()
        self._verified.add(token)
        return True

    def _token(self, user: str, password: bytes, known: str) -> bytes:
        """A keyed digest: the cache holds no password."""
        return hmac.new(self._key, b"\0".join((user.encode(), known.encode(), password)), hashlib.sha256).digest()


def _matches(password: bytes, known: bytes) -> bool:
    return len(password) <= _BCRYPT_LIMIT_BYTES and b"\0" not in password and bcrypt.checkpw(password, known)


def _decode(header: str | None) -> tuple[str, bytes] | None:
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return (user.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None
