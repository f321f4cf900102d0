"""Session descriptions (RFC 4566) of the streams of a device."""

from __future__ import annotations

from base64 import b64encode
from ipaddress import IPv4Address, IPv6Address

from simulators.encoder.clipfile import ClipIndex
from simulators.encoder.rtp import CLOCK_RATE, PAYLOAD_TYPE

CONTROL = "trackID=0"


def format_parameters(clip: ClipIndex) -> str:
    """Return the `fmtp` parameters: RFC 6184 §8.1 for H.264, RFC 7798 §7.1 for H.265."""
    sets = [b64encode(unit).decode() for unit in clip.parameter_sets]
    if clip.codec == "h264":
        level = clip.parameter_sets[0][1:4].hex().upper()
        return f"packetization-mode=1;profile-level-id={level};sprop-parameter-sets={','.join(sets)}"
    return "sprop-vps={};sprop-sps={};sprop-pps={}".format(*sets)


def describe(clip: ClipIndex, address: IPv4Address | IPv6Address) -> str:
    """Return the session description of a live stream of `clip` from a device at `address`."""
    lines = [
        "v=0",
        f"o=- 0 0 IN IP{address.version} {address}",
        "s=Vigie lab encoder",
        f"c=IN IP{address.version} {'0.0.0.0' if address.version == 4 else '::'}",  # noqa: S104 - RFC 2326 C.1.7
        "t=0 0",
        "a=control:*",
        "a=range:npt=now-",
        f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
        f"b=AS:{clip.bitrate // 1000}",
        f"a=rtpmap:{PAYLOAD_TYPE} {clip.codec.upper()}/{CLOCK_RATE}",
        f"a=fmtp:{PAYLOAD_TYPE} {format_parameters(clip)}",
        f"a=framerate:{clip.fps}",
        f"a=control:{CONTROL}",
    ]
    return "\r\n".join(lines) + "\r\n"
