"""The state folder of a city: everything that must survive between two commands, and nothing outside it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

STATE_HOME_VARIABLE: Final = "VIGIE_STATE_HOME"
CACHE_HOME_VARIABLE: Final = "VIGIE_CACHE_HOME"
DEFAULT_STATE_HOME: Final = Path("/var/lib/vigie")
DEFAULT_CACHE_HOME: Final = Path("/var/cache/vigie")

IMPORT_MARK: Final = ".import-complete"  # an import into an existing folder is whole but not yet in place


class StateBusy(Exception):  # noqa: N818 - a fact about the world, not a failure of ours
    """Another command works on the same city."""


def cache_home() -> Path:
    """Where build products are kept between checkouts."""
    return Path(os.environ.get(CACHE_HOME_VARIABLE) or DEFAULT_CACHE_HOME)


@dataclass(frozen=True, slots=True)
class State:
    """The folder of one city and the names inside it."""

    folder: Path

    @classmethod
    def of(cls, city: str) -> State:
        """The state of the city with id ``city``; nothing is created yet."""
        return cls(Path(os.environ.get(STATE_HOME_VARIABLE) or DEFAULT_STATE_HOME) / city)

    @property
    def plan(self) -> Path:
        return self.folder / "plan.json"

    @property
    def passphrase(self) -> Path:
        """Opens Pulumi's secrets and the vault."""
        return self.folder / "passphrase"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets.yml"

    @property
    def variables(self) -> Path:
        return self.folder / "variables.json"

    @property
    def ca(self) -> Path:
        return self.folder / "ca"

    @property
    def bundle_certificate(self) -> Path:
        """What the bundle server shows to hosts, renewed at each run."""
        return self.ca / "bundle.pem"

    @property
    def bundle_key(self) -> Path:
        return self.ca / "bundle.key"

    @property
    def ssh_key(self) -> Path:
        return self.folder / "ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "ssh" / "known_hosts"

    @property
    def rendered(self) -> Path:
        return self.folder / "rendered"

    @property
    def events(self) -> Path:
        return self.folder / "events"

    @property
    def deployed(self) -> Path:
        """What each host was last made to be: its fingerprint."""
        return self.folder / "deployed.json"

    @property
    def parts(self) -> Path:
        """What each host's fingerprint was last made of: a digest for each part (plan, roles, wheel, …)."""
        return self.folder / "parts.json"

    @property
    def city(self) -> Path:
        """The city folder as it was last deployed."""
        return self.folder / "city"

    @property
    def history(self) -> Path:
        """Every plan that was deployed, oldest ones dropped (``vigie.state.history``)."""
        return self.folder / "history"

    def manifest(self, host: str) -> Path:
        """The files and units that the last deployment left on ``host``."""
        return self.folder / "manifests" / f"{host}.json"

    def prepare(self) -> None:
        """Create the folder, readable by its owner alone, and its passphrase. Safe to repeat."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("ssh", "rendered", "events", "manifests"):
            (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        if not self.passphrase.exists():
            write_private(self.passphrase, secrets.token_urlsafe(32) + "\n")

    @contextmanager
    def locked(self, *, importing: bool = False) -> Iterator[None]:
        """Hold the city for this command. The kernel lets go when the command dies, however it dies.

        Raises ``StateBusy`` when another command holds it, or when an import was broken off that only another import
        (``importing``) can finish.
        """
        descriptor = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StateBusy(f"another vigie command works on {self.folder}") from None
            if not importing and (self.folder / IMPORT_MARK).exists():
                raise StateBusy(f"an import into {self.folder} was broken off: run the same `vigie state import` again")
            yield
        finally:
            os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` with mode 0600, whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON, whole or not at all, for its owner alone."""
    write_private(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def read_json(path: Path, default: Any) -> Any:
    """The JSON value of ``path``, or ``default`` where there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return default
