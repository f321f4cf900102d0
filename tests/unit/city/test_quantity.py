"""A quantity misread by a factor is a disk order wrong by that factor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.city.quantity import (
    BIT_RATE_UNITS,
    BYTE_UNITS,
    DURATION_UNITS,
    human_bit_rate,
    human_bytes,
    human_duration,
    parse,
)

TABLES = [BYTE_UNITS, BIT_RATE_UNITS, DURATION_UNITS]


@pytest.mark.parametrize(
    ("text", "units", "amount"),
    [
        ("16 TB", BYTE_UNITS, 16_000_000_000_000),
        ("16TB", BYTE_UNITS, 16_000_000_000_000),
        ("1 GiB", BYTE_UNITS, 1_073_741_824),
        ("0.5 kB", BYTE_UNITS, 500),
        ("4 Mbit/s", BIT_RATE_UNITS, 4_000_000),
        ("1.5 Mbit/s", BIT_RATE_UNITS, 1_500_000),
        ("30 days", DURATION_UNITS, 2_592_000),
        ("1 day", DURATION_UNITS, 86_400),
        (" 90 min ", DURATION_UNITS, 5_400),
        ("999999999999999.5 TiB", BYTE_UNITS, 1_099_511_627_775_998_900_488_372_224 + 549_755_813_888),
    ],
)
def test_known_quantities(text: str, units: dict[str, int], amount: int) -> None:
    """Worked by hand: decimal prefixes are powers of ten, binary ones of two, and nothing is rounded."""
    assert parse(text, units, "") == amount


@pytest.mark.parametrize(
    "text", ["4", "Mbit/s", "4 mbit/s", "4 Mb/s", "-4 Mbit/s", "4,5 Mbit/s", "1e3 bit/s", "0x4 bit/s"]
)
def test_sloppy_rates_are_refused(text: str) -> None:
    """Mb, mb and MB mean different things to different people: only the exact spelling passes."""
    with pytest.raises(ValueError, match="Mbit/s"):
        parse(text, BIT_RATE_UNITS, "4 Mbit/s")


@pytest.mark.parametrize("value", [None, True, 4, 4.5, [], {}, b"4 bit/s", "\u0664 bit/s"])
def test_only_text_in_ascii_digits_is_a_quantity(value: object) -> None:
    """A bare number has no unit, and digits of other scripts are more often an accident than a wish."""
    with pytest.raises(ValueError, match="not a quantity"):
        parse(value, BIT_RATE_UNITS, "4 Mbit/s")


@given(st.text(max_size=40), st.sampled_from(TABLES))
def test_any_text_is_a_whole_number_or_a_value_error(text: str, units: dict[str, int]) -> None:
    """The parser meets whatever people type: it answers or raises ``ValueError``, nothing else."""
    try:
        amount = parse(text, units, "")
    except ValueError:
        return
    assert isinstance(amount, int)
    assert amount >= 0


@given(st.integers(0, 10**15 - 1), st.integers(0, 999_999_999), st.sampled_from(TABLES), st.data())
def test_parsing_is_exact(whole: int, decimals: int, units: dict[str, int], data: st.DataObject) -> None:
    """Compared with integer arithmetic that does not share the parser's: no float, no rounding."""
    unit = data.draw(st.sampled_from(sorted(units)))
    text = f"{whole}.{decimals:09d} {unit}"
    billionths = (whole * 10**9 + decimals) * units[unit]
    if billionths % 10**9:
        with pytest.raises(ValueError, match="whole number"):
            parse(text, units, "")
    else:
        assert parse(text, units, "") == billionths // 10**9


@given(st.integers(0, 10**20))
def test_human_figures_stay_short(amount: int) -> None:
    """Tables line up only while a figure has three digits at most, and nobody reads exponents."""
    for text in (human_bytes(amount), human_bit_rate(min(amount, 10**14))):
        figure = text.split(" ")[0]
        assert "e" not in figure
        assert len(figure.replace(".", "").lstrip("0")) <= 3


@pytest.mark.parametrize(
    ("seconds", "text"), [(30 * 86_400, "30 days"), (86_400, "1 day"), (4 * 3600, "4 h"), (90, "90 s"), (60, "1 min")]
)
def test_human_durations(seconds: int, text: str) -> None:
    """A floor of retention reads as it was written."""
    assert human_duration(seconds) == text
