"""The lab's RTSP devices against the recorder and the tools that the field uses: MediaMTX, ffmpeg, ffprobe.

Each fault is given to a running camera and taken away again while MediaMTX records it. What is judged is the recorded
footage: whether it can be decoded to the last frame, and whether it shows the fault, and only while it lasted.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from simulators.encoder.clips import BY_NAME, KEYFRAME_INTERVAL_SECONDS
from simulators.encoder.control import call
from simulators.encoder.encode import encode_grid
from simulators.encoder.faults import LOW_FPS_DIVISOR, Fault
from tests.lab.rtsp_client import Client
from tests.lab.simulation import (
    CONTROL_PORT,
    H264,
    H265,
    PASSWORD,
    RTSP_PORT,
    SUB,
    USER,
    Camera,
    Footage,
    Recorder,
    Running,
    Simulation,
    cameras_of,
    decoded_size,
    keyframe_brightness,
    pictures,
    segments,
)
from vigie.state import cache_home

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

CACHE = cache_home()
BEFORE, DURING, AFTER = 7.0, 12.0, 12.0  # seconds healthy, at fault, healthy again
GROUP = KEYFRAME_INTERVAL_SECONDS
SETTLING = GROUP + 1.0  # a fault of the picture shows at the next keyframe
RETRY = 6.0  # MediaMTX pauses 5 s before it calls a lost camera again


def _products(pattern: str) -> list[Path]:
    """Complete products of the bundle, the newest last; names that begin with a dot are still being built."""
    return sorted(CACHE.glob(pattern), key=lambda path: path.stat().st_mtime)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of the bundle where they are up to date, else encoded here."""
    folder = tmp_path_factory.mktemp("clips")
    for clip in _products("clips/[!.]*/clips/*.clip"):
        shutil.copy(clip, folder)
    encode_grid(folder, jobs=2, report=print)
    return folder


@pytest.fixture(scope="module")
def mediamtx() -> Path:
    """The recorder's binary: VIGIE_MEDIAMTX, or the newest of the bundle."""
    named = os.environ.get("VIGIE_MEDIAMTX")
    built = [Path(named)] if named else _products("mediamtx/[!.]*/bin/mediamtx")
    if not built:
        pytest.fail("no mediamtx: run `vigie bundle`, or name a binary in VIGIE_MEDIAMTX")
    return built[-1]


FAULTS = [fault for fault in Fault if fault is not Fault.OK]
CODECS = {"h264": H264, "h265": H265}
CASES = {f"{codec}-{fault.value.replace('_', '-')}": CODECS[codec] for codec in CODECS for fault in FAULTS}


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory, clips: Path, mediamtx: Path) -> Iterator[Footage]:
    """Record a camera per codec and fault: healthy, at fault, healthy again."""
    folder = tmp_path_factory.mktemp("footage")
    cameras = cameras_of(CASES, network=31)
    with (
        Simulation(folder / "simulator", clips, cameras),
        Recorder(mediamtx, folder / "recordings", cameras) as recorder,
    ):
        time.sleep(BEFORE)
        began = time.time()
        for camera in cameras:
            fault = camera.name.partition("-")[2].replace("-", "_")
            call(CONTROL_PORT, "PUT", f"/cameras/{camera.name}/fault", {"fault": fault})
        time.sleep(DURING)
        ended = time.time()
        for camera in cameras:
            call(CONTROL_PORT, "PUT", f"/cameras/{camera.name}/fault", {"fault": "ok"})
        time.sleep(AFTER)
        stopped = time.time()
    yield Footage(folder / "recordings", recorder.log, began, ended, stopped)
    shutil.rmtree(folder)


@pytest.mark.parametrize("camera", CASES)
def test_every_recorded_frame_can_be_decoded(footage: Footage, camera: str) -> None:
    """A switch to a fault and back must look to the recorder like a camera, not like a broken stream."""
    spec = BY_NAME[CASES[camera]]
    recorded = segments(footage.folder, camera)
    assert recorded
    with ThreadPoolExecutor(2) as pool:
        for segment, (width, height, frames) in zip(recorded, pool.map(decoded_size, recorded), strict=True):
            assert (width, height) == (spec.width, spec.height)
            assert frames == len(pictures(segment))
            assert pictures(segment)[0].keyframe


