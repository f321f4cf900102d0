"""The simulator as a whole: clips loaded, devices listening, faults by camera."""

from __future__ import annotations

import asyncio
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from simulators.encoder.auth import Authenticator
from simulators.encoder.clipfile import ClipFileError, read_clip
from simulators.encoder.clips import BY_NAME, Variant
from simulators.encoder.config import Credentials, SimulatorConfig
from simulators.encoder.device import Device
from simulators.encoder.faults import Fault
from simulators.encoder.metronome import Orchestra
from simulators.encoder.stream import Reel, Stream


class UnknownCameraError(LookupError):
    """No device shows that camera (or it has no stream of that role)."""


def load_reels(folder: Path, names: set[str]) -> dict[str, Reel]:
    """Load and packetise the named clips of the grid from `folder`. Raises ClipFileError."""
    reels = {}
    for name in sorted(names):
        spec = BY_NAME[name]
        variants = {variant: read_clip(folder / spec.file_name(variant)) for variant in Variant}
        try:
            reels[name] = Reel.load(variants)
        except ValueError as error:
            raise ClipFileError(f"{folder}: {error}; encode the clips anew") from error
    return reels


class Simulator:
    """Plays the devices of a site on the running event loop."""

    def __init__(self, config: SimulatorConfig, credentials: Credentials) -> None:
        """Load what `config` names. Raises ClipFileError."""
        names = {stream.clip for device in config.devices for stream in device.streams}
        reels = load_reels(config.clips, names)
        authenticator = Authenticator(credentials.username, credentials.password)
        self._orchestra = Orchestra(asyncio.get_running_loop())
        self.devices = [Device(device, reels, authenticator, self._orchestra) for device in config.devices]
        self._device_of = {stream.camera: device for device in self.devices for stream in device.config.streams}

    async def start(self) -> None:
        """Listen on the address of every device, or of none. Raises ListenError."""
        try:
            for device in self.devices:
                await device.listen()
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection and stop all timers."""
        for device in self.devices:
            device.close()
        self._orchestra.stop()

    def cameras(self) -> list[dict[str, Any]]:
        """Return every camera: id, device, and its streams with fault, viewers and counters."""
        return [self.camera(camera) for camera in self._device_of]

    def camera(self, camera: str) -> dict[str, Any]:
        """Return one camera as `cameras` does. Raises UnknownCameraError."""
        device = self._device(camera)
        streams = [channel.stream for channel in device.channels.values() if channel.stream.config.camera == camera]
        return {"id": camera, "device": device.config.id, "streams": [_state(stream) for stream in streams]}

    async def set_fault(self, camera: str, fault: Fault, role: str | None = None) -> None:
        """Give a camera a fault, all its streams unless `role` names one.

        Raises UnknownCameraError, and ListenError if a device that comes back finds its address taken.
        """
        device = self._device(camera)
        roles = {stream.role for stream in device.config.streams if stream.camera == camera}
        if role is not None and role not in roles:
            raise UnknownCameraError(f"camera {camera} has no stream {role}: it has {', '.join(sorted(roles))}")
        await device.set_fault(camera, fault, role)

    def _device(self, camera: str) -> Device:
        try:
            return self._device_of[camera]
        except KeyError:
            near = get_close_matches(camera, self._device_of, n=3) or sorted(self._device_of)[:3]
            raise UnknownCameraError(f"no camera {camera} on this host; did you mean {', '.join(near)}?") from None


def _state(stream: Stream) -> dict[str, Any]:
    return {
        "role": stream.config.role,
        "path": stream.config.path,
        "clip": stream.config.clip,
        "fault": stream.fault.value,
        "viewers": len(stream.viewers),
        "viewers_dropped_total": stream.viewers_dropped,
        "frames_sent_total": stream.frames_sent,
        "octets_sent_total": stream.octets_sent,
    }
