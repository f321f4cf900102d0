"""A stream of a camera and those who watch it. Runs on the event loop; no call of it waits."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from zlib import crc32

from simulators.encoder.clipfile import ClipIndex, StoredClip
from simulators.encoder.clips import Variant
from simulators.encoder.config import StreamConfig
from simulators.encoder.faults import Fault, Loop, frame_number, silent, variant_of
from simulators.encoder.messages import InterleavedTransport
from simulators.encoder.rtp import CLOCK_RATE, Frame, SendState, packetise, sender_report, stamp

REPORT_INTERVAL_SECONDS: Final = 5  # RFC 3550 §6.2
# What may wait in this process for a viewer that reads too slowly; the kernel's socket buffer comes on top.
MAX_BACKLOG_BYTES: Final = 1 << 20


class Transport(Protocol):
    """The part of asyncio's transport that a viewer writes to."""

    def write(self, octets: bytes | bytearray, /) -> None: ...
    def is_closing(self) -> bool: ...
    def get_write_buffer_size(self) -> int: ...
    def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reel:
    """A clip ready to send: its index, and the packets of each variant's frames."""

    index: ClipIndex
    frames: Mapping[Variant, tuple[Frame, ...]]
    group_frames: int

    @classmethod
    def load(cls, variants: Mapping[Variant, StoredClip]) -> Reel:
        """Packetise the variants of a clip. Raises ValueError if a recorder could not follow a change of variant."""
        index = variants[Variant.MAIN].index
        group = index.keyframes[1] if len(index.keyframes) > 1 else len(index.frame_bytes)
        for variant, clip in variants.items():
            expected = tuple(range(0, len(clip.pictures), group))
            if clip.index.parameter_sets != index.parameter_sets or clip.index.keyframes != expected:
                raise ValueError(f"{index.name}: {variant} and main differ in parameter sets or keyframe interval")
        frames = {v: tuple(packetise(index.codec, p) for p in clip.pictures) for v, clip in variants.items()}
        return cls(index, frames, group)


@dataclass(slots=True, eq=False)
class Viewer:
    """One playing session: its transport, channels and RTP counters."""

    transport: Transport
    channels: InterleavedTransport
    canonical_name: str
    state: SendState = field(
        default_factory=lambda: SendState(secrets.randbits(32), secrets.randbits(16), secrets.randbits(32))
    )
    awaits_keyframe: bool = True
    next_report_tick: int = 0

    def send(self, frame: Frame, ticks: int) -> bool:
        """Send a frame, or skip it until the first keyframe; False if the viewer no longer keeps up."""
        if self.awaits_keyframe and not frame.keyframe:
            return True
        if self.transport.is_closing() or self.transport.get_write_buffer_size() > MAX_BACKLOG_BYTES:
            return False
        self.awaits_keyframe = False
        self.transport.write(stamp(frame, self.state, ticks, self.channels.rtp_channel))
        return True

    def report(self, ticks: int, wall: float) -> None:
        """Send a sender report for the instant `ticks` after the stream's origin, which is `wall` on the clock."""
        channel = self.channels.rtcp_channel
        self.transport.write(sender_report(self.state, ticks, wall, channel, self.canonical_name))


class Stream:
    """A main or sub stream: plays its clip to its viewers as its fault has it."""

    def __init__(self, config: StreamConfig, reel: Reel, wall: Callable[[], float] = time.time) -> None:
        self.config = config
        self.reel = reel
        self.fault = Fault.OK
        self.viewers: set[Viewer] = set()
        self.frames_sent = 0
        self.octets_sent = 0
        self.viewers_dropped = 0
        self._wall = wall
        self._picture = Fault.OK  # the fault that is visible; follows `fault` at the next keyframe
        self._last_tick = -1
        # Neighbouring cameras show different instants of the clip and have their keyframes at different times.
        self.phase = crc32(f"{config.camera}/{config.role}".encode())

    @property
    def fps(self) -> int:
        """Frames a second of the healthy stream."""
        return self.reel.index.fps

    def ticks(self, seconds: float) -> int:
        """Return `seconds` in units of the RTP clock."""
        return round(seconds * CLOCK_RATE)

    def add(self, viewer: Viewer) -> None:
        """Start to send to `viewer`, from the next keyframe on."""
        if not self.viewers:
            self._picture = self.fault  # nobody saw anything else
        self.viewers.add(viewer)

    def remove(self, viewer: Viewer) -> None:
        """Stop to send to `viewer`; no error if it is not a viewer any more."""
        self.viewers.discard(viewer)

    def play(self, tick: int, late_seconds: float = 0.0) -> None:
        """Send what is due at frame instant `tick`, which began `late_seconds` ago.

        Instants that were left out, and silence, make viewers wait for the next keyframe.
        """
        skipped, self._last_tick = tick != self._last_tick + 1, tick
        if silent(self.fault) or skipped:
            for viewer in self.viewers:
                viewer.awaits_keyframe = True
        if silent(self.fault):
            return
        instant = tick + self.phase % self._loop(Variant.MAIN).frames
        frame = self._frame_at(instant)
        self._report(tick, late_seconds)
        if frame is None:
            return
        ticks = tick * CLOCK_RATE // self.fps
        for viewer in tuple(self.viewers):
            if viewer.send(frame, ticks):
                self.frames_sent += 1
                self.octets_sent += frame.octets
            else:
                self.viewers_dropped += 1
                self.viewers.discard(viewer)
                viewer.transport.abort()

    def _loop(self, variant: Variant) -> Loop:
        return Loop(len(self.reel.frames[variant]), self.reel.group_frames)

    def _frame_at(self, instant: int) -> Frame | None:
        if instant % self.reel.group_frames == 0:
            self._picture = self.fault
        variant = variant_of(self._picture)
        number = frame_number(instant, self._loop(variant), self._picture)
        return None if number is None else self.reel.frames[variant][number]

    def _report(self, tick: int, late_seconds: float) -> None:
        due = [
            viewer for viewer in self.viewers if tick >= viewer.next_report_tick and not viewer.transport.is_closing()
        ]
        if not due:
            return
        ticks, wall = self.ticks(tick / self.fps + late_seconds), self._wall()
        for viewer in due:
            viewer.report(ticks, wall)
            viewer.next_report_tick = tick + REPORT_INTERVAL_SECONDS * self.fps
