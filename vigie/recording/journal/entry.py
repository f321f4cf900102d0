"""One entry of the journal: a line of canonical JSON, chained to the line before it by SHA-256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

Kind = Literal[
    "lock",
    "release",
    "deletion",
    "gap_cause",
    "planned_day",
    "takeover",
    "pressure",
    "hold",
    "quarantine",
    "clock",
    "recovery",
]
KINDS: Final[frozenset[str]] = frozenset(get_args(Kind))
GENESIS: Final = "0" * 64  # what the first entry is chained to
_FIELDS: Final = frozenset({"sequence", "at", "kind", "body", "previous", "digest"})


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a chain: the number of the last entry and its digest (64 hexadecimal digits)."""

    sequence: int = 0
    digest: str = GENESIS


@dataclass(frozen=True, slots=True)
class Entry:
    """``sequence`` counts from 1; ``at`` is Unix seconds; ``body`` is plain JSON; digests are SHA-256 in hexadecimal."""

    sequence: int
    at: float
    kind: str
    body: Mapping[str, Any]
    previous: str
    digest: str

    @classmethod
    def after(cls, position: Position, kind: Kind, body: Mapping[str, Any], at: float) -> Entry:
        """The entry that follows ``position``. Raises ``ValueError`` for an unknown kind or a body that is not JSON."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of journal entry; known: {', '.join(sorted(KINDS))}")
        sequence = position.sequence + 1
        digest = _digest(sequence, float(at), kind, body, position.digest)
        return cls(sequence, float(at), kind, body, position.digest, digest)

    @classmethod
    def parse(cls, line: bytes) -> Entry:
        """The entry that ``line`` holds. Raises ``ValueError`` when it is none or its digest is not its content's."""
        return cls.checked(json.loads(line))

    @classmethod
    def checked(cls, value: Any) -> Entry:
        """The entry in plain values. Raises ``ValueError`` likewise."""
        if not isinstance(value, dict) or value.keys() != _FIELDS:
            raise ValueError(f"not an entry: its fields must be {', '.join(sorted(_FIELDS))}")
        entry = cls(**value)
        if not isinstance(entry.sequence, int) or not isinstance(entry.body, dict):
            raise ValueError("not an entry: sequence must be a number and body an object")  # noqa: TRY004 - bad input
        if entry.digest != _digest(entry.sequence, entry.at, entry.kind, entry.body, entry.previous):
            raise ValueError(f"entry {entry.sequence}: its digest is not that of its content")
        return entry

    @property
    def position(self) -> Position:
        return Position(self.sequence, self.digest)

    def as_json(self) -> dict[str, Any]:
        """Plain values, as they stand in a line."""
        return {name: getattr(self, name) for name in ("sequence", "at", "kind", "body", "previous", "digest")}

    def line(self) -> bytes:
        """The line of this entry, with its end."""
        return canonical(self.as_json()) + b"\n"


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8, numbers as Python writes them: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _digest(sequence: int, at: float, kind: str, body: Mapping[str, Any], previous: str) -> str:
    content = {"sequence": sequence, "at": at, "kind": kind, "body": body, "previous": previous}
    return hashlib.sha256(canonical(content)).hexdigest()
