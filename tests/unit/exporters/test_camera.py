"""The camera exporter: faults from real footage, a fake recorder and a fake camera."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from exporters.camera.collector import DISK_STAGE, CameraCollector
from exporters.camera.state import CameraState
from exporters.camera.watch import STAGE
from exporters.web import Exporter
from tests.unit.exporters.cameras import FakeRecorder, footage, rtsp_camera
from tests.unit.exporters.serving import get, run, serving, values
from tests.unit.exporters.test_contract import LOGINS, camera_configuration
from vigie.health import ProbeResult
from vigie.recording.mediamtx import PathStatus
from vigie.recording.tail import FootageTail

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg on the PATH")


async def faults(collector: CameraCollector, recorder: FakeRecorder | None, samples: int = 3) -> tuple[set[str], str]:
    """Reasons in force and the page after some samples, between which the recorder's bytes grow."""
    exporter = Exporter(5, collector.measure, collector.errors, (DISK_STAGE, STAGE))
    async with serving("camera", exporter) as (sampler, _, port):
        for _ in range(samples):
            await sampler.once()
            if recorder is not None:
                for name, (ready, received) in recorder.paths.items():
                    recorder.paths[name] = (ready, received + 1000 if ready else 0)
        _, text = await get(port)
        return {reason for reason, value in values(text, "vigie_camera_fault", "reason").items() if value}, text


def test_a_healthy_camera_is_not_asked_and_has_no_fault(tmp_path: Path) -> None:
    footage(tmp_path, "cam-1")

    async def test() -> None:
        recorder = FakeRecorder()
        recorder.paths["cam-1"] = (True, 0)
        async with recorder.serve() as port, rtsp_camera() as (rtsp, requests):
            collector = CameraCollector(camera_configuration(tmp_path, port, rtsp), LOGINS)
            present, text = await faults(collector, recorder)
            assert present == set()
            assert requests == []
            assert values(text, "vigie_camera_up", "camera") == {"cam-1": 1}
            assert values(text, "vigie_camera_frames_per_second", "camera")["cam-1"] == pytest.approx(15)
            assert values(text, "vigie_camera_stream_bytes_per_second", "camera")["cam-1"] > 0
            assert values(text, "vigie_recorder_up", "identity") == {"rec-1": 1}

    run(test())


def test_a_full_disk_is_not_recorded_although_ready(tmp_path: Path) -> None:
    footage(tmp_path, "cam-1", age=30)

    async def test() -> None:
        recorder = FakeRecorder()
        recorder.paths["cam-1"] = (True, 0)
        async with recorder.serve() as port:
            present, text = await faults(CameraCollector(camera_configuration(tmp_path, port), LOGINS), recorder)
            assert present == {"not_recorded"}
            assert values(text, "vigie_camera_stream_ready", "camera") == {"cam-1": 1}
            assert values(text, "vigie_camera_frames_per_second", "camera") == {}

    run(test())


@pytest.mark.parametrize(("accept", "reason", "authenticated"), [(True, "stalled", 1), (False, "auth_failed", 0)])
def test_what_the_camera_answers_decides(tmp_path: Path, accept: bool, reason: str, authenticated: int) -> None:
    async def test() -> None:
        recorder = FakeRecorder()
        recorder.paths["cam-1"] = (False, 0)
        async with recorder.serve() as port, rtsp_camera(accept=accept) as (rtsp, requests):
            collector = CameraCollector(camera_configuration(tmp_path, port, rtsp), LOGINS)
            present, text = await faults(collector, recorder)
            assert present == {reason}
            assert values(text, "vigie_camera_authenticated", "camera") == {"cam-1": authenticated}
            # A refusing camera is left in peace for a while: accounts get locked.
            assert len(requests) == (6 if accept else 2)

    run(test())


def test_nobody_answers(tmp_path: Path) -> None:
    async def test() -> None:
        async with rtsp_camera() as (rtsp, _):
            pass
        recorder = FakeRecorder()
        recorder.paths["cam-1"] = (False, 0)
        async with recorder.serve() as port:
            collector = CameraCollector(camera_configuration(tmp_path, port, rtsp), LOGINS)
            present, text = await faults(collector, recorder)
            assert present == {"unreachable"}
            assert values(text, "vigie_camera_up", "camera") == {"cam-1": 0}
            assert values(text, "vigie_camera_authenticated", "camera") == {}

    run(test())


def test_a_dead_recorder_is_not_the_cameras_fault(tmp_path: Path) -> None:
    footage(tmp_path, "cam-1", age=30)

    async def test() -> None:
        async with FakeRecorder().serve() as closed:
            pass
        async with rtsp_camera() as (rtsp, _):
            collector = CameraCollector(camera_configuration(tmp_path, closed, rtsp), LOGINS)
            present, text = await faults(collector, None)
            assert present == {"not_recorded"}
            assert values(text, "vigie_recorder_up", "identity") == {"rec-1": 0}
            assert values(text, "vigie_camera_up", "camera") == {"cam-1": 1}

    run(test())


def test_black_footage_is_black(tmp_path: Path) -> None:
    footage(tmp_path, "cam-1", source="color=black")

    async def test() -> None:
        recorder = FakeRecorder()
        recorder.paths["cam-1"] = (True, 0)
        async with recorder.serve() as port:
            collector = CameraCollector(camera_configuration(tmp_path, port), LOGINS)
            await collector.measure()
            (state,) = collector.pictures.states
            assert await collector.pictures.check(state)
            assert not await collector.pictures.check(state), "the same keyframe is not evidence twice"
            assert (await faults(collector, recorder, 1))[0] == {"black"}

    run(test())


def test_an_undecodable_picture_is_an_error_of_the_exporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    footage(tmp_path, "cam-1")

    async def test() -> None:
        recorder = FakeRecorder()
        recorder.paths["cam-1"] = (True, 0)
        async with recorder.serve() as port:
            collector = CameraCollector(camera_configuration(tmp_path, port), LOGINS)
            await collector.measure()
            monkeypatch.setenv("PATH", "/nonexistent")
            assert await collector.pictures.check(collector.pictures.states[0])
            assert collector.errors[STAGE] == 1

    run(test())


def state(folder: Path) -> CameraState:
    return CameraState(camera_configuration(folder, 1).cameras[0], FootageTail(folder, "cam-1"))


def test_byte_rates_survive_a_restarted_counter(tmp_path: Path) -> None:
    camera = state(tmp_path)
    camera.hear(PathStatus(True, 1000), 0)
    assert camera.bytes_per_second is None
    camera.hear(PathStatus(True, 6000), 5)
    assert camera.bytes_per_second == 1000
    camera.hear(PathStatus(True, 500), 10)
    assert camera.bytes_per_second == 100
    camera.hear(None, 15)
    assert camera.bytes_per_second is None
    assert camera.ready is None


def test_probing_stops_when_the_stream_is_back(tmp_path: Path) -> None:
    camera = state(tmp_path)
    camera.probe = ProbeResult.NO_ANSWER
    camera.hear(PathStatus(False, 0), 0)
    assert camera.wants_probe(0, time.time())
    camera.hear(PathStatus(True, 0), 5)
    assert not camera.wants_probe(5, time.time())
    assert camera.probe is None
