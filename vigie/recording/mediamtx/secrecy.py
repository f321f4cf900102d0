"""Keeps credentials out of what people and logs see."""

from __future__ import annotations

import re
from typing import Final

_URL_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]*(?:@[^/@\s]*)*@")
_HASH: Final = re.compile(r"(?:sha256|argon2):\S+")


def redact(text: str) -> str:
    """`text` with the credentials of URLs and password hashes replaced by stars."""
    return _HASH.sub("***", _URL_CREDENTIALS.sub("***@", text))
