"""Packets, judged by a receiver written here from RFC 3550, 6184 and 7798."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.encoder.clips import Codec
from simulators.encoder.nal import AccessUnit
from simulators.encoder.rtp import CLOCK_RATE, MAX_PAYLOAD, SendState, packetise, sender_report, stamp
from tests.unit.simulators.synthetic import sets, unit

CODECS: list[Codec] = ["h264", "h265"]


def interleaved(octets: bytes) -> list[tuple[int, bytes]]:
    """Split into (channel, packet)."""
    result = []
    while octets:
        magic, channel, size = struct.unpack_from(">cBH", octets)
        assert magic == b"$"
        result.append((channel, bytes(octets[4 : 4 + size])))
        octets = octets[4 + size :]
    return result


def receive(codec: Codec, packets: list[bytes]) -> list[bytes]:
    """Put NAL units together again, as a receiver does."""
    units: list[bytes] = []
    open_unit: bytes | None = None
    for packet in packets:
        payload = packet[12:]
        kind = payload[0] & 0x1F if codec == "h264" else (payload[0] >> 1) & 0x3F
        if kind != (28 if codec == "h264" else 49):
            assert open_unit is None
            units.append(payload)
            continue
        head = 1 if codec == "h264" else 2
        flags = payload[head]
        if flags & 0x80:
            assert open_unit is None
            if codec == "h264":
                open_unit = bytes([payload[0] & 0xE0 | flags & 0x1F])
            else:
                open_unit = bytes([payload[0] & 0x81 | (flags & 0x3F) << 1, payload[1]])
        assert open_unit is not None
        open_unit += payload[head + 1 :]
        if flags & 0x40:
            units.append(open_unit)
            open_unit = None
    assert open_unit is None
    return units


@pytest.mark.parametrize("codec", CODECS)
@given(sizes=st.lists(st.integers(1, 4 * MAX_PAYLOAD), min_size=1, max_size=4))
def test_a_receiver_gets_every_unit_back(codec: Codec, sizes: list[int]) -> None:
    units = (*sets(codec), *(unit(codec, "idr", size, size) for size in sizes))
    frame = packetise(codec, AccessUnit(units, keyframe=True))
    packets = [packet for _, packet in interleaved(frame.template)]
    assert receive(codec, packets) == list(units)
    assert all(len(packet) <= 12 + MAX_PAYLOAD for packet in packets)
    assert [bool(packet[1] & 0x80) for packet in packets] == [False] * (len(packets) - 1) + [True]
    assert frame.octets == sum(len(packet) - 12 for packet in packets)
    assert frame.keyframe


def test_the_edges_of_fragmentation() -> None:
    """A unit that just fits is whole; one byte more is two fragments, neither of them start and end at once."""
    for size, count in ((MAX_PAYLOAD, 1), (MAX_PAYLOAD + 1, 2)):
        frame = packetise("h264", AccessUnit((unit("h264", "idr", size - 1),), keyframe=True))
        packets = interleaved(frame.template)
        assert len(packets) == len(frame.packet_offsets) == count


def test_stamping_counts_across_the_wrap_and_leaves_the_template_alone() -> None:
    frame = packetise("h264", AccessUnit((unit("h264", "idr", 3 * MAX_PAYLOAD),), keyframe=True))
    state = SendState(ssrc=0xCAFEBABE, sequence=0xFFFE, timestamp_base=0xFFFF_FFFF)
    before = frame.template
    sent = interleaved(bytes(stamp(frame, state, ticks=6_000, channel=4)))
    headers = [struct.unpack_from(">BBHII", packet) for _, packet in sent]
    assert [channel for channel, _ in sent] == [4] * len(sent)
    assert [header[2] for header in headers] == [0xFFFE, 0xFFFF, 0, 1]
    assert {header[3:] for header in headers} == {(5_999, 0xCAFEBABE)}
    assert {header[0] for header in headers} == {0x80}
    assert (state.sequence, state.packets, state.octets) == (2, 4, frame.octets)
    assert frame.template == before


def test_two_viewers_of_a_frame_get_their_own_packets() -> None:
    frame = packetise("h264", AccessUnit((unit("h264", "slice", 100),), keyframe=False))
    states = [SendState(ssrc, 7, 0) for ssrc in (1, 2)]
    first, second = (bytes(stamp(frame, state, 0, 0)) for state in states)
    assert first != second
    assert first[16:] == second[16:]


@given(wall=st.floats(0, 4e9), name=st.text(max_size=300))
def test_a_sender_report_names_the_instant_on_both_clocks(wall: float, name: str) -> None:
    state = SendState(ssrc=5, sequence=0, timestamp_base=100, packets=2**32 + 3, octets=9)
    ((channel, compound),) = interleaved(sender_report(state, CLOCK_RATE, wall, 1, name))
    first, kind, words, ssrc, seconds, fraction, timestamp, packets, octets = struct.unpack_from(">BBHIIIIII", compound)
    assert (channel, first, kind, words, ssrc) == (1, 0x80, 200, 6, 5)
    assert seconds + fraction / 2**32 - 2_208_988_800 == pytest.approx(wall % 2**32, abs=1e-6) or wall >= 2_085_978_496
    assert (timestamp, packets, octets) == (100 + CLOCK_RATE, 3, 9)
    description = compound[28:]
    first, kind, words, ssrc, item, size = struct.unpack_from(">BBHIBB", description)
    assert (first, kind, ssrc, item) == (0x81, 202, 5, 1)
    assert len(description) == 4 * (words + 1)  # a compound of whole 32-bit words
    assert description[10 : 10 + size] == name.encode()[:255]
    assert set(description[10 + size :]) == {0}
