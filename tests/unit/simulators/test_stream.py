"""What viewers of a stream receive, instant by instant, without a network."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from simulators.encoder.clipfile import StoredClip
from simulators.encoder.clips import BY_NAME, Variant
from simulators.encoder.config import StreamConfig
from simulators.encoder.faults import Fault
from simulators.encoder.messages import InterleavedTransport
from simulators.encoder.rtp import Frame
from simulators.encoder.stream import MAX_BACKLOG_BYTES, REPORT_INTERVAL_SECONDS, Reel, Stream, Viewer
from tests.unit.simulators.synthetic import stored

NAME = "h264-640x360-15"
SPEC = BY_NAME[NAME]
GROUP = SPEC.group_frames


class Wire:
    """A transport that keeps what was written to it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.backlog = 0
        self.aborted = False

    def write(self, octets: bytes | bytearray) -> None:
        self.sent.append(bytes(octets))

    def is_closing(self) -> bool:
        return self.aborted

    def get_write_buffer_size(self) -> int:
        return self.backlog

    def abort(self) -> None:
        self.aborted = True

    def take(self) -> list[bytes]:
        """Return what was sent on the RTP channel since the last call, a buffer per frame."""
        taken = [octets for octets in self.sent if octets[1] == 0]
        self.sent.clear()
        return taken


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[Variant, StoredClip]:
    return stored(tmp_path_factory.mktemp("clips"), NAME)


@pytest.fixture
def stream(clips: dict[Variant, StoredClip]) -> Stream:
    made = Stream(StreamConfig(path="/ch1/main", camera="cam-1", clip=NAME, role="main"), Reel.load(clips), lambda: 1e9)
    made.phase = 0
    return made


def watch(stream: Stream) -> Wire:
    wire = Wire()
    stream.add(Viewer(wire, InterleavedTransport(0, 1), "cam-1@test"))
    return wire


def play(stream: Stream, start: int, count: int) -> None:
    for tick in range(start, start + count):
        stream.play(tick)


def shown(stream: Stream, octets: bytes) -> tuple[Variant, int]:
    """Return which frame of which variant a buffer carries, by its payloads."""

    def payloads(octets: bytes, frame: Frame) -> list[bytes]:
        ends = [*frame.packet_offsets[1:], len(octets)]
        return [octets[start + 16 : end] for start, end in zip(frame.packet_offsets, ends, strict=True)]

    for variant, frames in stream.reel.frames.items():
        for number, frame in enumerate(frames):
            if len(frame.template) == len(octets) and payloads(frame.template, frame) == payloads(octets, frame):
                return variant, number
    raise AssertionError("a buffer that is no frame of the clip")


def header(octets: bytes) -> tuple[int, int, int]:
    """Return sequence number, timestamp and SSRC of the first packet of a buffer."""
    sequence, timestamp, ssrc = struct.unpack_from(">HII", octets, 6)
    return sequence, timestamp, ssrc


def numbers(stream: Stream, sent: list[bytes]) -> list[int]:
    return [shown(stream, octets)[1] for octets in sent]


def variants(stream: Stream, sent: list[bytes]) -> list[Variant]:
    return [shown(stream, octets)[0] for octets in sent]


def test_a_viewer_starts_at_a_keyframe_and_gets_every_frame_after_it(stream: Stream) -> None:
    play(stream, 0, 3)
    wire = watch(stream)
    play(stream, 3, GROUP + 7)
    assert numbers(stream, wire.take()) == list(range(GROUP, GROUP + 10))


def test_timestamps_follow_the_clock_and_sequence_numbers_have_no_hole(stream: Stream) -> None:
    wire = watch(stream)
    play(stream, 0, 2 * GROUP)
    stream.fault = Fault.LOW_FPS
    play(stream, 2 * GROUP, 2 * GROUP)
    expected = None
    base = header(wire.sent[1])[1]
    sent = wire.take()
    for octets, tick in zip(sent, [*range(2 * GROUP), *range(2 * GROUP, 4 * GROUP, 5)], strict=True):
        sequence, timestamp, _ = header(octets)
        assert (timestamp - base) % 2**32 == tick * 6_000
        assert expected in (None, sequence)
        variant, number = shown(stream, octets)
        expected = (sequence + len(stream.reel.frames[variant][number].packet_offsets)) % 2**16


