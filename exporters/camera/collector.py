"""Measures cameras: one sample of all of them every few seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable
from typing import Final

from prometheus_client.core import Metric as Family

from exporters.camera import watch
from exporters.camera.configuration import Camera, CameraConfiguration, Credentials
from exporters.camera.recorder import RecorderClient
from exporters.camera.rtsp import probe
from exporters.camera.state import CameraState
from exporters.web import Exporter, Families, load_model
from vigie.health import ProbeResult
from vigie.metrics import Reason
from vigie.metrics import families as m
from vigie.metrics.thresholds import PROBE_TIMEOUT
from vigie.recording.mediamtx.status import PathStatus
from vigie.recording.tail import FootageTail

_LOG: Final = logging.getLogger(__name__)
DISK_STAGE: Final = "disk"
_PROBES_AT_ONCE: Final = 128

Words = dict[str, dict[str, PathStatus] | None]  # identity -> path name -> status


class CameraCollector:
    """Health of each camera, the disk as the truth.

    vigie_camera_up{camera="cam-0001",site="medina"} 1
    vigie_camera_authenticated{camera="cam-0001",site="medina"} 1
    vigie_camera_fault{camera="cam-0001",site="medina",reason="not_recorded"} 0
    vigie_camera_frames_total{camera="cam-0001",site="medina"} 5415
    vigie_camera_bytes_total{camera="cam-0001",site="medina"} 6.8e+07
    vigie_camera_frames_per_second{camera="cam-0001",site="medina"} 15
    vigie_camera_expected_frames_per_second{camera="cam-0001",site="medina"} 15
    vigie_camera_stream_bytes_per_second{camera="cam-0001",site="medina"} 188400
    vigie_camera_expected_bytes_per_second{camera="cam-0001",site="medina"} 187500
    vigie_camera_keyframe_age_seconds{camera="cam-0001",site="medina"} 2.1
    vigie_camera_stream_ready{camera="cam-0001",site="medina"} 1
    vigie_camera_picture_luminance_ratio{camera="cam-0001",site="medina"} 0.43
    vigie_camera_picture_unchanged_seconds{camera="cam-0001",site="medina"} 0
    vigie_camera_picture_check_timestamp_seconds{camera="cam-0001",site="medina"} 1.796112e+09
    vigie_camera_info{camera="cam-0001",site="medina",identity="rec-1",model="…",codec="h265",width="2560",…} 1
    vigie_recorder_up{identity="rec-1"} 1
    """

    def __init__(self, configuration: CameraConfiguration, credentials: Credentials) -> None:
        self._identities = configuration.identities
        self._recorder = RecorderClient(credentials.metrics)
        self._login = credentials.cameras
        root = configuration.recordings
        self._states = [CameraState(camera, FootageTail(root, camera.id)) for camera in configuration.cameras]
        self._slots = asyncio.Semaphore(_PROBES_AT_ONCE)
        self.errors: Counter[str] = Counter()
        self.pictures = watch.PictureWatch(self._states, configuration.picture_interval_seconds, self.errors)

    async def measure(self) -> Iterable[Family]:
        """One sample. A camera that does not answer costs at most the probe's time-out, beside the others."""
        words, _ = await asyncio.gather(self._listen(), asyncio.to_thread(self._read_disk))
        now = time.monotonic()
        for state in self._states:
            paths = words[state.camera.identity]
            state.hear(None if paths is None else paths.get(state.camera.id), now)
        await self._probe_silent(now)
        unix = time.time()
        self.pictures.forget_old(unix)
        found = Families()
        for state in self._states:
            state.verdict = state.tracker.update(state.observe(unix))
            _add(found, state, unix)
        for identity in self._identities:
            found.add(m.RECORDER_UP, words[identity.id] is not None, identity=identity.id)
        return list(found)

    async def _listen(self) -> Words:
        answers = await asyncio.gather(*map(self._recorder.paths, self._identities))
        return {identity.id: answer for identity, answer in zip(self._identities, answers, strict=True)}

    def _read_disk(self) -> None:
        for state in self._states:
            try:
                state.read_disk()
            except OSError as error:
                self.errors[DISK_STAGE] += 1
                _LOG.warning("camera %s: %s", state.camera.id, error)

    async def _probe_silent(self, now: float) -> None:
        unix = time.time()
        silent = [state for state in self._states if state.wants_probe(now, unix)]
        await asyncio.gather(*(self._probe(state, now) for state in silent))

    async def _probe(self, state: CameraState, now: float) -> None:
        camera = state.camera
        async with self._slots:
            state.probe = await probe(
                _url(camera),
                camera.address,
                camera.port,
                self._login.username,
                self._login.password.get_secret_value(),
                PROBE_TIMEOUT.value,
            )
        state.probed_at = now


def _url(camera: Camera) -> str:
    host = f"[{camera.address}]" if ":" in camera.address else camera.address
    return f"rtsp://{host}:{camera.port}{camera.main_path}"


def _add(found: Families, state: CameraState, unix: float) -> None:
    camera, footage, picture = state.camera, state.footage, state.picture
    labels = {"camera": camera.id, "site": camera.site}
    found.add(m.CAMERA_UP, _up(state), **labels)
    found.add(m.CAMERA_AUTHENTICATED, _authenticated(state), **labels)
    for reason in Reason:
        found.add(m.CAMERA_FAULT, reason in state.verdict.faults, **labels, reason=reason)
    found.add(m.CAMERA_FRAMES, footage.frames if footage else None, **labels)
    found.add(m.CAMERA_BYTES, footage.size if footage else None, **labels)
    recorded = footage if footage and state.observe(unix).recorded else None
    found.add(m.CAMERA_FRAME_RATE, recorded.frames_per_second if recorded else None, **labels)
    found.add(m.CAMERA_FRAME_RATE_EXPECTED, camera.frames_per_second, **labels)
    found.add(m.CAMERA_STREAM_RATE, state.bytes_per_second, **labels)
    found.add(m.CAMERA_STREAM_RATE_EXPECTED, camera.bits_per_second / 8, **labels)
    keyframe = footage.keyframe if footage else None
    found.add(m.CAMERA_KEYFRAME_AGE, None if keyframe is None else max(0.0, unix - keyframe), **labels)
    found.add(m.CAMERA_STREAM_READY, state.ready, **labels)
    found.add(m.CAMERA_LUMINANCE, picture.luminance if picture else None, **labels)
    found.add(m.CAMERA_UNCHANGED, picture.unchanged if picture else None, **labels)
    found.add(m.CAMERA_PICTURE_CHECK, state.picture_time, **labels)
    facts = {"identity": camera.identity, "model": camera.model, "codec": camera.codec}
    found.add(m.CAMERA_INFO, 1, **labels, **facts, width=str(camera.width), height=str(camera.height))


def _up(state: CameraState) -> bool | None:
    if state.ready:
        return True
    return None if state.probe is None else state.probe is not ProbeResult.NO_ANSWER


def _authenticated(state: CameraState) -> bool | None:
    if state.ready or state.probe is ProbeResult.ACCEPTED:
        return True
    return False if state.probe is ProbeResult.REFUSED else None


def build(configuration: CameraConfiguration) -> Exporter:
    """The camera exporter. Raises ConfigurationError when the credentials file cannot be used."""
    credentials = load_model(configuration.credentials_file, Credentials)
    collector = CameraCollector(configuration, credentials)
    return Exporter(
        configuration.sample_interval_seconds,
        collector.measure,
        collector.errors,
        (DISK_STAGE, watch.STAGE),
        (collector.pictures.run,),
    )
