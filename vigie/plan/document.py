"""``plan.json``: canonical, so that equal plans are equal bytes and one digest names them."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from vigie.plan.model import Plan

FORMAT: Final = 2  # raised when a plan of the version before would be read wrongly: then MIGRATIONS gets a step
_ADAPTER: Final = TypeAdapter(Plan)
_GZIP: Final = b"\x1f\x8b"  # RFC 1952


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys and no spare white space (close to RFC 8785; all our numbers are short)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sealed(plan: Plan) -> Plan:
    """``plan`` with the digest of its content filled in: its compact JSON, keys in the order of the model."""
    return replace(plan, digest=hashlib.sha256(_ADAPTER.dump_json(replace(plan, digest=""))).hexdigest())


def dump_plan(plan: Plan) -> str:
    """``plan`` as indented JSON, for people and machines alike."""
    return _ADAPTER.dump_json(replace(plan), indent=1).decode() + "\n"


def load_plan(path: Path) -> Plan:
    """The plan that ``path`` holds, plain or packed by gzip (as the history keeps them), of this format or one before.

    Raises as :func:`parse_plan`, and ``OSError``.
    """
    content = path.read_bytes()
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path}: damaged: {error}") from error
    return parse_plan(content, str(path))


def parse_plan(content: bytes, name: str) -> Plan:
    """The plan in ``content``, which messages call ``name``; one of a format before is made today's and sealed anew.

    Raises ``ValueError`` for what is no plan, is of another format or was edited.
    """
    try:
        plan = _ADAPTER.validate_json(content)
    except ValidationError as error:
        if (older := _migrated(content, name)) is not None:
            return older
        if (written := _format(content)) not in (None, FORMAT):
            raise _another_format(name, written) from error
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{name}: not a plan: {where}: {first['msg']}: run `vigie plan` again") from error
    if plan.format != FORMAT:
        if (older := _migrated(content, name)) is not None:
            return older
        raise _another_format(name, plan.format)
    if sealed(plan).digest != plan.digest:
        raise _edited(name)
    return plan


def _format(content: bytes) -> Any:
    """The format that ``content`` says it has; ``None`` for what is no object of JSON or says nothing."""
    try:
        document = from_json(content)
    except ValueError:
        return None
    return document.get("format") if isinstance(document, dict) else None


def _another_format(name: str, written: Any) -> ValueError:
    formats = ", ".join(map(str, [*MIGRATIONS, FORMAT]))
    return ValueError(
        f"{name}: plan format {written}, this Vigie reads {formats}: use the Vigie that wrote it, or a newer one"
    )


def _edited(name: str) -> ValueError:
    return ValueError(f"{name}: content does not match its digest: it was edited; run `vigie plan` again")


def _migrated(content: bytes, name: str) -> Plan | None:
    """The plan of a format before, made today's step by step; ``None`` for any other content."""
    try:
        document = from_json(content)  # the parser of the first try: it bounds depth, as json does not
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("format") not in MIGRATIONS:
        return None
    # In every format so far the digest is that of the compact JSON in the file's own order, the digest itself empty.
    blank = json.dumps(document | {"digest": ""}, separators=(",", ":"), ensure_ascii=False)
    if hashlib.sha256(blank.encode()).hexdigest() != document.get("digest"):
        raise _edited(name)
    while document["format"] != FORMAT:
        document = MIGRATIONS[document["format"]](document)
    try:
        return sealed(_ADAPTER.validate_python(document))
    except ValidationError as error:
        raise ValueError(f"{name}: a plan of an older format that cannot be read: {error}") from error


def _from_1(document: dict[str, Any]) -> dict[str, Any]:
    """Format 2 has mirrored cameras: a camera names all its recorders; and the city's retention stands by itself, which
    was that of every camera. What else is new has a value that says "none"."""
    cameras = [
        {**camera, "identities": camera.get("identities") or [camera["identity"]]} for camera in document["cameras"]
    ]
    bounds = {
        f"{name}_seconds": max((camera[f"retention_{name}_seconds"] for camera in cameras), default=0)
        for name in ("floor", "ceiling")
    }
    return {**document, "format": 2, "cameras": cameras, "retention": bounds}


#: From each format before to the next one.
MIGRATIONS: Final[Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]] = MappingProxyType({1: _from_1})
