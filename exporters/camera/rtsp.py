"""Asks a camera over RTSP (RFC 2326) to describe a stream: does it answer, does it accept our password?"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vigie.health import ProbeResult

_HEAD_LIMIT: Final = 16 << 10
_STATUS: Final = re.compile(r"^RTSP/\d\.\d (\d{3})( |$)")
_PARAMETER: Final = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
_HASHES: Final = {"": hashlib.md5, "MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status code and the values of `WWW-Authenticate`, in order."""

    status: int
    challenges: tuple[str, ...]


class NotRtspError(ValueError):
    """What answers does not speak RTSP."""


async def probe(url: str, address: str, port: int, username: str, password: str, timeout_: float) -> ProbeResult:
    """DESCRIBE of `url` (without credentials) at `address`:`port`, within `timeout_` seconds in all. Never raises."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(timeout_):
            reader, writer = await asyncio.open_connection(address, port, limit=_HEAD_LIMIT)
            answer = await _describe(reader, writer, url, 1, None)
            if answer.status == 401 and username:
                header = authorization(answer.challenges, "DESCRIBE", url, username, password)
                if header is not None:
                    answer = await _describe(reader, writer, url, 2, header)
    except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError, NotRtspError):
        return ProbeResult.NO_ANSWER
    finally:
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()
    return _result(answer.status)


def _result(status: int) -> ProbeResult:
    if status == 200:
        return ProbeResult.ACCEPTED
    return ProbeResult.REFUSED if status in (401, 403) else ProbeResult.NO_STREAM


async def _describe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str, sequence: int, header: str | None
) -> Answer:
    lines = [f"DESCRIBE {url} RTSP/1.0", f"CSeq: {sequence}", "User-Agent: vigie", "Accept: application/sdp"]
    if header is not None:
        lines.append(f"Authorization: {header}")
    writer.write("\r\n".join((*lines, "", "")).encode())
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    answer, length = parse_head(head)
    await reader.readexactly(min(length, _HEAD_LIMIT))
    return answer


def parse_head(head: bytes) -> tuple[Answer, int]:
    """An RTSP response head -> the answer and the length of its body. Raises NotRtspError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    match = _STATUS.match(first)
    if not match:
        raise NotRtspError(f"not an RTSP status line: {first[:40]!r}")
    fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((value for name, value in fields if name == "content-length"), "0")
    challenges = tuple(value for name, value in fields if name == "www-authenticate")
    return Answer(int(match[1]), challenges), int(length) if length.isascii() and length.isdigit() else 0


def authorization(
    challenges: tuple[str, ...], method: str, uri: str, username: str, password: str, cnonce: str | None = None
) -> str | None:
    """The `Authorization` value for the strongest challenge we can meet, or None.

    Digest (RFC 7616, SHA-256 before MD5), never Basic: it would send the password in clear to whoever answers.
    """
    offers = [_parameters(challenge) for challenge in challenges if challenge.lower().startswith("digest ")]
    for algorithm in ("SHA-256", "MD5", ""):
        for offer in offers:
            if offer.get("algorithm", "").upper() == algorithm and "nonce" in offer:
                return _digest(offer, method, uri, username, password, cnonce or secrets.token_hex(8))
    return None


def _digest(offer: Mapping[str, str], method: str, uri: str, username: str, password: str, cnonce: str) -> str:
    algorithm = offer.get("algorithm", "")
    digest = _HASHES[algorithm.upper()]

    def hashed(*parts: str) -> str:
        return digest(":".join(parts).encode()).hexdigest()

    realm, nonce = offer.get("realm", ""), offer["nonce"]
    secret, request = hashed(username, realm, password), hashed(method, uri)
    fields = {"username": username, "realm": realm, "nonce": nonce, "uri": uri}
    bare: dict[str, str] = {}
    if "auth" in offer.get("qop", "").replace(" ", "").split(","):
        bare = {"qop": "auth", "nc": "00000001"}
        fields |= {"cnonce": cnonce, "response": hashed(secret, nonce, bare["nc"], cnonce, "auth", request)}
    else:
        fields["response"] = hashed(secret, nonce, request)
    if algorithm:
        bare["algorithm"] = algorithm
    if "opaque" in offer:
        fields["opaque"] = offer["opaque"]
    quoted = [f'{name}="{value}"' for name, value in fields.items()]
    return "Digest " + ", ".join(quoted + [f"{name}={value}" for name, value in bare.items()])


def _parameters(challenge: str) -> dict[str, str]:
    found = _PARAMETER.findall(challenge.partition(" ")[2])
    return {name.lower(): quoted or plain for name, quoted, plain in found}
