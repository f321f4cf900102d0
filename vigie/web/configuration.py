"""Configuration files: strict models, and errors that name file, field and fix."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

_LISTEN: Final = re.compile(r"^(\[[0-9a-fA-F:.]+\]|[^:\[\]]*):\d{1,5}$")

Model = TypeVar("Model", bound="StrictModel")


class ConfigurationError(Exception):
    """A configuration cannot be used; the message names file, field and fix. Ends the program with exit code 2."""


class StrictModel(BaseModel):
    """A model that refuses unknown keys, does not change, and does not show its input in errors (passwords)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class TlsServerConfig(StrictModel):
    """`tls_server_config` of exporter-toolkit. Relative paths start at the folder of the file."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth_type: Literal["NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = "NoClientCert"
    min_version: Literal["TLS12", "TLS13"] = "TLS12"

    @model_validator(mode="after")
    def _client_ca_goes_with_verification(self) -> TlsServerConfig:
        if (self.client_ca_file is None) != (self.client_auth_type == "NoClientCert"):
            raise ValueError("client_ca_file and a verifying client_auth_type go together; give both or neither")
        return self


BcryptHash = Annotated[str, Field(pattern=r"^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$")]


class WebConfiguration(StrictModel):
    """The file of `--web.config.file`."""

    tls_server_config: TlsServerConfig | None = None
    basic_auth_users: dict[str, BcryptHash] = {}

    @field_validator("basic_auth_users")
    @classmethod
    def _names_without_colon(cls, users: dict[str, str]) -> dict[str, str]:
        for name in users:
            if ":" in name:
                raise ValueError(f"user {name!r}: a colon cannot be in a user name (RFC 7617)")
        return users


def load_model(path: Path, model: type[Model]) -> Model:
    """Reads JSON or YAML from `path` into `model`. Raises ConfigurationError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise ConfigurationError(
            f"{path}: {where}not JSON or YAML: {getattr(error, 'problem', 'bad encoding')}"
        ) from None
    try:
        return model.model_validate({} if content is None else content)
    except ValidationError as error:
        lines = (f"{path}: {_explain(detail, model)}" for detail in error.errors())
        raise ConfigurationError("\n".join(lines)) from None


def load_web_configuration(path: Path | None) -> WebConfiguration:
    """The web configuration with paths made absolute; without a file, plain HTTP and no users."""
    if path is None:
        return WebConfiguration()
    configuration = load_model(path, WebConfiguration)
    tls = configuration.tls_server_config
    if tls is None:
        return configuration
    base = path.resolve().parent
    absolute = {name: base / getattr(tls, name) for name in ("cert_file", "key_file")}
    if tls.client_ca_file is not None:
        absolute["client_ca_file"] = base / tls.client_ca_file
    return configuration.model_copy(update={"tls_server_config": tls.model_copy(update=absolute)})


def parse_listen_address(text: str) -> tuple[str | None, int]:
    """`ADDRESS:PORT`, `[IPV6]:PORT` or `:PORT` -> address (None: all) and port. Raises ConfigurationError."""
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not _LISTEN.match(text) or int(port) > 65535 or (bare and not _is_address(bare)):
        raise ConfigurationError(
            f"--web.listen-address: {text!r} is not ADDRESS:PORT; fix: for example 10.77.0.5:9601 or [::1]:9601"
        )
    return bare or None, int(port)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_FIXES: Final = {
    "missing": "add it",
    "extra_forbidden": "remove it or correct its spelling",
}


def _explain(detail: ErrorDetails, model: type[StrictModel]) -> str:
    field = ".".join(str(part) for part in detail["loc"]) or "the whole file"
    fix = _FIXES.get(detail["type"])
    if detail["type"] == "extra_forbidden" and len(detail["loc"]) == 1:
        fix = f"{fix}; known here: {', '.join(sorted(model.model_fields))}"
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return f"{field}: {message}" + (f"; fix: {fix}" if fix else "")
