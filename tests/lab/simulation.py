"""What the simulator's lab tests need: a simulator and a recorder to run, and eyes for what was recorded."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from simulators.encoder.clips import GRID

USER, PASSWORD = "lab", "correct horse"
H264, H265, SUB = (spec.name for spec in GRID)
RTSP_PORT = 15_540


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


CONTROL_PORT = _free_port()  # loopback addresses are this test's own, but 127.0.0.1 is everybody's


@dataclass(frozen=True)
class Camera:
    """A camera of this test, alone on its device."""

    name: str
    address: str
    clip: str

    @property
    def url(self) -> str:
        return f"rtsp://{USER}:{PASSWORD.replace(' ', '%20')}@{self.address}:{RTSP_PORT}/ch1/main"


def cameras_of(clips_by_name: dict[str, str], network: int) -> list[Camera]:
    return [Camera(name, f"127.0.{network}.{n}", clip) for n, (name, clip) in enumerate(clips_by_name.items(), 1)]


@dataclass
class Running:
    """A simulator under test."""

    pid: int

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Simulation:
    """Runs `python -m simulators.encoder` for some cameras, as its unit does."""

    def __init__(self, folder: Path, clips: Path, cameras: list[Camera]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        credentials = folder / "credentials.json"
        credentials.write_text(json.dumps({"username": USER, "password": PASSWORD}))
        devices = [
            {
                "id": f"device-{camera.name}",
                "address": camera.address,
                "port": RTSP_PORT,
                "streams": [
                    {"path": "/ch1/main", "camera": camera.name, "clip": camera.clip, "role": "main"},
                    {"path": "/ch1/sub", "camera": camera.name, "clip": SUB, "role": "sub"},
                ],
            }
            for camera in cameras
        ]
        self._config = folder / "lab-encoder.json"
        control = {"address": "127.0.0.1", "port": CONTROL_PORT}
        self._config.write_text(
            json.dumps(
                {"clips": str(clips), "control": control, "credentials_file": str(credentials), "devices": devices}
            )
        )

    def __enter__(self) -> Running:
        command = [sys.executable, "-m", "simulators.encoder", "--config", str(self._config)]
        self._run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self._run.stderr is not None
        assert "listening" in self._run.stderr.readline()
        return Running(self._run.pid)

    def __exit__(self, *_: object) -> None:
        self._run.send_signal(signal.SIGTERM)
        try:
            errors = self._run.communicate(timeout=10)[1]
        except subprocess.TimeoutExpired:
            self._run.kill()
            raise
        assert self._run.returncode == 0, errors
        assert "Traceback" not in errors, errors


def recorder_configuration(cameras: list[Camera], recordings: Path) -> str:
    off = dict.fromkeys(("rtsp", "rtmp", "hls", "webrtc", "srt", "api", "metrics"), False)
    defaults: dict[str, object] = {
        "record": True,
        "recordFormat": "fmp4",
        "recordPath": f"{recordings}/%path/%Y-%m-%d_%H-%M-%S-%f",
        "recordPartDuration": "1s",
        "recordSegmentDuration": "20s",
        "recordDeleteAfter": "0s",
        "rtspTransport": "tcp",
    }
    paths = {camera.name: {"source": camera.url} for camera in cameras}
    return json.dumps({"logLevel": "info", **off, "writeQueueSize": 8192, "pathDefaults": defaults, "paths": paths})


class Recorder:
    """Runs MediaMTX on some cameras; JSON is YAML, so the configuration needs no YAML library."""

    def __init__(self, binary: Path, folder: Path, cameras: list[Camera]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._command = [str(binary), str(folder / "recorder.yml")]
        self._log = folder / "recorder.log"
        (folder / "recorder.yml").touch(mode=0o600)
        (folder / "recorder.yml").write_text(recorder_configuration(cameras, folder))

    def __enter__(self) -> Recorder:
        with self._log.open("w") as log:
            self._run = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "TZ": "UTC"}
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._run.send_signal(signal.SIGINT)
        self._run.wait(timeout=20)

    @property
    def log(self) -> str:
        return self._log.read_text()


@dataclass(frozen=True)
class Picture:
    """A recorded frame: when it was taken, whether it is a keyframe, and a digest of its coded bytes."""

    wall: float
    keyframe: bool
    digest: str


def segments(folder: Path, camera: str) -> list[Path]:
    return sorted((folder / camera).glob("*.mp4"))


def pictures(segment: Path) -> list[Picture]:
    began = datetime.strptime(segment.stem, "%Y-%m-%d_%H-%M-%S-%f").replace(tzinfo=UTC).timestamp()
    entries = ["-show_entries", "packet=pts_time,flags,data_hash", "-show_data_hash", "md5", "-of", "json"]
    run = subprocess.run(["ffprobe", "-v", "error", *entries, segment], capture_output=True, text=True, check=True)
    assert run.stderr == "", f"{segment}: {run.stderr}"
    packets = json.loads(run.stdout)["packets"]
    return [Picture(began + float(p["pts_time"]), "K" in p["flags"], p["data_hash"]) for p in packets]


def decoded_size(segment: Path) -> tuple[int, int, int]:
    """Decode every frame; return width, height and number of frames. Any decoder complaint fails the test."""
    entries = ["-count_frames", "-show_entries", "stream=width,height,nb_read_frames", "-of", "json"]
    run = subprocess.run(["ffprobe", "-v", "warning", *entries, segment], capture_output=True, text=True, check=True)
    assert run.stderr == "", f"{segment}: {run.stderr}"
    stream = json.loads(run.stdout)["streams"][0]
    return stream["width"], stream["height"], int(stream["nb_read_frames"])


def keyframe_brightness(segment: Path) -> list[float]:
    """Return the mean luma (0 to 255) of each keyframe of a segment."""
    width, height = 32, 18
    scale = f"scale={width}:{height}:in_range=limited:out_range=full,format=gray"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-skip_frame",
        "nokey",
        "-i",
        str(segment),
        "-vf",
        scale,
        "-fps_mode",
        "passthrough",
    ]
    raw = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    size = width * height
    return [sum(raw[at : at + size]) / size for at in range(0, len(raw), size)]


@dataclass(frozen=True)
class Footage:
    """What was recorded of the cameras, and when their faults began and ended."""

    folder: Path
    log: str
    began: float
    ended: float
    stopped: float

    def of(self, camera: str) -> list[Picture]:
        return [picture for segment in segments(self.folder, camera) for picture in pictures(segment)]

    def between(self, camera: str, start: float, end: float) -> list[Picture]:
        return [picture for picture in self.of(camera) if start <= picture.wall < end]
