"""RTSP 1.0 messages (RFC 2326) and interleaved frames, parsed from a byte stream in pieces of any size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote, urlsplit

MAX_HEAD_BYTES: Final = 8_192
MAX_BODY_BYTES: Final = 65_536

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_URI: Final = re.compile(r"[!-~]+")  # visible ASCII: what is echoed in an answer cannot end its line
_VERSION: Final = re.compile(r"RTSP/\d\.\d")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")

# Beside HTTP's: RFC 2326 §7.1.1
REASONS: Final[Mapping[int, str]] = {
    451: "Parameter Not Understood",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    505: "RTSP Version Not Supported",
    551: "Option not supported",
}


class MessageError(ValueError):
    """The peer sent what is no RTSP; `status` is the answer before the connection is closed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """A request: header names in lower case, `path` decoded and without a trailing slash."""

    method: str
    uri: str
    version: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """Path of the URI, percent-decoded: `/ch1/main` of `rtsp://10.0.0.1:554/ch1/main/?x=1`."""
        return unquote(urlsplit(self.uri).path).rstrip("/")

    @property
    def sequence(self) -> str:
        """The CSeq to answer with; empty if the request has none."""
        return self.headers.get("cseq", "")


@dataclass(slots=True)
class Parser:
    """Incremental parser of what a client sends on an RTSP connection."""

    _buffer: bytearray = field(default_factory=bytearray)

    def feed(self, received: bytes) -> Iterator[Request | None]:
        """Yield each complete request, and None for each interleaved frame (its content is of no use to a sender).

        Raises MessageError; the stream cannot be followed after that.
        """
        self._buffer += received
        while self._buffer:
            if self._buffer[0] == ord("$"):
                if not self._skip_interleaved():
                    return
                yield None
            elif self._buffer[0] in b"\r\n":  # stray line ends between messages are ignored, RFC 9112 §2.2
                del self._buffer[0]
            else:
                request = self._take_request()
                if request is None:
                    return
                yield request

    def _skip_interleaved(self) -> bool:
        if len(self._buffer) < 4:
            return False
        size = 4 + int.from_bytes(self._buffer[2:4], "big")
        if len(self._buffer) < size:
            return False
        del self._buffer[:size]
        return True

    def _take_request(self) -> Request | None:
        end = _HEAD_END.search(self._buffer, 0, MAX_HEAD_BYTES)
        if end is None:
            if len(self._buffer) >= MAX_HEAD_BYTES:
                raise MessageError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request head too long")
            return None
        request = parse_head(bytes(self._buffer[: end.start()]))
        size = _content_length(request.headers)
        if len(self._buffer) < end.end() + size:
            return None
        body = bytes(self._buffer[end.end() : end.end() + size])
        del self._buffer[: end.end() + size]
        return Request(request.method, request.uri, request.version, request.headers, body)


def _content_length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise MessageError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
    if len(text) > len(str(MAX_BODY_BYTES)) or int(text) > MAX_BODY_BYTES:
        raise MessageError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request body too long")
    return int(text)


def parse_head(head: bytes) -> Request:
    """Parse request line and headers, without the empty line that ends them. Raises MessageError."""
    lines = head.decode("latin-1").replace("\r\n", "\n").split("\n")
    method, uri, version = _request_line(lines[0])
    headers: dict[str, str] = {}
    name = ""
    for line in lines[1:]:
        if line[:1] in " \t" and name:  # a folded line goes on with the header before it
            headers[name] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            raise MessageError(HTTPStatus.BAD_REQUEST, "malformed header line")
        name = name.lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return Request(method, uri, version, headers)


def _request_line(line: str) -> tuple[str, str, str]:
    parts = line.split(" ")
    if len(parts) != 3:
        raise MessageError(HTTPStatus.BAD_REQUEST, "malformed request line")
    method, uri, version = parts
    if not (_TOKEN.fullmatch(method) and _URI.fullmatch(uri) and _VERSION.fullmatch(version)):
        raise MessageError(HTTPStatus.BAD_REQUEST, "malformed request line")
    try:
        urlsplit(uri)
    except ValueError:
        raise MessageError(HTTPStatus.BAD_REQUEST, "malformed URI") from None
    return method, uri, version


def reason(status: int) -> str:
    """Return the reason phrase of a status code."""
    return REASONS.get(status) or HTTPStatus(status).phrase


def response(status: int, sequence: str, headers: list[tuple[str, str]], body: str = "") -> bytes:
    """Return an answer. `sequence` is the CSeq of the request, left out if empty."""
    lines = [f"RTSP/1.0 {status} {reason(status)}"]
    if sequence:
        lines.append(f"CSeq: {sequence}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1", "replace")


@dataclass(frozen=True, slots=True)
class InterleavedTransport:
    """RTP over the RTSP connection: the channels of RTP and RTCP."""

    rtp_channel: int
    rtcp_channel: int


def choose_transport(header: str) -> InterleavedTransport | None:
    """Return the first transport of a Transport header (RFC 2326 §12.39) that a lab device speaks, or None."""
    for offer in header.split(","):
        protocol, *parameters = (part.strip() for part in offer.split(";"))
        if protocol.upper() != "RTP/AVP/TCP":
            continue
        settings = dict(parameter.partition("=")[::2] for parameter in parameters)
        channels = re.fullmatch(r"(\d{1,3})-(\d{1,3})", settings.get("interleaved", "0-1"), re.ASCII)
        if channels is None or "multicast" in settings:
            continue
        rtp, rtcp = map(int, channels.groups())
        if rtp <= 0xFF and rtcp <= 0xFF and rtp != rtcp:
            return InterleavedTransport(rtp, rtcp)
    return None
