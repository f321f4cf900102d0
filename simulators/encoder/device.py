"""A device of the lab: its address, its channels and whether it can be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from simulators.encoder.auth import Authenticator
from simulators.encoder.config import DeviceConfig
from simulators.encoder.faults import Fault
from simulators.encoder.metronome import Metronome, Orchestra
from simulators.encoder.rtsp import Connection
from simulators.encoder.stream import Reel, Stream


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """A stream of a device and the metronome that plays it."""

    stream: Stream
    metronome: Metronome


class ListenError(OSError):
    """A device's address cannot be bound; the message names the device and the fix."""


class Device:
    """Listens on its own address while at least one of its streams is not dropped."""

    def __init__(
        self, config: DeviceConfig, reels: Mapping[str, Reel], authenticator: Authenticator, orchestra: Orchestra
    ) -> None:
        self.config = config
        self.authenticator = authenticator
        self.connections: set[Connection] = set()
        self.channels: dict[str, Channel] = {}
        for stream_config in config.streams:
            stream = Stream(stream_config, reels[stream_config.clip])
            self.channels[stream_config.path] = Channel(stream, orchestra.join(stream))
        self._server: asyncio.Server | None = None
        self._order = asyncio.Lock()  # orders come from several clients at once, and listening takes a while

    def channel(self, path: str) -> Channel | None:
        """Return the channel at `path`, or None."""
        return self.channels.get(path)

    async def listen(self) -> None:
        """Bind the device's address and port. Raises ListenError."""
        loop = asyncio.get_running_loop()
        host, port = str(self.config.address), self.config.port
        try:
            self._server = await loop.create_server(lambda: Connection(self), host, port, backlog=128)
        except OSError as error:
            fix = "is the address on an interface of this host, and the port free and allowed?"
            raise ListenError(
                f"device {self.config.id}: cannot listen on {host}:{port}: {error.strerror}; {fix}"
            ) from error

    def close(self) -> None:
        """Listen no more and close every connection."""
        self._stop_listening()
        for connection in tuple(self.connections):
            connection.close()

    async def set_fault(self, camera: str, fault: Fault, role: str | None) -> None:
        """Give the streams of `camera` (only that of `role`, if given) a fault. Raises ListenError.

        A fault of the picture or of the rate shows at the next keyframe; the others at once.
        """
        async with self._order:
            for channel in self.channels.values():
                if channel.stream.config.camera == camera and role in (None, channel.stream.config.role):
                    channel.stream.fault = fault
                    self._interrupt(channel)
            await self._follow_network()

    async def _follow_network(self) -> None:
        """Be unreachable if every stream is dropped, else reachable."""
        if all(channel.stream.fault is Fault.DROP for channel in self.channels.values()):
            self._stop_listening()
            for connection in tuple(self.connections):
                connection.abort()
        elif self._server is None:
            await self.listen()

    def _interrupt(self, channel: Channel) -> None:
        """End sessions that the fault does not leave standing; a changed password ends them in good order."""
        for connection in tuple(self.connections):
            if not connection.watches(channel):
                continue
            if channel.stream.fault is Fault.DROP:
                connection.abort()
            elif channel.stream.fault is Fault.AUTH:
                connection.close()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
