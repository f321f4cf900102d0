"""What a host must hold before its first boot, so that it can be reached: name, identity, keys of SSH.

Everything else on a host is the work of the playbooks.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Final

from infra.lab.commands import run, write
from infra.lab.errors import LabError
from vigie.plan.constants import ADMIN_USER

_HOST_KEY: Final = "ssh_host_ed25519_key"


def seed(root: Path, machine: str, hostname: str, authorized_key: str) -> None:
    """Write the seed into the merged root of a host that is not running.

    Raises ``LabError`` when the layer lacks SSH or the user that Ansible logs in as.
    """
    write(root / "etc/hostname", f"{hostname}\n")
    write(root / "etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {hostname}\n::1 localhost ip6-localhost\n")
    # One host of one city keeps its machine-id(5) over rebuilds: journals and DHCP leases stay attributable.
    write(root / "etc/machine-id", f"{uuid.uuid5(uuid.NAMESPACE_DNS, machine).hex}\n", 0o444)
    authorize(root, authorized_key)
    _make_host_key(root, hostname)


def authorize(root: Path, authorized_key: str) -> None:
    """Let the holder of the key, and nobody else, log in as the administration user."""
    uid, gid, home = _user(root, ADMIN_USER)
    folder = root / home.lstrip("/") / ".ssh"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for path in (folder, folder.parent):
        os.chown(path, uid, gid)
    write(folder / "authorized_keys", f"{authorized_key.strip()}\n", 0o600, (uid, gid))


def _user(root: Path, name: str) -> tuple[int, int, str]:
    """Read a user of the layer, passwd(5)."""
    for line in (root / "etc/passwd").read_text(encoding="utf-8").splitlines():
        fields = line.split(":")
        if fields[0] == name:
            return int(fields[2]), int(fields[3]), fields[5]
    raise LabError(f"the layers of {root} have no user {name!r}: the bundle must make it")


def _make_host_key(root: Path, hostname: str) -> None:
    """Give the host a key of its own; those that a package left in a layer would be shared by every host."""
    folder = root / "etc/ssh"
    if not folder.is_dir():
        raise LabError(f"the layers of {root} have no /etc/ssh: the bundle must install openssh-server")
    for left in folder.glob("ssh_host_*"):
        left.unlink()
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", hostname, "-f", str(folder / _HOST_KEY)])


def host_key(root: Path) -> str:
    """The public host key, as in known_hosts without the name: ``ssh-ed25519 AAAA…``. Empty before the first boot."""
    try:
        text = (root / "etc/ssh" / f"{_HOST_KEY}.pub").read_text(encoding="ascii")
    except FileNotFoundError:
        return ""
    return " ".join(text.split()[:2])
