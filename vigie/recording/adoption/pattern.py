"""How a recorder names its files, as its own configuration spells it: MediaMTX's ``recordPath``, or ffmpeg's strftime.

``%path`` stands for the recorder's own name of the camera; times are ``%Y %y %m %d %j %H %M %S %f %z %s``, ``%F`` is
``%Y-%m-%d``, ``%T`` is ``%H:%M:%S``, ``%%`` a per cent sign.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_FIELDS: Final = {
    "path": r".+?",
    "Y": r"[0-9]{4}",
    "y": r"[0-9]{2}",
    "m": r"[0-9]{2}",
    "d": r"[0-9]{2}",
    "j": r"[0-9]{3}",
    "H": r"[0-9]{2}",
    "M": r"[0-9]{2}",
    "S": r"[0-9]{2}",
    "f": r"[0-9]{1,6}",
    "z": r"Z|[+-][0-9]{2}:?[0-9]{2}",
    "s": r"[0-9]{9,11}",
}
_SHORTHANDS: Final = {"F": "%Y-%m-%d", "T": "%H:%M:%S"}
_TOKEN: Final = re.compile(r"%(path|.)", re.DOTALL)
_ALTERNATIVES: Final = (
    {"s"},
    {"Y", "m", "d", "H", "M", "S"},
    {"y", "m", "d", "H", "M", "S"},
    {"Y", "j", "H", "M", "S"},
)


class PatternError(ValueError):
    """The pattern cannot name a file and an instant; says why and what to write."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a name says: the recorder's name of the camera (empty without ``%path``), and the time as written.

    ``written`` is aware where the name itself tells its offset from UTC (``%z``, ``%s``), else naive.
    """

    camera: str
    written: datetime


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; paths are relative to the folder of the recordings, with slashes."""

    text: str
    _regex: re.Pattern[str]

    @classmethod
    def compile(cls, text: str) -> Pattern:
        """Raises ``PatternError``. A pattern without an extension gets ``.mp4``, as MediaMTX adds it."""
        full = text if re.search(r"\.[A-Za-z0-9]{2,4}$", text) else f"{text}.mp4"
        for letter, meaning in _SHORTHANDS.items():
            full = re.sub(rf"(?<!%)((?:%%)*)%{letter}", rf"\g<1>{meaning}", full)
        if full.startswith("/") or ".." in full.split("/"):
            raise PatternError(
                f"pattern {text!r}: write it below the folder of the recordings, without a leading slash"
            )
        expression, seen, end = "", set[str](), 0
        for token in _TOKEN.finditer(full):
            expression += re.escape(full[end : token.start()]) + _piece(text, token[1], seen)
            end = token.end()
        if not any(wanted <= seen for wanted in _ALTERNATIVES):
            raise PatternError(f"pattern {text!r} names no instant: it needs %Y %m %d %H %M %S, or %s")
        return cls(text, re.compile(expression + re.escape(full[end:])))

    def read(self, path: str) -> Named | None:
        """What the name of ``path`` says, or ``None`` where it is not of this pattern. Raises ``ValueError`` for an
        instant that no calendar has."""
        match = self._regex.fullmatch(path)
        if match is None:
            return None
        fields = match.groupdict()
        return Named(fields.get("path") or "", _written(fields))


def _piece(text: str, name: str, seen: set[str]) -> str:
    if name == "%":
        return "%"
    if name not in _FIELDS:
        raise PatternError(f"pattern {text!r}: %{name} is not known; use {', '.join(f'%{one}' for one in _FIELDS)}")
    if name in seen:
        return f"(?P={name})"  # a field that is written twice says the same twice
    seen.add(name)
    return f"(?P<{name}>{_FIELDS[name]})"


def _written(fields: dict[str, str | None]) -> datetime:
    fraction = timedelta(microseconds=int((fields.get("f") or "0").ljust(6, "0")))
    if fields.get("s"):
        return datetime.fromtimestamp(int(fields["s"] or 0), UTC) + fraction
    day = {name: int(fields[name] or 0) for name in "YymdjHMS" if fields.get(name)}
    year = day.get("Y", day.get("y", 0) + 2000)
    clock = timedelta(hours=day["H"], minutes=day["M"], seconds=day["S"])
    if day["H"] > 23 or day["M"] > 59 or day["S"] > 60:
        raise ValueError(f"no such time of day: {day['H']:02d}:{day['M']:02d}:{day['S']:02d}")
    if "j" in day:
        if not 1 <= day["j"] <= 366:
            raise ValueError(f"no such day of a year: {day['j']}")
        start = datetime(year, 1, 1) + timedelta(days=day["j"] - 1)  # noqa: DTZ001 - the zone comes from elsewhere
    else:
        start = datetime(year, day["m"], day["d"])  # noqa: DTZ001
    return (start + clock + fraction).replace(tzinfo=_offset(fields.get("z")))


def _offset(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)
