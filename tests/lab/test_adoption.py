"""A recorder that somebody set up by hand is taken over while it records: no frame is lost, and all can be undone.

It names files in local time, as its maker's defaults do. What is judged is the footage that lies in our layout in the
end, read by ffprobe: every frame must be followed by the one that follows it in the camera's own loop.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path, PurePosixPath

import pytest

from simulators.encoder.clips import BY_NAME, Variant
from simulators.encoder.encode import encode_grid
from tests.lab.simulation import H264, H265, PASSWORD, RTSP_PORT, USER, Camera, Simulation, cameras_of
from tests.unit.recording.test_mediamtx import SETTINGS
from tests.unit.recording.test_real_mediamtx import BINARY, free_port
from vigie.recording.adoption.takeover import Report, Request, hand_over, survey, take_back
from vigie.recording.mediamtx import RecordedCamera, render_configuration, render_yaml
from vigie.state import cache_home

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ZONE = "Africa/Casablanca"
OLD_PATTERN = "%path/%Y-%m-%d_%H-%M-%S-%f"
NAMES = {"entree": "cam-gate", "place/sud": "cam-square"}  # the old recorder's names, and ours
SEGMENT_SECONDS = 8
BEFORE_SECONDS = 14.0
LOOP_SECONDS = BY_NAME[H264].frames(Variant.MAIN) / BY_NAME[H264].fps


@dataclass(frozen=True)
class Frame:
    """A recorded frame: its wall clock by the name of its file, and a digest of its coded bytes."""

    wall: float
    digest: str


def frames_of(segment: Path) -> list[Frame]:
    began = datetime.strptime("/".join(segment.parts[-4:]), "%Y/%m/%d/%H-%M-%S-%f.mp4").replace(tzinfo=UTC)
    entries = ["-show_entries", "packet=pts_time,data_hash", "-show_data_hash", "md5", "-of", "json"]
    run = subprocess.run(["ffprobe", "-v", "error", *entries, segment], capture_output=True, text=True, check=True)
    packets = json.loads(run.stdout)["packets"]
    return [Frame(began.timestamp() + float(packet["pts_time"]), packet["data_hash"]) for packet in packets]


@contextmanager
def mediamtx(configuration: Path, zone: str) -> Iterator[subprocess.Popen[bytes]]:
    assert BINARY is not None, "no MediaMTX: run `vigie bundle`"
    with configuration.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen([BINARY, str(configuration)], stdout=log, stderr=log, env={**os.environ, "TZ": zone})
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def hand_made(folder: Path, cameras: dict[str, Camera]) -> Path:
    """What an installer wrote years ago: its own names, short segments, files in local time."""
    off = dict.fromkeys(("rtsp", "rtmp", "hls", "webrtc", "srt"), False)
    defaults = {
        "record": True, "recordFormat": "fmp4", "recordPath": f"{folder}/rec/{OLD_PATTERN}", "rtspTransport": "tcp",
        "recordPartDuration": "1s", "recordSegmentDuration": "4s", "recordDeleteAfter": "0s",
    }  # fmt: skip
    paths = {name: {"source": camera.url} for name, camera in cameras.items()}
    file = folder / "old.yml"
    file.write_text(json.dumps({**off, "writeQueueSize": 8192, "pathDefaults": defaults, "paths": paths}))
    return file


def ours(folder: Path, cameras: dict[str, Camera]) -> Path:
    """What the role writes for an identity."""
    recorded = [
        RecordedCamera(NAMES[name], camera.address, RTSP_PORT, "/ch1/main", USER, PASSWORD)
        for name, camera in cameras.items()
    ]
    settings = replace(
        SETTINGS, cameras=recorded, api_port=free_port(), metrics_port=free_port(),
        recordings=PurePosixPath(folder / "recordings"), segment_seconds=SEGMENT_SECONDS,
    )  # fmt: skip
    file = folder / "ours.yml"
    file.write_text(render_yaml(render_configuration(settings)))
    return file


@dataclass
class Takeover:
    """One adoption, from first to last, and what was seen on the way."""

    folder: Path
    request: Request
    planned: Report
    refused: Report
    alive_after_refusal: bool
    report: Report
    first_old: dict[str, float]


@pytest.fixture(scope="module")
def takeover(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Takeover]:
    folder = tmp_path_factory.mktemp("adoption")
    clips = folder / "clips"
    clips.mkdir()
    for clip in cache_home().glob("clips/[!.]*/clips/*.clip"):
        shutil.copy(clip, clips)
    encode_grid(clips, jobs=2, report=print)
    (folder / "recordings").mkdir()
    cameras = dict(zip(NAMES, cameras_of({"entree": H264, "sud": H265}, network=37), strict=True))
    request = Request(str(folder / "rec"), str(folder / "recordings"), OLD_PATTERN, ZONE, NAMES, SEGMENT_SECONDS, 4.0)
    with (
        Simulation(folder / "simulator", clips, list(cameras.values())),
        mediamtx(hand_made(folder, cameras), ZONE) as old,
    ):
        time.sleep(BEFORE_SECONDS)
        (folder / "rec" / "installer's notes.txt").write_text("ladder is in the shed")
        planned = survey(request)
        refused = hand_over(request, lambda: pytest.fail("stopped although nobody else records"))
        alive = old.poll() is None
        with mediamtx(ours(folder, cameras), "UTC"):
            began = time.monotonic()
            report = hand_over(replace(request, confirm_seconds=60.0), _stopping(old))
            time.sleep(max(SEGMENT_SECONDS, began + LOOP_SECONDS + 5 - time.monotonic()))
    every = [path for part in (refused, report) for _, path, _ in part.paths]
    first = {camera: min(path for path in every if path.startswith(camera)) for camera in NAMES.values()}
    starts = {c: frames_of(folder / "recordings" / p)[0].wall for c, p in first.items()}
    yield Takeover(folder, request, planned, refused, alive, report, starts)
    shutil.rmtree(folder)


def _stopping(old: subprocess.Popen[bytes]) -> Callable[[], None]:
    def stop() -> None:
        old.send_signal(signal.SIGINT)
        old.wait(20)

    return stop


def test_every_path_is_explained_before_anything_is_moved(takeover: Takeover) -> None:
    """Local names become UTC: Morocco is an hour ahead, outside Ramadan."""
    assert len(takeover.planned.paths) >= 4
    assert takeover.planned.moved == 0
    for old, new, basis in takeover.planned.paths:
        name, _, stamp = old.rpartition("/")
        assert new.startswith(NAMES[name] + "/")
        written = datetime.strptime(stamp, "%Y-%m-%d_%H-%M-%S-%f.mp4")  # noqa: DTZ007 - local, as written
        placed = datetime.strptime(new.partition("/")[2], "%Y/%m/%d/%H-%M-%S-%f.mp4")  # noqa: DTZ007
        assert (written - placed).total_seconds() == 3600
        assert basis == "name"
    assert takeover.planned.left == [("installer's notes.txt", takeover.planned.left[0][1])]


def test_the_old_recorder_goes_on_until_ours_is_seen_to_record(takeover: Takeover) -> None:
    assert sorted(takeover.refused.not_recording) == sorted(NAMES.values())
    assert not takeover.refused.service_stopped
    assert takeover.alive_after_refusal


def test_both_recorded_at_once_for_a_while(takeover: Takeover) -> None:
    assert takeover.report.good, takeover.report.as_json()
    assert takeover.report.service_stopped
    assert set(takeover.report.overlap_seconds) == set(NAMES.values())
    assert min(takeover.report.overlap_seconds.values()) > 1


@pytest.mark.parametrize("camera", NAMES.values())
def test_no_frame_is_lost(takeover: Takeover, camera: str) -> None:
    """From the first frame of the old recorder to the last of ours: each frame is followed by the next of the loop."""
    adopted = {
        takeover.folder / "recordings" / new
        for report in (takeover.refused, takeover.report)
        for _, new, _ in report.paths
    }
    segments = sorted((takeover.folder / "recordings" / camera).rglob("*.mp4"))
    own = [frame for path in segments if path not in adopted for frame in frames_of(path)]
    old = [frame for path in segments if path in adopted for frame in frames_of(path)]
    assert old[0].wall == pytest.approx(takeover.first_old[camera])
    follower = {one.digest: after.digest for one, after in pairwise(own)}
    spec = BY_NAME[H264 if camera == "cam-gate" else H265]
    assert len(follower) == spec.frames(Variant.MAIN)  # the whole loop is learnt, from ours alone
    seam = max(
        index for index, frame in enumerate(own) if frame.digest == old[-1].digest and frame.wall <= old[-1].wall + 1
    )
    whole = old + own[seam + 1 :]
    assert lost_after(whole, follower) == []
    assert whole[-1].wall - whole[0].wall > BEFORE_SECONDS
    print(
        f"{camera}: {len(old)} frames of the old recorder, {len(whole)} in all, both for",
        takeover.report.overlap_seconds,
    )
    assert lost_after(whole[:100] + whole[101:], follower) == [whole[99].wall]  # one frame is seen to be missing
    assert lost_after(old[: -spec.fps] + own[seam + 1 :], follower) == [old[-spec.fps - 1].wall]


def lost_after(frames: list[Frame], follower: dict[str, str]) -> list[float]:
    """The wall clock of each frame that is not followed by the next of the loop, within half a second."""
    return [
        one.wall
        for one, after in pairwise(frames)
        if follower[one.digest] != after.digest or after.wall - one.wall > 0.5
    ]


def test_strangers_files_stay_and_everything_can_be_undone(takeover: Takeover) -> None:
    """Old names come back for the same files; what ours recorded stays."""
    rec = takeover.folder / "rec"
    assert [path.name for path in rec.rglob("*") if path.is_file()] == ["installer's notes.txt"]
    segments = list((takeover.folder / "recordings").rglob("*.mp4"))
    inodes = {path.stat().st_ino for path in segments}
    undone = take_back(takeover.request)
    assert (undone.moved, undone.left) == (takeover.refused.moved + takeover.report.moved, [])
    back = {path.relative_to(rec).as_posix() for path in rec.rglob("*.mp4")}
    assert {old for old, _, _ in takeover.planned.paths} <= back
    kept = {path.stat().st_ino for path in (takeover.folder / "recordings").rglob("*.mp4")}
    assert kept | {path.stat().st_ino for path in rec.rglob("*.mp4")} == inodes
    assert kept
