"""A question to a keeper's API, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One question to one host; ``url`` is whole, ``body`` plain JSON."""

    host: str
    method: str
    url: str
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` is HTTP's, 0 when the host could not be reached; ``value`` is its JSON, or ``{"error": words}``."""

    host: str
    status: int
    value: dict[str, Any]
