"""Which device of the list is which row of the city; and how new ones are named.

The order of belief: the list's own id, its name at its site, serial number, MAC address, IP address (with the channel).
A row of the city is claimed once, by the surest; a trait that two devices share says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Container, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vigie.city.importing.fields import slug, words
from vigie.city.importing.present import ServiceRow
from vigie.city.importing.values import serial_key

MAX_ENCODER_ID = 50  # as the model of a city has it: it becomes part of its channels' ids
MAX_CAMERA_ID = 63
PASSES = ("id", "name", "name", "serial", "mac", "address")

_KIND = re.compile(r"^(?:cameras?|cam|encodeurs?|encoders?|enc)-(?=.)")
Item = TypeVar("Item")
Keys = tuple[Hashable | None, ...]


@dataclass(frozen=True, slots=True)
class Traits:
    """By what a listed device is known again. ``derived`` is the id that it would get if it were new; ``place`` is its
    address, or its encoder and channel."""

    id: str | None
    name: str | None
    site: str | None
    serial: str | None
    mac: str | None
    place: Hashable | None
    derived: str

    def keys(self) -> Keys:
        name = words(self.name or "")
        return (
            self.id,
            (self.site, name) if name else None,
            (self.site, self.derived) if name else None,
            serial_key(self.serial),
            self.mac,
            self.place,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """A row of the city, and what an earlier list told of it."""

    id: str
    site: str
    place: Hashable | None
    service: ServiceRow | None

    def keys(self, source: str) -> Keys:
        """Another list's "Camera 1" is another camera; a row that came from no list is known by the id it would get."""
        row = self.service
        name = words(row.name or "") if row and row.source == source else ""
        return (
            self.id,
            (self.site, name) if name else None,
            (self.site, self.id) if row is None else None,
            serial_key(row.serial) if row else None,
            row.mac if row else None,
            self.place,
        )


@dataclass(frozen=True, slots=True)
class Matched:
    """The row of the city, and the trait it was found by."""

    id: str
    by: str


def match(listed: Sequence[Traits], standing: Iterable[Standing], source: str) -> list[Matched | None]:
    """For each of ``listed`` the row of the city that it is, ``None`` for a new one."""
    found: list[Matched | None] = [None] * len(listed)
    claimed: set[str] = set()
    rows = [(row.id, row.keys(source)) for row in standing]
    wanted = [traits.keys() for traits in listed]
    for step, by in enumerate(PASSES):
        known = _unique((keys[step], identity) for identity, keys in rows)
        for key, index in _unique((keys[step], index) for index, keys in enumerate(wanted)).items():
            identity = known.get(key)
            if identity is not None and found[index] is None and identity not in claimed:
                found[index] = Matched(identity, by)
                claimed.add(identity)
    return found


def _unique(pairs: Iterable[tuple[Hashable | None, Item]]) -> dict[Hashable, Item]:
    """The pairs whose key is told, and told once."""
    found: dict[Hashable, Item] = {}
    shared: set[Hashable] = set()
    for key, item in pairs:
        if key is None:
            continue
        if key in found:
            shared.add(key)
        found.setdefault(key, item)
    return {key: item for key, item in found.items() if key not in shared}


def derive(rule: str, parts: dict[str, str], longest: int) -> str:
    """The id that ``rule`` makes of ``parts``: each part transliterated, the whole an RFC 1123 label of ``longest``
    characters at most, possibly empty. An empty part leaves no hyphens behind; a name that begins with the word for a
    camera or an encoder loses it, so that ``cam-{name}`` makes no ``cam-camera-3``."""

    def part(match: re.Match[str]) -> str:
        text = slug(parts.get(match[1], ""))
        return _KIND.sub("", text, count=1) if match[1] == "name" else text

    text = re.sub(r"\{(\w+)\}", part, rule)
    return slug(re.sub(r"-{2,}", "-", text))[:longest].strip("-")


def free(wanted: str, taken: Container[str], longest: int, counts: dict[str, int]) -> str:
    """``wanted``, or the first of ``wanted-2``, ``wanted-3``, … that is not ``taken``. ``counts`` remembers how far
    each name went, so that ten thousand cameras of one name take no more than ten thousand looks."""
    name = wanted
    while name in taken:
        counts[wanted] = counts.get(wanted, 1) + 1
        ending = f"-{counts[wanted]}"
        name = wanted[: longest - len(ending)].strip("-") + ending
    return name
