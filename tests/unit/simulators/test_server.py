"""Devices on loopback: whole conversations, wrong ones too, and faults while somebody watches."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators.encoder import rtsp
from simulators.encoder.config import load_config
from simulators.encoder.faults import Fault
from simulators.encoder.simulator import Simulator, UnknownCameraError
from tests.lab.rtsp_client import Client
from tests.unit.simulators.synthetic import PASSWORD, USER, configuration, device

CREDENTIALS = f"{USER}:{PASSWORD}"
ENCODER, DOME = "127.0.41.1", "127.0.41.2"
SECONDS = 10.0  # no answer takes longer unless something is broken


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ENCODER, 0))
        return int(probe.getsockname()[1])


PORT = free_port()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with two channels and a camera of its own."""
    devices = [device("encoder", ENCODER, PORT, ["cam-1", "cam-2"]), device("dome", DOME, PORT, ["cam-3"])]
    return configuration(tmp_path_factory.mktemp("simulator"), devices)


@asynccontextmanager
async def running(config: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(*load_config(config))
    await simulator.start()
    try:
        yield simulator
    finally:
        simulator.close()
        await asyncio.sleep(0)


def run(config: Path, scene: Callable[[Simulator], Awaitable[None]]) -> None:
    """Play `scene` with a running simulator."""

    async def play() -> None:
        async with running(config) as simulator:
            await asyncio.wait_for(scene(simulator), SECONDS)

    asyncio.run(play())


def client(path: str = "/ch1/main", address: str = ENCODER, credentials: str = CREDENTIALS) -> Awaitable[Client]:
    return Client.connect(address, PORT, path, credentials)


async def ended(watcher: Client) -> bool:
    """Return True when the device closes or resets the connection."""
    try:
        while await watcher.reader.read(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


async def first_frame(watcher: Client) -> bytes:
    """Return the payload of the first RTP packet, after the sender report that comes before it."""
    channel, report = await watcher.packet()
    assert (channel, report[1]) == (1, 200)
    while True:
        channel, packet = await watcher.packet()
        if channel == 0:
            return packet[12:]


def test_a_whole_session(config: Path) -> None:
    async def scene(simulator: Simulator) -> None:
        viewer = await client()
        options = await viewer.request("OPTIONS")
        assert "DESCRIBE" in options.header("public")
        description = await viewer.request("DESCRIBE", Accept="application/sdp")
        assert description.header("content-base") == f"rtsp://{ENCODER}:{PORT}/ch1/main/"
        assert "a=rtpmap:96 H264/90000" in description.body
        assert "sprop-parameter-sets=" in description.body
        played = await viewer.play()
        assert "rtptime=" in played.header("rtp-info")
        assert played.header("session").endswith(f";timeout={rtsp.SESSION_TIMEOUT_SECONDS}")
        assert (await first_frame(viewer))[0] & 0x1F == 7  # a stream begins with its parameter set
        assert simulator.camera("cam-1")["streams"][0]["viewers"] == 1
        assert (await viewer.request("GET_PARAMETER")).status == 200
        assert (await viewer.request("TEARDOWN")).status == 200
        assert simulator.camera("cam-1")["streams"][0]["viewers"] == 0
        viewer.writer.close()

    run(config, scene)


def test_a_viewer_that_goes_away_is_forgotten(config: Path) -> None:
    async def scene(simulator: Simulator) -> None:
        viewer = await client()
        await viewer.play()
        await first_frame(viewer)
        viewer.writer.transport.abort()
        while simulator.camera("cam-1")["streams"][0]["viewers"]:  # noqa: ASYNC110 - the test sees what the API tells
            await asyncio.sleep(0.01)
        assert simulator.camera("cam-1")["streams"][0]["viewers_dropped_total"] == 0

    run(config, scene)


def test_wrong_requests_get_the_right_answers(config: Path) -> None:
    async def scene(_: Simulator) -> None:
        viewer = await client()
        assert (await viewer.request("PLAY")).status == 455
        assert (await viewer.request("PAUSE")).status == 454
        assert (await viewer.request("RECORD")).status == 501
        assert (await viewer.request("DESCRIBE", Require="onvif-replay")).status == 551
        assert (await viewer.request("DESCRIBE", Accept="text/html")).status == 406
        assert (await viewer.request("SETUP", Transport="RTP/AVP;unicast;client_port=5000-5001")).status == 461
        await viewer.play()
        assert (await viewer.request("SETUP", Transport="RTP/AVP/TCP")).status == 455
        assert (await viewer.request("PAUSE")).status == 455
        viewer.session = "0"
        assert (await viewer.request("PLAY")).status == 454
        assert (await viewer.request("TEARDOWN")).status == 454
        stranger = await client("/ch9/main")
        assert (await stranger.request("DESCRIBE")).status == 404
        for each in (viewer, stranger):
            each.writer.close()

    run(config, scene)


def test_old_versions_and_missing_sequence_numbers(config: Path) -> None:
    async def scene(_: Simulator) -> None:
        for text, status in (
            (b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505),
            (b"OPTIONS * RTSP/1.0\r\n\r\n", 400),
            (b"OPTIONS * RTSP/1.0\r\nCSeq: 1x\r\n\r\n", 400),
            (b"NONSENSE\r\n\r\n", 400),
        ):
            reader, writer = await asyncio.open_connection(ENCODER, PORT)
            writer.write(text)
            assert (await reader.readline()).startswith(f"RTSP/1.0 {status} ".encode())
            writer.close()

    run(config, scene)


def test_without_the_password_nothing_is_learnt(config: Path) -> None:
    """Wrong passwords and unknown paths look alike, and 401 offers digests before Basic."""

    async def scene(_: Simulator) -> None:
        for path, credentials in (("/ch1/main", ""), ("/ch1/main", f"{USER}:x"), ("/ch9/main", "")):
            stranger = await client(path, credentials=credentials)
            answer = await stranger.request("DESCRIBE")
            offers = [value.split()[0] for name, value in answer.headers if name == "www-authenticate"]
            assert (answer.status, offers) == (401, ["Digest", "Digest", "Basic"])
            assert (await stranger.request("SETUP", Transport="RTP/AVP/TCP")).status == 401
            stranger.writer.close()

    run(config, scene)


def test_drop_resets_its_camera_only_and_refuses_connections_once_the_whole_device_is_gone(config: Path) -> None:
    async def scene(simulator: Simulator) -> None:
        first, second = await client("/ch1/main"), await client("/ch2/main")
        for viewer in (first, second):
            await viewer.play()
        await simulator.set_fault("cam-1", Fault.DROP)
        assert await ended(first)
        again = await client("/ch1/main")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await again.request("DESCRIBE")
        assert (await second.request("GET_PARAMETER")).status == 200
        await simulator.set_fault("cam-2", Fault.DROP)
        assert await ended(second)
        with pytest.raises(ConnectionRefusedError):
            await client("/ch2/main")
        (await client(address=DOME)).writer.close()
        await simulator.set_fault("cam-2", Fault.OK)
        back = await client("/ch2/main")
        await back.play()
        await first_frame(back)
        back.writer.close()

    run(config, scene)


def test_a_changed_password_ends_sessions_and_is_answered_401(config: Path) -> None:
    async def scene(simulator: Simulator) -> None:
        viewer = await client()
        await viewer.play()
        await simulator.set_fault("cam-1", Fault.AUTH)
        assert await ended(viewer)
        again = await client()
        assert (await again.request("OPTIONS")).status == 200
        assert (await again.request("DESCRIBE")).status == 401
        other = await client("/ch2/main")
        assert (await other.request("DESCRIBE")).status == 200
        await simulator.set_fault("cam-1", Fault.OK)
        assert (await again.request("DESCRIBE")).status == 200
        for each in (again, other):
            each.writer.close()

    run(config, scene)


def test_a_stalled_camera_still_talks_but_sends_nothing(config: Path) -> None:
    async def scene(simulator: Simulator) -> None:
        await simulator.set_fault("cam-1", Fault.STALL)
        viewer = await client()
        await viewer.play()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(viewer.packet(), 0.5)
        assert (await viewer.request("OPTIONS")).status == 200
        await simulator.set_fault("cam-1", Fault.OK)
        await first_frame(viewer)
        viewer.writer.close()

    run(config, scene)


def test_main_and_sub_follow_unless_one_is_named(config: Path) -> None:
    async def scene(simulator: Simulator) -> None:
        def faults() -> list[str]:
            return [stream["fault"] for camera in ("cam-1", "cam-2") for stream in simulator.camera(camera)["streams"]]

        await simulator.set_fault("cam-1", Fault.FREEZE)
        assert faults() == ["freeze", "freeze", "ok", "ok"]
        await simulator.set_fault("cam-1", Fault.OK, role="sub")
        assert faults() == ["freeze", "ok", "ok", "ok"]
        with pytest.raises(UnknownCameraError, match="did you mean cam-3, cam-2, cam-1"):
            await simulator.set_fault("cam-33", Fault.OK)

    run(config, scene)


def test_a_silent_client_is_disconnected_and_a_reporting_one_is_not(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session lives as long as its client is heard; receiver reports are enough."""
    monkeypatch.setattr(rtsp, "SESSION_TIMEOUT_SECONDS", 0.6)

    async def scene(simulator: Simulator) -> None:
        silent, reporting = await client(), await client("/ch2/main")
        for viewer in (silent, reporting):
            await viewer.play()
        end = asyncio.create_task(ended(silent))
        while not end.done():
            reporting.writer.write(b"$\x01\x00\x04abcd")
            await asyncio.sleep(0.1)
        assert simulator.camera("cam-1")["streams"][0]["viewers"] == 0
        assert simulator.camera("cam-2")["streams"][0]["viewers"] == 1
        reporting.writer.close()

    run(config, scene)


def test_an_address_that_is_taken_is_named_and_nothing_stays_open(config: Path) -> None:
    async def attempt() -> None:
        with socket.socket() as taken:
            taken.bind((DOME, PORT))
            taken.listen()
            simulator = Simulator(*load_config(config))
            with pytest.raises(OSError, match=rf"device dome: cannot listen on {DOME}:{PORT}"):
                await simulator.start()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(ENCODER, PORT)

    asyncio.run(attempt())


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.binary(max_size=300), st.sampled_from([b"DESCRIBE rtsp://h/ch1/main RTSP/1.0\r\n", b"\r\n"])))
)
def test_a_device_survives_whatever_is_thrown_at_it(config: Path, pieces: list[bytes]) -> None:
    """After garbage, and while other clients keep garbage open, a proper client is served."""

    async def scene(_: Simulator) -> None:
        errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
        writer = (await asyncio.open_connection(ENCODER, PORT))[1]
        for piece in pieces:
            writer.write(piece)
        await asyncio.sleep(0)
        viewer = await client()
        assert (await viewer.request("DESCRIBE")).status == 200
        writer.close()
        viewer.writer.close()
        assert errors == []

    run(config, scene)
