"""Instants as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vigie.city.quantity import DURATION_UNITS, parse


def instant(text: str, option: str, now: datetime | None = None) -> float:
    """``text`` as Unix seconds: ISO 8601 with its zone (``2027-03-03T14:00+01:00``, ``…Z``), or a duration from
    ``now`` on where that is given (``90 days``). Raises ``ValueError`` that names ``option`` and the fix."""
    if now is not None and text.strip()[-1:].isalpha() and not text.strip().endswith("Z"):
        try:
            return (now + timedelta(seconds=parse(text, DURATION_UNITS, "90 days"))).timestamp()
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{option}: {error}") from None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{option}: {text!r} is no instant; write it like 2027-03-03T14:00+01:00") from None
    if found.tzinfo is None:
        raise ValueError(f"{option}: {text!r} does not say its zone; add it: {text}+01:00, or {text}Z for UTC")
    return found.timestamp()


def shown(seconds: float | None) -> str:
    """Unix seconds as ISO 8601 in UTC; the word never for none."""
    return "never" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