def test_viewers_share_frames_but_not_numbers(stream: Stream) -> None:
    first, second = watch(stream), watch(stream)
    play(stream, 0, 5)
    one, other = first.take(), second.take()
    assert numbers(stream, one) == numbers(stream, other) == [0, 1, 2, 3, 4]
    assert header(one[0])[2] != header(other[0])[2]


@pytest.mark.parametrize(("fault", "variant"), [(Fault.FREEZE, Variant.FREEZE), (Fault.BLACK, Variant.BLACK)])
def test_a_picture_fault_begins_and_ends_at_a_keyframe(stream: Stream, fault: Fault, variant: Variant) -> None:
    wire = watch(stream)
    play(stream, 0, 4)
    stream.fault = fault
    play(stream, 4, GROUP)
    stream.fault = Fault.OK
    play(stream, GROUP + 4, GROUP)
    assert variants(stream, wire.take()) == [Variant.MAIN] * GROUP + [variant] * GROUP + [Variant.MAIN] * 4


def test_low_fps_keeps_the_keyframe_interval(stream: Stream) -> None:
    stream.fault = Fault.LOW_FPS
    wire = watch(stream)
    play(stream, 0, 2 * GROUP)
    assert numbers(stream, wire.take()) == [*range(6), *range(GROUP, GROUP + 6)]


@pytest.mark.parametrize("fault", [Fault.STALL, Fault.DROP, Fault.AUTH])
def test_silence_is_complete_and_ends_with_a_keyframe(stream: Stream, fault: Fault) -> None:
    """Not even RTCP is sent: a receiver's time-out must see nothing."""
    wire = watch(stream)
    play(stream, 0, 4)
    wire.sent.clear()
    stream.fault = fault
    play(stream, 4, 10 * GROUP)
    assert wire.sent == []
    stream.fault = Fault.OK
    play(stream, 4 + 10 * GROUP, GROUP)
    assert numbers(stream, wire.take()) == [0, 1, 2, 3]  # the eleventh group begins the loop again


def test_instants_that_the_host_missed_cost_the_rest_of_their_group(stream: Stream) -> None:
    wire = watch(stream)
    play(stream, 0, 4)
    play(stream, 10, GROUP)
    assert numbers(stream, wire.take()) == [0, 1, 2, 3, *range(GROUP, GROUP + 10)]


def test_sender_reports_come_at_once_and_every_five_seconds(stream: Stream) -> None:
    wire = watch(stream)
    play(stream, 0, REPORT_INTERVAL_SECONDS * SPEC.fps + 1)
    reports = [(position, octets) for position, octets in enumerate(wire.sent) if octets[1] == 1]
    assert [position for position, _ in reports] == [0, REPORT_INTERVAL_SECONDS * SPEC.fps + 1]
    first, second = (struct.unpack_from(">IIIIII", octets, 8) for _, octets in reports)
    assert first[1] == second[1] == 1_000_000_000 + 2_208_988_800
    assert (second[3] - first[3]) % 2**32 == 90_000 * REPORT_INTERVAL_SECONDS
    assert first[4:] == (0, 0)
    assert second[4] == sum(len(stream.reel.frames[Variant.MAIN][n].packet_offsets) for n in range(75))
    assert second[5] == stream.octets_sent - stream.reel.frames[Variant.MAIN][75].octets


def test_a_viewer_that_does_not_keep_up_is_dropped_alone(stream: Stream) -> None:
    slow, fast = watch(stream), watch(stream)
    play(stream, 0, 2)
    slow.backlog = MAX_BACKLOG_BYTES + 1
    play(stream, 2, 2)
    assert slow.aborted
    assert (len(slow.take()), len(fast.take())) == (2, 4)
    assert (len(stream.viewers), stream.viewers_dropped, stream.frames_sent) == (1, 1, 6)


def test_cameras_differ_in_what_they_show_and_when_their_keyframes_come(clips: dict[Variant, StoredClip]) -> None:
    reel = Reel.load(clips)
    streams = [Stream(StreamConfig(path="/m", camera=f"cam-{n}", clip=NAME, role="main"), reel) for n in range(100)]
    assert len({stream.phase % GROUP for stream in streams}) > 20


def test_clips_that_a_recorder_could_not_switch_between_are_refused(tmp_path: Path) -> None:
    mixed = stored(tmp_path / "a", NAME) | {Variant.BLACK: stored(tmp_path / "b", "h265-2560x1440-15")[Variant.BLACK]}
    with pytest.raises(ValueError, match="differ in parameter sets"):
        Reel.load(mixed)
