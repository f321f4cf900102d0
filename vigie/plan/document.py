"""``plan.json``: canonical, so that equal plans are equal bytes and one digest names them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from vigie.plan.model import Plan

FORMAT: Final = 1
_ADAPTER: Final = TypeAdapter(Plan)


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
    """The plan that ``path`` holds. Raises ``OSError``, or ``ValueError`` for what is no plan or was edited."""
    try:
        plan = _ADAPTER.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{path}: not a plan: {where}: {first['msg']}: run `vigie plan` again") from error
    if plan.format != FORMAT:
        raise ValueError(f"{path}: plan format {plan.format}, this Vigie reads {FORMAT}: run `vigie plan` again")
    if sealed(plan).digest != plan.digest:
        raise ValueError(f"{path}: content does not match its digest: it was edited; run `vigie plan` again")
    return plan
