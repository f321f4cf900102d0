"""The SSH host keys of hosts that are made elsewhere: generated here and handed over, so that none is trusted on sight."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vigie.state import write_private

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class HostKey:
    """``private`` in OpenSSH's format, never to be shown; ``public`` as known_hosts has it: ``ssh-ed25519 AAAA…``."""

    private: str
    public: str

    def __repr__(self) -> str:
        return f"HostKey({self.public!r})"


@dataclass(frozen=True, slots=True)
class HostKeys:
    """A folder of the state with one private key a host (0600). A host that is made anew keeps its key."""

    folder: Path

    def of(self, host: str) -> HostKey:
        """The key of ``host``, generated at first. Raises ``ValueError`` for a name or a key file that is none."""
        if not _NAME.fullmatch(host):
            raise ValueError(f"{host!r} is no host name")
        path = self.folder / host
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            made = Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
            )
            write_private(path, made.decode("ascii"))
        private = path.read_text(encoding="ascii")
        try:
            key = serialization.load_ssh_private_key(private.encode("ascii"), None)
        except ValueError as error:
            raise ValueError(f"{path} is no SSH key ({error}): remove it to have another made") from error
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        return HostKey(private, public.decode("ascii"))
