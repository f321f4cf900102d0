"""What cells mean: addresses, rates, picture sizes as people write them. Every reader raises ``ValueError`` with the
reason and, after ``"; "``, the fix; texts of a cell never carry a password into a message."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from anyascii import anyascii

RESOLUTIONS: Final = {
    "4k": (3840, 2160),
    "uhd": (3840, 2160),
    "8mp": (3840, 2160),
    "6mp": (3072, 2048),
    "5mp": (2592, 1944),
    "4mp": (2560, 1440),
    "qhd": (2560, 1440),
    "2k": (2560, 1440),
    "1440p": (2560, 1440),
    "3mp": (2048, 1536),
    "2mp": (1920, 1080),
    "fullhd": (1920, 1080),
    "fhd": (1920, 1080),
    "1080p": (1920, 1080),
    "1080": (1920, 1080),
    "hd": (1280, 720),
    "720p": (1280, 720),
    "720": (1280, 720),
    "1mp": (1280, 720),
    "d1": (720, 576),
    "4cif": (704, 576),
    "cif": (352, 288),
}
CODECS: Final = {
    "h265": "h265", "hevc": "h265", "265": "h265", "h265+": "h265",
    "h264": "h264", "avc": "h264", "264": "h264", "h264+": "h264", "mpeg4avc": "h264", "mpeg4part10": "h264",
}  # fmt: skip
LEAST_BIT_RATE: Final = 32_000  # below, "4,096 kbit/s" meant four thousand
MOST_BIT_RATE: Final = 10**9
_RATES: Final = (
    (re.compile(r"g(?:bits?|bps|b)(?:/?s|ps)?"), 10**9),
    (re.compile(r"m(?:bits?|bps|b)(?:/?s|ps)?"), 10**6),
    (re.compile(r"k(?:bits?|bps|b)(?:/?s|ps)?"), 10**3),
    (re.compile(r"b(?:its?/s|ps)"), 1),  # not "bit" alone: "bit rate" is no unit
)
_NUMBER: Final = re.compile(r"[+-]?\d{1,12}(?:[.,]\d{1,12})?")
_DIGITS: Final = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫", "01234567890123456789.")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Read:
    """A value, and what a person should know about how it was read."""

    value: object
    note: str = ""


def latin_digits(text: str) -> str:
    """``text`` with Arabic-Indic digits as 0 to 9."""
    return text.translate(_DIGITS)


def redacted(text: str) -> str:
    """``text`` as it may be shown: without credentials, cut to 80 signs."""
    return without_credentials(text)[:80]


def without_credentials(text: str) -> str:
    """``text`` without the user and password of an address such as ``rtsp://user:password@host/``."""
    return re.sub(r"//[^/\s]*@", "//…@", text)


def address(text: str) -> Read:
    """An IPv4 address, alone or in an address such as ``http://192.168.1.10:80/``."""
    shown = redacted(text)
    host, note = _host(latin_digits(text).strip())
    if re.fullmatch(r"\d{3}(?:\.\d{3}){3}", host):  # padded as in tables of old; three digits each cannot be octal
        host = ".".join(str(int(part)) for part in host.split("."))
        note = note or f"read as {host}"
    try:
        found = ip_address(host)
    except ValueError as error:
        raise ValueError(f"{shown!r} is no IPv4 address; write four numbers such as 192.168.1.10, as text") from error
    if found.version != 4:
        raise ValueError(f"{shown!r} is an IPv6 address; a city has IPv4 addresses: give the device one")
    if found.is_multicast or found.is_unspecified or found.is_loopback:
        raise ValueError(f"{shown!r} is no address of a device; write the one it answers at")
    return Read(found, note)


def _host(text: str) -> tuple[str, str]:
    """The host in ``text``, and what was left out."""
    if "://" in text:
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            return text, ""
        if parts.password:
            return (
                parts.hostname or "",
                "a password stands in the list; it was not taken: change it and remove it there",
            )
        return parts.hostname or "", f"port {port} was left out" if port not in {None, 80, 443, 554} else ""
    if match := re.fullmatch(r"(\d+(?:\.\d+){3}):(\d{1,5})", text):
        return match[1], f"port {match[2]} was left out" if match[2] not in {"80", "443", "554"} else ""
    if match := re.fullmatch(r"(\d+(?:\.\d+){3})/(\d{1,2})", text):
        return match[1], "" if match[2] == "32" else f"/{match[2]} was left out"
    return text.rstrip("/"), ""


def mac(text: str) -> Read:
    """A MAC address in any usual writing, as ``aa:bb:cc:dd:ee:ff``."""
    digits = re.sub(r"[\s:.\-]", "", text).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise ValueError(f"{redacted(text)!r} is no MAC address; write six pairs such as 00:40:8c:12:34:56")
    return Read(":".join(digits[at : at + 2] for at in range(0, 12, 2)))


def serial_key(serial: str | None) -> str | None:
    """Serial numbers as they are compared: makers and lists disagree about capitals, spaces and hyphens."""
    return re.sub(r"[\W_]", "", serial).upper() or None if serial else None


