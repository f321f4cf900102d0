"""RTSP 1.0 server side of one connection (RFC 2326), media interleaved over TCP."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, cast

from simulators.encoder.auth import Verdict
from simulators.encoder.faults import Fault
from simulators.encoder.messages import (
    InterleavedTransport,
    MessageError,
    Parser,
    Request,
    choose_transport,
    response,
)
from simulators.encoder.sdp import CONTROL, describe
from simulators.encoder.stream import Viewer

if TYPE_CHECKING:
    from simulators.encoder.device import Channel, Device

SESSION_TIMEOUT_SECONDS: Final = 60  # RFC 2326 §12.37
SERVER: Final = ("Server", "Vigie lab encoder")

Headers = list[tuple[str, str]]


class RefusedError(Exception):
    """A request cannot be granted: the status to answer with, and extra headers."""

    def __init__(self, status: int, headers: Headers | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers or []


class Connection(asyncio.Protocol):
    """One client. It has at most one session; the session dies with the connection, as interleaved media must."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._loop = asyncio.get_running_loop()
        self._parser = Parser()
        self._transport: asyncio.Transport | None = None
        self._channel: Channel | None = None  # what the session is set up for
        self._session = ""
        self._viewer: Viewer | None = None
        self._channels: InterleavedTransport | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._methods: dict[str, Callable[[Request], bytes]] = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "GET_PARAMETER": self._get_parameter,
            "TEARDOWN": self._teardown,
        }

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._device.connections.add(self)
        self._heard = self._loop.time()
        self._expiry = self._loop.call_later(SESSION_TIMEOUT_SECONDS, self._check_expiry)

    def connection_lost(self, _error: Exception | None) -> None:
        self._device.connections.discard(self)
        self._end_session()
        if self._expiry is not None:
            self._expiry.cancel()

    def data_received(self, received: bytes) -> None:
        self._heard = self._loop.time()
        try:
            for request in self._parser.feed(received):
                if request is not None:
                    self._answer(request)
                if self._closing:
                    return
        except MessageError as error:
            self._write(response(error.status, "", [SERVER, ("Connection", "close")]))
            self.close()

    # For the device

    def watches(self, channel: Channel) -> bool:
        """Return whether the session of this connection is of `channel`."""
        return self._channel is channel

    def close(self) -> None:
        """Close after what was written has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Reset the connection, as a device does that lost its power or network."""
        if self._transport is not None:
            self._transport.abort()

    # Requests

    @property
    def _closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)

    def _answer(self, request: Request) -> None:
        sequence = request.sequence
        if not (sequence.isascii() and sequence.isdigit() and len(sequence) <= 10):
            self._write(response(HTTPStatus.BAD_REQUEST, "", [SERVER]))
            return
        try:
            answer = self._dispatch(request)
        except RefusedError as refused:
            answer = response(refused.status, sequence, [SERVER, *refused.headers])
        self._write(answer)

    def _dispatch(self, request: Request) -> bytes:
        if request.version != "RTSP/1.0":
            raise RefusedError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
        method = self._methods.get(request.method)
        if method is None:
            raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, [("Public", ", ".join(self._methods))])
        if "require" in request.headers:
            raise RefusedError(551, [("Unsupported", request.headers["require"])])
        return method(request)

    def _ok(self, request: Request, headers: Headers, body: str = "") -> bytes:
        return response(HTTPStatus.OK, request.sequence, [SERVER, *headers], body)

    def _options(self, request: Request) -> bytes:
        """Asked for before anything else and by monitoring, so it needs no password, as with most cameras."""
        channel = self._device.channel(_stream_path(request.path))
        if channel is not None:
            self._refuse_if_dropped(channel)
        return self._ok(request, [("Public", ", ".join(self._methods))])

    def _describe(self, request: Request) -> bytes:
        channel = self._authorised_channel(request)
        accepted = request.headers.get("accept", "application/sdp")
        if not any(kind in accepted for kind in ("application/sdp", "*/*", "application/*")):
            raise RefusedError(HTTPStatus.NOT_ACCEPTABLE)
        base = request.uri.split("?", 1)[0].rstrip("/") + "/"
        headers = [("Content-Type", "application/sdp"), ("Content-Base", base), ("Cache-Control", "no-cache")]
        return self._ok(request, headers, describe(channel.stream.reel.index, self._device.config.address))

    def _setup(self, request: Request) -> bytes:
        channel = self._authorised_channel(request)
        if self._viewer is not None or (self._session and channel is not self._channel):
            raise RefusedError(455, [("Allow", "OPTIONS, DESCRIBE, PAUSE, GET_PARAMETER, TEARDOWN")])
        self._require_session(request, optional=True)
        transport = choose_transport(request.headers.get("transport", ""))
        if transport is None:
            raise RefusedError(461)
        self._session = self._session or secrets.token_hex(8)
        self._channel, self._channels = channel, transport
        chosen = f"RTP/AVP/TCP;unicast;interleaved={transport.rtp_channel}-{transport.rtcp_channel}"
        return self._ok(request, [("Transport", chosen), self._session_header])

    def _play(self, request: Request) -> bytes:
        channel = self._authorised_channel(request)
        if self._channels is None or channel is not self._channel:
            raise RefusedError(455, [("Allow", "OPTIONS, DESCRIBE, SETUP, TEARDOWN")])
        self._require_session(request)
        assert self._transport is not None
        viewer = self._viewer or Viewer(
            self._transport, self._channels, f"{channel.stream.config.camera}@{self._device.config.address}"
        )
        base = viewer.state.timestamp_base + channel.metronome.timestamp_ticks(channel.stream)
        track = _track_uri(request.uri)
        played = f"url={track};seq={viewer.state.sequence};rtptime={base & 0xFFFF_FFFF}"
        if self._viewer is None:
            # Not before the answer has been written: a client reads no media until then.
            self._loop.call_soon(self._begin, channel, viewer)
            self._viewer = viewer
        return self._ok(request, [self._session_header, ("Range", "npt=now-"), ("RTP-Info", played)])

    def _begin(self, channel: Channel, viewer: Viewer) -> None:
        if self._viewer is viewer and not self._closing:
            channel.stream.add(viewer)

    def _pause(self, request: Request) -> bytes:
        self._authorised_channel(request)
        self._require_session(request)
        raise RefusedError(
            455, [("Allow", "OPTIONS, DESCRIBE, GET_PARAMETER, TEARDOWN")]
        )  # live: nothing to go back to

    def _get_parameter(self, request: Request) -> bytes:
        """Keep-alive when empty (RFC 2326 §10.8); there is no parameter to read."""
        if request.body.strip():
            raise RefusedError(451)
        self._require_session(request, optional=True)
        return self._ok(request, [self._session_header] if self._session else [])

    def _teardown(self, request: Request) -> bytes:
        self._authorised_channel(request)
        self._require_session(request)
        self._end_session()
        return self._ok(request, [])

    # Checks

    @property
    def _session_header(self) -> tuple[str, str]:
        return "Session", f"{self._session};timeout={SESSION_TIMEOUT_SECONDS}"

    def _require_session(self, request: Request, *, optional: bool = False) -> None:
        given = request.headers.get("session", "").split(";", 1)[0].strip()
        if optional and not given:
            return
        if not self._session or not secrets.compare_digest(given.encode(), self._session.encode()):
            raise RefusedError(454)

    def _refuse_if_dropped(self, channel: Channel) -> None:
        if channel.stream.fault is Fault.DROP:
            self.abort()
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE)

    def _authorised_channel(self, request: Request) -> Channel:
        """Return the channel that the request is for. A stranger learns nothing about which paths exist."""
        channel = self._device.channel(_stream_path(request.path))
        if channel is not None:
            self._refuse_if_dropped(channel)
        now = self._loop.time()
        authenticator = self._device.authenticator
        if channel is not None and channel.stream.fault is Fault.AUTH:
            verdict = Verdict.REFUSED
        else:
            header = request.headers.get("authorization", "")
            verdict = authenticator.check(header, request.method, request.uri, now)
        if verdict is not Verdict.GRANTED:
            challenges = authenticator.challenges(now, stale=verdict is Verdict.STALE)
            raise RefusedError(HTTPStatus.UNAUTHORIZED, [("WWW-Authenticate", challenge) for challenge in challenges])
        if channel is None:
            raise RefusedError(HTTPStatus.NOT_FOUND)
        return channel

    # Session

    def _end_session(self) -> None:
        if self._viewer is not None and self._channel is not None:
            self._channel.stream.remove(self._viewer)
        self._viewer = self._channel = self._channels = None
        self._session = ""

    def _check_expiry(self) -> None:
        """Anything heard keeps a session: requests, and receiver reports (RFC 2326 appendix A.2)."""
        silence = self._loop.time() - self._heard
        if silence >= SESSION_TIMEOUT_SECONDS:
            self.close()
            return
        self._expiry = self._loop.call_later(SESSION_TIMEOUT_SECONDS - silence, self._check_expiry)


def _stream_path(path: str) -> str:
    return path.removesuffix(f"/{CONTROL}")


def _track_uri(uri: str) -> str:
    plain = uri.split("?", 1)[0].rstrip("/")
    return plain if plain.endswith(f"/{CONTROL}") else f"{plain}/{CONTROL}"
