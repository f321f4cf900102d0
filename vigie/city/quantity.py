"""Quantities as people write them: ``4 Mbit/s``, ``16 TB``, ``30 days``.

Decimal prefixes (SI, as disk makers and networks count); binary ones only when written so (``GiB``).
Integers come out: bytes, bits per second, seconds, hundredths of a per cent.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

_PATTERN: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z/%]+)")

BYTE_UNITS: Final = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "PB": 10**15,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
BIT_RATE_UNITS: Final = {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9}
DURATION_UNITS: Final = {"s": 1, "min": 60, "h": 3600, "day": 86_400, "days": 86_400}
WHOLE: Final = 10_000  # a share of 100 %
SHARE_UNITS: Final = {"%": WHOLE // 100}


def parse(text: object, units: dict[str, int], example: str) -> int:
    """``text`` as a whole number of the base unit. Raises ``ValueError`` naming the units and an example."""
    match = _PATTERN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or match[2] not in units:
        raise ValueError(
            f"{text!r} is not a quantity; write a number and one of {', '.join(units)}, such as {example!r}"
        )
    amount = Fraction(match[1]) * units[match[2]]
    if amount.denominator != 1:
        raise ValueError(f"{text!r} is not a whole number of the smallest unit, {next(iter(units))}")
    return amount.numerator


def _bytes(text: object) -> int:
    return parse(text, BYTE_UNITS, "16 TB")


def _bit_rate(text: object) -> int:
    return parse(text, BIT_RATE_UNITS, "4 Mbit/s")


def _seconds(text: object) -> int:
    return parse(text, DURATION_UNITS, "30 days")


def _share(text: object) -> int:
    return parse(text, SHARE_UNITS, "5 %")


# Bounds far above any hardware, so that a slip of the keyboard is an answer and not an arithmetic surprise.
Bytes = Annotated[int, BeforeValidator(_bytes), Field(gt=0, le=10**18)]
BitsPerSecond = Annotated[int, BeforeValidator(_bit_rate), Field(gt=0, le=10**15)]
Seconds = Annotated[int, BeforeValidator(_seconds), Field(gt=0, le=100 * 366 * 86_400)]
Share = Annotated[int, BeforeValidator(_share), Field(ge=0, le=WHOLE)]


def human_bytes(amount: float) -> str:
    """``amount`` bytes with a decimal prefix and three significant digits: ``13.8 TB``."""
    return _human(amount, ["B", "kB", "MB", "GB", "TB", "PB", "EB"])


def human_bit_rate(amount: float) -> str:
    """``amount`` bits per second with a decimal prefix: ``1.5 Mbit/s``."""
    return _human(amount, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])


def human_duration(seconds: float) -> str:
    """Seconds as the largest fitting unit: ``30 days``, ``4 h``."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or seconds == size:
            return "1 day" if seconds == 86_400 else f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _human(amount: float, units: list[str]) -> str:
    step = 0
    while abs(amount) >= 999.5 and step < len(units) - 1:  # 999.5 would print as 1e+03
        amount /= 1000
        step += 1
    return f"{amount:.3g} {units[step]}"