@pytest.mark.parametrize("camera", CASES)
def test_a_healthy_camera_is_recorded_without_a_lost_frame(footage: Footage, camera: str) -> None:
    """Before the fault, and after it: every frame instant is there once."""
    fps = BY_NAME[CASES[camera]].fps
    back = footage.ended + RETRY + SETTLING
    for start, end in ((footage.began - 3.0, footage.began - 0.5), (back, footage.stopped - 1.5)):
        frames = footage.between(camera, start, end)
        assert len(frames) == pytest.approx((end - start) * fps, abs=2)
        gaps = [after.wall - before.wall for before, after in pairwise(frames)]
        assert max(gaps) < 1.5 / fps


@pytest.mark.parametrize("codec", CODECS)
def test_a_frozen_camera_sends_the_same_picture_for_ever(footage: Footage, codec: str) -> None:
    """Packets go on at the full rate; keyframes are the same to the bit, which they never are of a live scene."""
    fps = BY_NAME[CODECS[codec]].fps
    frozen = footage.between(f"{codec}-freeze", footage.began + SETTLING, footage.ended)
    assert len(frozen) == pytest.approx((DURING - SETTLING) * fps, abs=3)
    assert len({picture.digest for picture in frozen if picture.keyframe}) == 1
    healthy = [p.digest for p in footage.between(f"{codec}-freeze", 0, footage.began) if p.keyframe]
    assert len(set(healthy)) == len(healthy) > 1


@pytest.mark.parametrize("codec", CODECS)
def test_a_covered_lens_is_black_and_then_bright_again(footage: Footage, codec: str) -> None:
    """Black lasts as long as the fault, at the full rate."""
    camera = f"{codec}-black"
    brightness: dict[float, float] = {}
    for segment in segments(footage.folder, camera):
        keyframes = [picture for picture in pictures(segment) if picture.keyframe]
        brightness |= {p.wall: luma for p, luma in zip(keyframes, keyframe_brightness(segment), strict=True)}
    dark = [luma for wall, luma in brightness.items() if footage.began + SETTLING <= wall < footage.ended]
    bright = [luma for wall, luma in brightness.items() if not footage.began <= wall < footage.ended + SETTLING]
    assert len(dark) >= (DURING - SETTLING) // GROUP
    assert max(dark) < 5
    assert min(bright) > 50


@pytest.mark.parametrize("codec", CODECS)
def test_low_fps_is_a_fifth_of_the_rate_with_true_timestamps(footage: Footage, codec: str) -> None:
    """Fewer frames, each in its place on the clock, and a keyframe every two seconds as before."""
    fps = BY_NAME[CODECS[codec]].fps / LOW_FPS_DIVISOR
    frames = footage.between(f"{codec}-low-fps", footage.began + SETTLING, footage.ended)
    gaps = [after.wall - before.wall for before, after in pairwise(frames)]
    assert len(frames) == pytest.approx((DURING - SETTLING) * fps, abs=1)
    assert all(gap == pytest.approx(1 / fps, abs=0.01) for gap in gaps)
    keyframes = [picture.wall for picture in frames if picture.keyframe]
    assert [b - a for a, b in pairwise(keyframes)] == pytest.approx([GROUP] * (len(keyframes) - 1), abs=0.01)


@pytest.mark.parametrize("fault", ["stall", "drop", "auth"])
@pytest.mark.parametrize("codec", CODECS)
def test_nothing_is_recorded_of_a_silent_camera_until_it_is_back(footage: Footage, codec: str, fault: str) -> None:
    """The gap is as long as the fault, and ends soon after it."""
    camera = f"{codec}-{fault}"
    assert footage.between(camera, footage.began + 1.0, footage.ended - 0.1) == []
    assert footage.between(camera, footage.ended, footage.ended + RETRY + SETTLING)