def number(text: str) -> Fraction:
    """A number with a point or comma before its decimals."""
    tidy = re.sub(r"[\s'\u202f]", "", latin_digits(text))
    if not _NUMBER.fullmatch(tidy):
        raise ValueError(f"{redacted(text)!r} is no number; write one such as 12 or 2,5")
    return Fraction(tidy.replace(",", "."))


def count(text: str) -> Read:
    """A whole number from 1, with or without a word before it (``"voie 3"``, ``"CH3"``)."""
    match = re.fullmatch(r"[^\W\d]*[\s.:n°º#-]*(\d{1,4})(?:[.,]0+)?", latin_digits(text).strip())
    if not match or not int(match[1]):
        raise ValueError(f"{redacted(text)!r} is no number from 1; write one such as 3")
    return Read(int(match[1]))


def degrees(limit: int) -> Callable[[str], Read]:
    """A reader of decimal degrees between ``-limit`` and ``limit``."""

    def read(text: str) -> Read:
        value = number(text.rstrip("° "))
        if abs(value) > limit:
            raise ValueError(
                f"{redacted(text)!r} is outside -{limit} to {limit}; write decimal degrees such as 34,0331"
            )
        return Read(round(float(value), 6))

    return read


def resolution(text: str) -> Read:
    """Width and height in pixels, written as such or by name (``4MP``, ``1080p``, ``4K``)."""
    tidy = latin_digits(text).lower()
    if match := re.search(r"(?<!\d)([1-9]\d{2,3})\s*[x×*✕]\s*([1-9]\d{2,3})(?!\d)", tidy):  # noqa: RUF001
        return Read((int(match[1]), int(match[2])))
    name = re.sub(r"\s|[.,]0(?=\s*m)|-", "", tidy)
    name = re.sub(r"(?:mpx|megapixels?|mégapixels?|mpix(?:els?)?|mpixels?)$", "mp", name)
    if name not in RESOLUTIONS:
        raise ValueError(f"{redacted(text)!r} is no picture size known; write WIDTHxHEIGHT such as 2560x1440")
    width, height = RESOLUTIONS[name]
    return Read((width, height), f"{redacted(text)!r} was read as {width}x{height}")


def codec(text: str) -> Read:
    """``h264`` or ``h265``."""
    name = re.sub(r"[\s./_-]", "", latin_digits(text).lower())
    if name not in CODECS:
        raise ValueError(f"{redacted(text)!r} is no codec that is recorded; write H.264 or H.265")
    return Read(CODECS[name])


def frames(text: str) -> Read:
    """Whole frames a second."""
    tidy = re.sub(r"\s*(?:fps|ips|i/s|img/s|images?/s(?:ec)?|images? par seconde|hz)$", "", text.strip().lower())
    value = number(tidy)
    if value.denominator != 1 or not 1 <= value <= 120:
        raise ValueError(f"{redacted(text)!r} is no whole number of frames a second; write one from 1 to 120")
    return Read(int(value))


def bit_rate(heading: str) -> Callable[[str], Read]:
    """A reader of bits a second; where a cell has no unit, that of ``heading`` counts (``"Débit (Mbps)"``)."""
    of_heading = _unit(re.sub(r"[^a-z/]", " ", anyascii(heading).lower()))

    def read(text: str) -> Read:
        if re.search(r"[kMG]B(?:/s|ps)", text):
            raise ValueError(f"{redacted(text)!r} counts bytes or bits; write bits, such as 4 Mbit/s")
        match = re.fullmatch(r"([\d.,'\s\u202f]+)\s*([a-z/ ]*)\.?", latin_digits(text).strip().lower())
        unit = _unit(match[2]) if match and match[2].strip() else of_heading
        if not match or not unit:
            raise ValueError(f"{redacted(text)!r} is no bit rate with a unit; write one such as 4 Mbit/s")
        value = number(match[1]) * unit
        if value.denominator != 1 or not LEAST_BIT_RATE <= value <= MOST_BIT_RATE:
            raise ValueError(
                f"{redacted(text)!r} would be {float(value):.10g} bit/s, which no camera records; "
                "write one such as 4 Mbit/s, without a sign between thousands"
            )
        return Read(int(value))

    return read


def _unit(text: str) -> int:
    """Bits a second of the unit that ``text`` names, the largest if several; 0 for none."""
    parts = [*text.split(), text.replace(" ", "")]
    return next((factor for pattern, factor in _RATES if any(map(pattern.fullmatch, parts))), 0)


def text_of(length: int) -> Callable[[str], Read]:
    """A reader of plain text, cut after ``length`` characters."""

    def read(text: str) -> Read:
        shown = without_credentials(text)
        return Read(shown[:length], f"cut after {length} characters" if len(shown) > length else "")

    return read


def reader(field: str, heading: str) -> Callable[[str], Read]:
    """What reads the cells of ``field`` under ``heading``."""
    readers: dict[str, Callable[[str], Read]] = {
        "address": address,
        "mac": mac,
        "channel": count,
        "channels": count,
        "latitude": degrees(90),
        "longitude": degrees(180),
        "resolution": resolution,
        "codec": codec,
        "fps": frames,
        "bitrate": bit_rate(heading),
    }
    return readers.get(field) or text_of(200)
