"""The demo city's streams, as planned, are all in the lab's grid of clips, at no more than the planned rate."""

from __future__ import annotations

from pathlib import Path

from simulators.encoder.clips import KEYFRAME_INTERVAL_SECONDS, clip_for
from simulators.encoder.config import DeviceConfig
from vigie.city import load_city
from vigie.plan import plan

DEMO = Path(__file__).parents[3] / "inventories" / "demo"


def test_every_stream_of_the_demo_can_be_played() -> None:
    devices = plan(load_city(DEMO)).lab_devices
    assert devices
    for device in devices:
        streams = []
        for entry in device.streams:
            wanted = entry.stream
            clip = clip_for(wanted.codec, wanted.width, wanted.height, wanted.frames_per_second)
            assert clip.bitrate <= wanted.bits_per_second
            assert wanted.keyframe_interval_seconds == KEYFRAME_INTERVAL_SECONDS
            streams.append({"path": wanted.path, "camera": entry.camera, "role": entry.role, "clip": clip.name})
        DeviceConfig.model_validate(
            {"id": device.id, "address": device.address, "port": device.port, "streams": streams}
        )
