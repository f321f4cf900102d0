"""RTSP from the wire: what the RFC allows is read, everything else is refused, nothing crashes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.encoder.messages import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    InterleavedTransport,
    MessageError,
    Parser,
    Request,
    choose_transport,
    response,
)

DESCRIBE = b"DESCRIBE rtsp://10.0.0.1:554/ch%31/main/?a=b RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n"
RECEIVER_REPORT = b"$\x01\x00\x04abcd"


def parse(*pieces: bytes) -> list[Request | None]:
    parser = Parser()
    return [message for piece in pieces for message in parser.feed(piece)]


def test_a_request_is_read() -> None:
    (request,) = parse(DESCRIBE)
    assert request is not None
    assert (request.method, request.path, request.version, request.sequence) == (
        "DESCRIBE",
        "/ch1/main",
        "RTSP/1.0",
        "2",
    )
    assert request.headers["accept"] == "application/sdp"


def test_headers_fold_repeat_and_ignore_case() -> None:
    (request,) = parse(b"OPTIONS * RTSP/1.0\nCSEQ:7\nRequire: a,\n b\nrequire:c\nEmpty:\n\n")
    assert request is not None
    assert request.headers == {"cseq": "7", "require": "a, b, c", "empty": ""}


def test_a_body_is_taken_by_its_length_and_the_next_request_follows() -> None:
    first, second = parse(b"GET_PARAMETER rtsp://a/ RTSP/1.0\r\nContent-Length: 4\r\n\r\nab\r\n" + DESCRIBE)
    assert first is not None
    assert second is not None
    assert (first.body, second.method) == (b"ab\r\n", "DESCRIBE")


@given(
    st.lists(st.sampled_from([DESCRIBE, RECEIVER_REPORT, b"\r\n"]), max_size=6),
    st.lists(st.integers(0, 600), max_size=12),
)
def test_messages_do_not_depend_on_how_the_network_cuts_them(messages: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(messages)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    pieces = [stream[a:b] for a, b in pairwise(edges)]
    assert parse(*pieces) == parse(stream)
    assert len(parse(stream)) == sum(message != b"\r\n" for message in messages)


@given(st.lists(st.binary(max_size=200), max_size=8))
def test_garbage_is_refused_or_waited_for(pieces: list[bytes]) -> None:
    try:
        messages = parse(*pieces)
    except MessageError as error:
        status = error.status
    else:
        status = 200
        assert all(message is None or message.uri.isascii() for message in messages)
    assert status in (200, 400, 413)


HEADS = st.from_regex(
    rb"[A-Z]{1,9} [!-~]{1,40} RTSP/[0-9]\.[0-9]\r\n([A-Za-z-]{1,9}:[^\r\n]{0,20}\r\n)*", fullmatch=True
)


@given(HEADS)
def test_whatever_looks_like_a_request_yields_values_that_are_safe_to_echo(head: bytes) -> None:
    try:
        messages = parse(head + b"\r\n")
    except MessageError:
        return
    for request in messages:
        if request is not None:
            assert not set("\r\n ") & set(request.uri)
            assert not set("\r\n") & set("".join(request.headers.values()))
            assert isinstance(request.path, str)


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"OPTIONS rtsp://a/\x01 RTSP/1.0\r\n\r\n", 400),
        (b"OPTIONS rtsp://[a RTSP/1.0\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nBad Name: x\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: \xb2\r\n\r\n", 400),
        (f"OPTIONS * RTSP/1.0\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode(), 413),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413),
        (b"A" * MAX_HEAD_BYTES, 413),
    ],
)
def test_what_is_no_rtsp_is_refused(octets: bytes, status: int) -> None:
    with pytest.raises(MessageError) as refused:
        parse(octets)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=2-3", InterleavedTransport(2, 3)),
        ("RTP/AVP;unicast;client_port=5000-5001, RTP/AVP/TCP;interleaved=0-1", InterleavedTransport(0, 1)),
        ("rtp/avp/tcp; unicast; interleaved=254-255", InterleavedTransport(254, 255)),
        ("RTP/AVP/TCP", InterleavedTransport(0, 1)),
        ("RTP/AVP/TCP;interleaved=255-256", None),
        ("RTP/AVP/TCP;interleaved=1-1", None),
        ("RTP/AVP/TCP;interleaved=x", None),
        ("RTP/AVP;unicast;client_port=5000-5001", None),
        ("RTP/AVP/TCP;multicast", None),
        ("", None),
    ],
)
def test_transport_choice(header: str, expected: InterleavedTransport | None) -> None:
    assert choose_transport(header) == expected


@given(st.text())
def test_any_transport_header_is_judged(header: str) -> None:
    choose_transport(header)


def test_an_answer_on_the_wire() -> None:
    assert response(454, "3", [("Server", "x")]) == b"RTSP/1.0 454 Session Not Found\r\nCSeq: 3\r\nServer: x\r\n\r\n"
    assert response(200, "", [], "v=0\r\n") == b"RTSP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nv=0\r\n"
