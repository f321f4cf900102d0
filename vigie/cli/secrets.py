"""Secrets of a city: generated once, kept in an ansible-vault file, never printed and never on a command line."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Final

import bcrypt
import yaml

from vigie.state import State, write_private

VARIABLE: Final = "vigie_secrets"
BCRYPT_COST: Final = 10  # what exporter-toolkit's documentation uses; exporters cache a verified credential


def ensure_secrets(state: State) -> None:
    """Generate what is missing in the vault of ``state``. Existing secrets stay as they are."""
    current = read_secrets(state) if state.secrets.exists() else {}
    complete = _generated() | current
    if complete != current:
        text = yaml.safe_dump({VARIABLE: complete})
        write_private(state.secrets, _vault(state.passphrase).encrypt(text.encode()).decode())


def read_secrets(state: State) -> dict[str, Any]:
    """The secrets of ``state``, in clear, for use inside this command only."""
    content = yaml.safe_load(_vault(state.passphrase).decrypt(state.secrets.read_bytes()))
    found: dict[str, Any] = content[VARIABLE]
    return found


def _generated() -> dict[str, Any]:
    return {
        "camera": _login("vigie"),
        "mediamtx": {"exporter": _login("exporter"), "operator": _login("operator")},
        "scrape": _hashed(_login("prometheus")),
        "web": _hashed(_login("noc")),
    }


def _login(username: str) -> dict[str, str]:
    return {"username": username, "password": secrets.token_urlsafe(24)}


def _hashed(login: dict[str, str]) -> dict[str, str]:
    return login | {"bcrypt": bcrypt.hashpw(login["password"].encode(), bcrypt.gensalt(BCRYPT_COST)).decode()}


def _vault(passphrase: Path) -> Any:
    from ansible.constants import DEFAULT_VAULT_IDENTITY
    from ansible.parsing.vault import VaultLib, VaultSecret

    return VaultLib([(DEFAULT_VAULT_IDENTITY, VaultSecret(passphrase.read_bytes().strip()))])
