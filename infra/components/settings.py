"""The settings of a target, read from a YAML file of the city folder with the place of each mistake."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from vigie.city.documents import Document, Location, dotted, read_yaml
from vigie.city.errors import CityError, Problem

GUIDE: Final = "docs/how-to/targets.md"
_SECRET: Final = re.compile(r"token|password|passwd|secret|private_key|credential")


def _name(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?", text):
        raise ValueError(f"{text!r} is not a name: letters, digits, inner dots, hyphens and underscores")
    return text


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        # pydantic alone takes `yes` for 1; and of validators it expects ValueError
        raise ValueError(f"{value!r} is not a whole number")  # noqa: TRY004
    return value


Name = Annotated[str, BeforeValidator(_name)]
Whole = Annotated[int, BeforeValidator(_whole)]
Cores = Annotated[Whole, Field(ge=1, le=1024)]


class Settings(BaseModel):
    """Unknown keys are errors, and secrets are no keys: ``credentials`` says where they come from instead."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    credentials: ClassVar[str] = "the environment"


SettingsModel = TypeVar("SettingsModel", bound=Settings)


class Read(Generic[SettingsModel]):
    """Settings that remember where in their file each of them stands."""

    def __init__(self, values: SettingsModel, document: Document) -> None:
        self.values = values
        self._document = document

    def problem(self, location: Location, message: str, fix: str) -> Problem:
        """A mistake at ``location`` that only the plan shows."""
        return Problem(self._document.file, self._document.line(location), dotted(location), message, fix)


def read_settings(path: Path, model: type[SettingsModel]) -> Read[SettingsModel]:
    """The settings that ``path`` holds. Raises ``CityError`` with every mistake found."""
    document = read_yaml(path)
    try:
        return Read(model.model_validate(document.values), document)
    except ValidationError as error:
        raise CityError(list(_problems(document, model, error.errors(include_url=False)))) from error


def _problems(document: Document, model: type[Settings], details: Iterable[Any]) -> Iterable[Problem]:
    for detail in details:
        location: Location = detail["loc"]
        text = str(detail["msg"]).removeprefix("Value error, ")
        kind, key = detail["type"], str(location[-1]) if location else ""
        if kind == "extra_forbidden" and _SECRET.search(key.lower()):
            message, fix = "a secret does not belong in this file", f"remove it and change it; give {model.credentials}"
        elif kind == "extra_forbidden":
            message, fix = "unknown key", f"check its spelling against {GUIDE}, or remove it"
        elif kind == "missing":
            message, fix = "missing", f"add it; {GUIDE} says what it means"
        elif kind in {"model_type", "dict_type", "mapping_type"}:
            message, fix = "must be keys and values", f"see {key or 'the file'} in {GUIDE}"
        else:
            message, fix = f"{text[0].lower()}{text[1:]}{_given(detail)}", f"see {key or 'the file'} in {GUIDE}"
        yield Problem(document.file, document.line(location), dotted(location), message, fix)


def _given(detail: Any) -> str:
    if detail["type"] == "value_error" or isinstance(detail["input"], dict | list):
        return ""  # said already, or too much to say
    shown = repr(detail["input"])
    return f", not {shown if len(shown) <= 60 else shown[:57] + '...'}"
