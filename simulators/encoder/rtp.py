"""RTP packets of a clip, made once and shared by all viewers, and RTCP sender reports.

Payloads by RFC 6184 (H.264: single NAL unit packets and FU-A, packetization-mode 1) and RFC 7798 (H.265: single NAL
unit packets and FUs, no DONL). Packets stand one behind the other, each framed for RTSP interleaving (RFC 2326 §10.12),
so that a frame costs one copy, one small write per packet for the header fields that differ, and one send.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from simulators.encoder.clips import Codec
from simulators.encoder.nal import AccessUnit, unit_type

CLOCK_RATE: Final = 90_000  # RFC 6184 §8.2.1, RFC 7798 §7.1
PAYLOAD_TYPE: Final = 96  # the first dynamic one
MAX_PAYLOAD: Final = 1_400  # bytes; what cameras use so that RTP over UDP fits an Ethernet frame

_NTP_EPOCH: Final = 2_208_988_800  # seconds from 1900 to 1970, RFC 5905
_MASK_16: Final = 0xFFFF
_MASK_32: Final = 0xFFFF_FFFF
_INTERLEAVED: Final = struct.Struct(">cBH")
_HEADER: Final = struct.Struct(">BBHII")
_VARYING: Final = struct.Struct(">HII")  # sequence number, timestamp, SSRC
_VARYING_OFFSET: Final = _INTERLEAVED.size + 2
_FU_A: Final = 28
_FU_H265: Final = 49


@dataclass(frozen=True, slots=True)
class Frame:
    """The packets of one picture: a template whose sequence numbers, timestamps and SSRCs are still zero."""

    template: bytes
    packet_offsets: tuple[int, ...]  # where each interleaved packet begins in the template
    octets: int  # payload octets, as RTCP counts them
    keyframe: bool


@dataclass(slots=True)
class SendState:
    """What one RTP sender counts (RFC 3550 §5.1, §6.4.1)."""

    ssrc: int
    sequence: int  # of the next packet, modulo 2**16
    timestamp_base: int  # RTP timestamp of the stream's origin
    packets: int = 0
    octets: int = 0


def fragments(codec: Codec, unit: bytes) -> Iterator[bytes]:
    """Yield the RTP payloads that carry one NAL unit."""
    if len(unit) <= MAX_PAYLOAD:
        yield unit
        return
    kind = unit_type(codec, unit)
    if codec == "h264":
        prefix, body = bytes([unit[0] & 0xE0 | _FU_A]), unit[1:]
    else:
        prefix, body = bytes([unit[0] & 0x81 | _FU_H265 << 1, unit[1]]), unit[2:]
    room = MAX_PAYLOAD - len(prefix) - 1
    for start in range(0, len(body), room):
        begins, ends = start == 0, start + room >= len(body)
        yield prefix + bytes([begins << 7 | ends << 6 | kind]) + body[start : start + room]


def packetise(codec: Codec, picture: AccessUnit) -> Frame:
    """Return the packets of a picture, the marker bit on the last (RFC 6184 §5.1)."""
    payloads = [payload for unit in picture.units for payload in fragments(codec, unit)]
    parts: list[bytes] = []
    offsets = []
    size = 0
    for number, payload in enumerate(payloads, 1):
        marker = 0x80 if number == len(payloads) else 0
        header = _HEADER.pack(0x80, marker | PAYLOAD_TYPE, 0, 0, 0)
        offsets.append(size)
        parts += (_INTERLEAVED.pack(b"$", 0, len(header) + len(payload)), header, payload)
        size += _INTERLEAVED.size + len(header) + len(payload)
    return Frame(b"".join(parts), tuple(offsets), sum(map(len, payloads)), picture.keyframe)


def stamp(frame: Frame, state: SendState, ticks: int, channel: int) -> bytearray:
    """Return the bytes to send for `frame`, `ticks` of the 90 kHz clock after the origin; advances `state`."""
    packets = bytearray(frame.template)
    timestamp = (state.timestamp_base + ticks) & _MASK_32
    sequence, ssrc = state.sequence, state.ssrc
    for offset in frame.packet_offsets:
        _VARYING.pack_into(packets, offset + _VARYING_OFFSET, sequence, timestamp, ssrc)
        sequence = (sequence + 1) & _MASK_16
    if channel:
        for offset in frame.packet_offsets:
            packets[offset + 1] = channel
    state.sequence = sequence
    state.packets += len(frame.packet_offsets)
    state.octets += frame.octets
    return packets


def sender_report(state: SendState, ticks: int, wall: float, channel: int, canonical_name: str) -> bytes:
    """Return an interleaved compound of SR and SDES (RFC 3550 §6.4.1, §6.5).

    `ticks` of the 90 kHz clock after the origin and `wall` (seconds since 1970) are the same instant.
    """
    seconds = int(wall)
    fraction = int((wall - seconds) * (1 << 32)) & _MASK_32
    report = struct.pack(
        ">BBHIIIIII",
        0x80,
        200,
        6,
        state.ssrc,
        (seconds + _NTP_EPOCH) & _MASK_32,
        fraction,
        (state.timestamp_base + ticks) & _MASK_32,
        state.packets & _MASK_32,
        state.octets & _MASK_32,
    )
    name = canonical_name.encode()[:255]
    item = struct.pack(">BB", 1, len(name)) + name
    item += bytes(4 - len(item) % 4)  # one to four zero octets end the chunk
    description = struct.pack(">BBHI", 0x81, 202, 1 + len(item) // 4, state.ssrc) + item
    return _INTERLEAVED.pack(b"$", channel, len(report) + len(description)) + report + description
