"""The feeder beside the real MediaMTX for a minute: a publisher that pauses, a killed recorder, a lost publisher.

``python -m pytest tests/bench/test_ledger_mediamtx.py``; needs MediaMTX of the bundle and ffmpeg.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Final

import pytest
import yaml

from tests.unit.recording.archive import worst
from tests.unit.recording.test_real_mediamtx import BINARY, free_port
from vigie.recording.ledger.feed import Feeder
from vigie.recording.ledger.limits import TICK_SECONDS
from vigie.recording.ledger.reconcile import reconcile
from vigie.recording.ledger.scan import SegmentRule, scan_camera
from vigie.recording.ledger.store import IntervalStore
from vigie.recording.mediamtx import RecorderSettings, hash_password, render_configuration, render_yaml
from vigie.recording.mediamtx.configuration import RecordedCamera

SEGMENT_SECONDS: Final = 10
RULE: Final = SegmentRule(SEGMENT_SECONDS, 2)
ALL: Final = (0.0, 4e9)

pytestmark = [
    pytest.mark.skipif(BINARY is None, reason="no MediaMTX binary: run `vigie bundle`, or set VIGIE_MEDIAMTX"),
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg publishes the stream"),
]


class Stage:
    """A server with one stream, its publisher, and the recorder that pulls it; whatever it starts it ends."""

    def __init__(self, folder: Path) -> None:
        self.recordings = folder / "recordings"
        self.recordings.mkdir()
        self._port = free_port()
        self._log = (folder / "log").open("w")
        (folder / "server.yml").write_text(yaml.safe_dump(self._server()))
        settings = RecorderSettings(
            identity="rec-1",
            api_port=free_port(),
            metrics_port=free_port(),
            recordings=PurePosixPath(self.recordings),
            segment_seconds=SEGMENT_SECONDS,
            metrics_password_hash=hash_password("metrics"),
            api_password_hash=hash_password("api"),
            cameras=[RecordedCamera("cam-1", "127.0.0.1", self._port, "/live", "", "")],
        )
        (folder / "recorder.yml").write_text(render_yaml(render_configuration(settings)))
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def _server(self) -> dict[str, object]:
        others = dict.fromkeys(("rtmp", "hls", "webrtc", "srt"), False)
        return {"rtspAddress": f"127.0.0.1:{self._port}", "rtspTransports": ["tcp"], "paths": {"live": {}}, **others}

    def start(self, name: str) -> None:
        picture = ("-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=15", "-c:v", "libx264", "-g", "30")
        target = ("-tune", "zerolatency", "-f", "rtsp", "-rtsp_transport", "tcp", f"rtsp://127.0.0.1:{self._port}/live")
        argv = {
            "server": [str(BINARY), str(self._folder / "server.yml")],
            "recorder": [str(BINARY), str(self._folder / "recorder.yml")],
            "publisher": ["ffmpeg", "-loglevel", "error", *picture, "-preset", "ultrafast", *target],
        }[name]
        self._running[name] = subprocess.Popen(argv, stdout=self._log, stderr=self._log)

    def send(self, name: str, number: signal.Signals) -> None:
        os.kill(self._running[name].pid, number)

    def kill(self, name: str) -> None:
        self._running[name].kill()
        self._running[name].wait()

    def end(self) -> None:
        for name in self._running:
            self.kill(name)
        self._log.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        stage = Stage(tmp_path)
        stack.callback(stage.end)
        yield stage


def test_store_and_disk_agree_about_the_real_recorder(stage: Stage, tmp_path: Path) -> None:
    stage.start("server")
    time.sleep(1)
    stage.start("publisher")
    time.sleep(2)
    stage.start("recorder")
    events: list[tuple[float, Callable[[], None]]] = [
        (14.0, lambda: stage.send("publisher", signal.SIGSTOP)),  # it catches up: nothing is lost
        (18.0, lambda: stage.send("publisher", signal.SIGCONT)),
        (30.0, lambda: stage.kill("recorder")),
        (31.5, lambda: stage.start("recorder")),
        (44.0, lambda: stage.kill("publisher")),
        (52.0, lambda: stage.start("publisher")),
        (75.0, lambda: stage.kill("publisher")),
    ]
    store, _ = IntervalStore.open(tmp_path / "fed.db")
    feeder = Feeder(stage.recordings, store, RULE)
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < 95:
        while events and elapsed >= events[0][0]:
            events.pop(0)[1]()
        feeder.tick(time.time())
        time.sleep(TICK_SECONDS)
    feeder.flush(time.time())
    fed = store.intervals("cam-1", *ALL)
    deep = scan_camera(stage.recordings, "cam-1", SegmentRule(SEGMENT_SECONDS, 2, deep=True), time.time())
    print("fed ", [(round(i.start - fed[0].start, 3), round(i.end - fed[0].start, 3)) for i in fed])
    print("disk", [(round(i.start - fed[0].start, 3), round(i.end - fed[0].start, 3)) for i in deep.intervals])
    assert len(fed) == 3
    assert worst(deep.intervals, fed) <= 0.1
    assert not reconcile(stage.recordings, store, RULE).differences
