"""The probe: what a camera answers to DESCRIBE."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.camera.rtsp import NotRtspError, authorization, parse_head, probe
from tests.unit.exporters.cameras import PASSWORD, USER, rtsp_camera
from tests.unit.exporters.serving import run
from vigie.health import ProbeResult


async def ask(port: int, password: str = PASSWORD, limit: float = 5) -> ProbeResult:
    return await probe(f"rtsp://127.0.0.1:{port}/ch1/main", "127.0.0.1", port, USER, password, limit)


@pytest.mark.parametrize("qop", [False, True])
@pytest.mark.parametrize("algorithm", ["", "MD5", "SHA-256"])
def test_digest_authentication(qop: bool, algorithm: str) -> None:
    async def test() -> None:
        async with rtsp_camera(qop=qop, algorithm=algorithm) as (port, requests):
            assert await ask(port) is ProbeResult.ACCEPTED
            assert await ask(port, "wrong") is ProbeResult.REFUSED
            assert len(requests) == 4
            assert not any(PASSWORD in request or "Basic" in request for request in requests)

    run(test())


@pytest.mark.parametrize(
    ("camera", "result"),
    [
        ({"accept": False}, ProbeResult.REFUSED),
        ({"status": 404}, ProbeResult.NO_STREAM),
        ({"status": 503}, ProbeResult.NO_STREAM),
        ({"status": 403}, ProbeResult.REFUSED),
        ({"answer": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, ProbeResult.NO_ANSWER),
        ({"answer": b"x" * 100_000}, ProbeResult.NO_ANSWER),
        ({"answer": b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n"}, ProbeResult.NO_ANSWER),
    ],
)
def test_answers(camera: dict[str, object], result: ProbeResult) -> None:
    async def test() -> None:
        async with rtsp_camera(**camera) as (port, _):  # type: ignore[arg-type]
            assert await ask(port, limit=1) is result

    run(test())


def test_nobody_there() -> None:
    async def test() -> None:
        async with rtsp_camera() as (port, _):
            pass
        assert await ask(port) is ProbeResult.NO_ANSWER

    run(test())


def test_a_camera_that_accepts_and_says_nothing_costs_the_time_out_only() -> None:
    async def test() -> None:
        async with rtsp_camera(answer=b"") as (port, _):
            began = time.monotonic()
            assert await ask(port, limit=0.2) is ProbeResult.NO_ANSWER
            assert time.monotonic() - began < 1

    run(test())


def test_a_camera_that_resets_the_connection() -> None:
    async def abort(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def test() -> None:
        server = await asyncio.start_server(abort, "127.0.0.1", 0)
        assert await ask(server.sockets[0].getsockname()[1]) is ProbeResult.NO_ANSWER
        server.close()

    run(test())


def test_the_example_of_rfc_7616() -> None:
    """Section 3.9.1, MD5 and SHA-256, as far as DIGEST over GET goes."""
    offer = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, nonce="{}", opaque="{}"'
    nonce, opaque = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    expected = {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    challenges = tuple(offer.format(algorithm, nonce, opaque) for algorithm in expected)
    for algorithm, response in expected.items():
        only = (offer.format(algorithm, nonce, opaque),)
        value = authorization(only, "GET", "/dir/index.html", "Mufasa", "Circle of Life", cnonce)
        assert value is not None
        assert f'response="{response}"' in value
        assert f'opaque="{opaque}"' in value
    both = authorization(challenges, "GET", "/dir/index.html", "Mufasa", "Circle of Life", cnonce)
    assert both is not None
    assert expected["SHA-256"] in both


def test_basic_alone_is_not_answered() -> None:
    assert authorization(('Basic realm="cam"',), "DESCRIBE", "rtsp://h/", USER, PASSWORD) is None


@given(st.binary())
def test_any_head_is_an_answer_or_no_rtsp(head: bytes) -> None:
    try:
        answer, length = parse_head(b"RTSP/1.0 " + head)
    except NotRtspError:
        return
    assert 100 <= answer.status <= 999 or answer.status < 100
    assert length >= 0


@given(st.text())
def test_any_challenge_is_survived(challenge: str) -> None:
    authorization((f"Digest {challenge}",), "DESCRIBE", "rtsp://h/", USER, PASSWORD)