def test_the_recorder_meets_each_fault_as_it_would_a_real_one(footage: Footage) -> None:
    """Refused connections and 401 are told apart, which drills and the camera exporter rely on."""
    for codec in CODECS:
        lines = footage.log.splitlines()
        assert any(f"{codec}-auth" in line and "401" in line for line in lines)
        assert any(f"{codec}-drop" in line and "connection refused" in line for line in lines)
        for steady in ("freeze", "black", "low-fps"):
            noisy = [line for line in lines if f"{codec}-{steady}" in line and ("lost" in line or "ERR" in line)]
            assert noisy == []


@pytest.mark.parametrize("clip", [H264, H265, SUB])
def test_ffmpeg_pulls_a_stream(tmp_path: Path, clips: Path, clip: str) -> None:
    """ffmpeg, which knows MD5 digests only, plays main and sub streams and decodes them without complaint."""
    spec = BY_NAME[clip]
    (camera,) = cameras_of({"cam": clip if clip != SUB else H264}, network=32)
    url = camera.url if clip != SUB else camera.url.replace("/main", "/sub")
    copy = tmp_path / "copy.mkv"
    with Simulation(tmp_path / "simulator", clips, [camera]):
        command = ["ffmpeg", "-v", "fatal", "-rtsp_transport", "tcp", "-i", url, "-t", "4", "-c", "copy", str(copy)]
        subprocess.run(command, check=True, timeout=60)
    width, height, frames = decoded_size(copy)
    assert (width, height) == (spec.width, spec.height)
    assert frames == pytest.approx(4 * spec.fps, abs=2)


async def _watch(cameras: list[Camera], seconds: float, running: Running) -> tuple[int, float]:
    """Play all cameras; return octets received and CPU seconds spent by the simulator in `seconds`."""
    received = 0

    async def drain(client: Client) -> None:
        nonlocal received
        while piece := await client.reader.read(1 << 20):
            received += len(piece)

    clients = [await Client.connect(c.address, RTSP_PORT, "/ch1/main", f"{USER}:{PASSWORD}") for c in cameras]
    for client in clients:
        await client.play()
    drains = [asyncio.create_task(drain(client)) for client in clients]
    await asyncio.sleep(3)
    before, cpu = received, running.cpu_seconds()
    await asyncio.sleep(seconds)
    result = received - before, running.cpu_seconds() - cpu
    for task in drains:
        task.cancel()
    await asyncio.gather(*drains, return_exceptions=True)
    for client in clients:
        client.writer.close()
    return result


def test_a_hundred_cameras_cost_less_than_a_quarter_of_a_core(
    tmp_path: Path, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One lab host plays a site. CPU seconds, unlike times, hardly depend on what else the machine does."""
    seconds = 10.0
    cameras = cameras_of({f"cam-{n}": H265 for n in range(100)}, network=33)
    with Simulation(tmp_path / "simulator", clips, cameras) as running:
        octets, cpu = asyncio.run(_watch(cameras, seconds, running))
    with capsys.disabled():
        print(f"\n100 cameras, {8 * octets / seconds / 1e6:.0f} Mbit/s: {cpu / seconds:.1%} of a core")
    assert 8 * octets / seconds > 0.95 * 100 * BY_NAME[H265].bitrate
    assert cpu / seconds < 0.25


async def _stall_reading(camera: Camera) -> None:
    client = await Client.connect(camera.address, RTSP_PORT, "/ch1/main", f"{USER}:{PASSWORD}")
    await client.play()
    while True:
        (state,) = [s for s in call(CONTROL_PORT, "GET", f"/cameras/{camera.name}")["streams"] if s["role"] == "main"]
        if state["viewers_dropped_total"]:
            assert state["viewers"] == 0
            client.writer.close()
            return
        await asyncio.sleep(1)


def test_a_viewer_that_does_not_read_is_dropped(tmp_path: Path, clips: Path) -> None:
    """Otherwise one hung recorder would fill the memory of the host that plays its cameras."""
    cameras = cameras_of({"slow": H264}, network=34)
    with Simulation(tmp_path / "simulator", clips, cameras):
        asyncio.run(asyncio.wait_for(_stall_reading(cameras[0]), timeout=90))
