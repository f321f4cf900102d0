"""The guide names every key of a city, and none that does not exist: messages send people to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from tests.unit.cities import REPOSITORY
from vigie.city.model import CameraRow, CityFile, EncoderRow, MachineRow

GUIDE = (REPOSITORY / "docs" / "how-to" / "describe-a-city.md").read_text("utf-8")


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted key of every value below ``model``, as a person writes it; ``[]`` for items of a list."""
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        inner, listed = _model_in(field.annotation)
        if inner:
            yield from keys(inner, f"{key}{'[]' if listed else ''}.")
        else:
            yield key


def _model_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """The model that ``annotation`` holds, and whether in a tuple."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    origin = get_origin(annotation)
    if origin is tuple or origin is Annotated or origin in (Union, UnionType):
        for argument in get_args(annotation):
            found, _ = _model_in(argument)
            if found:
                return found, origin is tuple
    return None, False


def rows(heading: str) -> list[str]:
    """The first cell of every row below ``## heading``."""
    section = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("city.yaml", CityFile),
        ("encoders.csv", EncoderRow),
        ("cameras.csv", CameraRow),
        ("machines.csv", MachineRow),
    ],
)
def test_the_guide_names_every_key_in_order(heading: str, model: type[BaseModel]) -> None:
    """In the order of the model, so that a reader finds it."""
    assert rows(heading) == list(keys(model))


def test_the_guide_is_asked_something() -> None:
    """Lists, options and aliases are all walked."""
    found = set(keys(CityFile))
    assert {"sites[].uplink", "capacity.growth.from", "tiers.streaming.class", "profiles[].sub.codec"} <= found
    assert len(found) > 60
