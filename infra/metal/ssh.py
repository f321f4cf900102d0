"""SSH to a machine whose host key is pinned: a public key, or its fingerprint until the key is known."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.metal import probe
from infra.metal.errors import MetalError
from infra.metal.facts import Facts, read_facts
from vigie.plan.constants import SSH_PORT
from vigie.plan.model import Login

CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 60.0
FINGERPRINT: Final = "SHA256:"
# -I: nothing of the account's own Python; -B: no compiled files left behind. sudo drops the variable that says from
# where ssh came.
_REMOTE: Final = 'sudo -n /usr/bin/env SSH_CONNECTION="$SSH_CONNECTION" /usr/bin/python3 -I -B -'


@dataclass(frozen=True, slots=True)
class Seen:
    """A machine's facts, its public host key, and its clock less ours in seconds."""

    facts: Facts
    host_key: str
    clock_offset: float


def fingerprint(key: str) -> str:
    """The fingerprint of ``ssh-ed25519 AAAA…`` as OpenSSH prints it."""
    digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
    return FINGERPRINT + base64.b64encode(digest).decode().rstrip("=")


def place(login: Login) -> str:
    """The machine's name in known_hosts, sshd(8)."""
    return login.address if login.port == SSH_PORT else f"[{login.address}]:{login.port}"


def look(login: Login, key_file: Path) -> Seen:
    """Look at the machine, changing nothing on it. Raises ``MetalError``."""
    pinned = replace(login, host_key=_resolved(login))
    before = time.time()
    answer = _run(pinned, key_file, _REMOTE, Path(probe.__file__).read_text(encoding="utf-8"))
    after = time.time()
    try:
        facts = read_facts(answer)
    except ValueError as error:
        raise MetalError(f"{place(login)} answers what the probe does not print: {error}") from error
    offset = max(facts.time - after, 0.0) or min(facts.time - before, 0.0)
    return Seen(facts, pinned.host_key, offset)


def answers(login: Login, key_file: Path) -> bool:
    """Whether this city's key opens the machine, and it is the pinned one."""
    try:
        _run(replace(login, host_key=_resolved(login)), key_file, "true", "")
    except MetalError:
        return False
    return True


def offered(login: Login) -> list[str]:
    """The public host keys that the machine shows now, without its name. Empty when it does not answer."""
    done = subprocess.run(
        ["ssh-keyscan", "-T", str(CONNECT_SECONDS), "-p", str(login.port), login.address],
        capture_output=True,
        text=True,
        timeout=ANSWER_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    lines = (line.split() for line in done.stdout.splitlines() if line and not line.startswith("#"))
    return [" ".join(fields[1:3]) for fields in lines if len(fields) >= 3]


def _resolved(login: Login) -> str:
    """The pinned key itself. Raises ``MetalError`` when no key of the machine has the pinned fingerprint."""
    if not login.host_key.startswith(FINGERPRINT):
        return login.host_key
    keys = offered(login)
    found = next((key for key in keys if fingerprint(key) == login.host_key), None)
    if found is None:
        raise _unreachable(login, "no answer") if not keys else _other_key(login, keys)
    return found


def _run(login: Login, key_file: Path, command: str, script: str) -> str:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="known_hosts.") as known:
        known.write(f"{place(login)} {login.host_key}\n")
        known.flush()
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": CONNECT_SECONDS,
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "IdentityFile": key_file,
            "LogLevel": "ERROR",
            "PreferredAuthentications": "publickey",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "UserKnownHostsFile": known.name,
        }
        flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        argv = ["ssh", "-F", "/dev/null", *flags, "-p", str(login.port), f"{login.user}@{login.address}", command]
        try:
            done = subprocess.run(
                argv, input=script, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise _unreachable(login, f"no answer within {ANSWER_SECONDS:.0f} s") from None
    if done.returncode:
        raise _failure(login, key_file, done.stderr.strip())
    return done.stdout


def _failure(login: Login, key_file: Path, said: str) -> MetalError:
    """What OpenSSH, sudo or the shell complain of, with what to do about it."""
    if "Host key verification failed" in said or "HOST IDENTIFICATION HAS CHANGED" in said:
        return _other_key(login, offered(login))
    if "Permission denied" in said:
        public = key_file.with_suffix(".pub")
        return MetalError(
            f"{place(login)} refuses the key of this city for {login.user}; as somebody whom it admits, run: "
            f"ssh-copy-id -f -i {public} -p {login.port} {login.user}@{login.address}"
        )
    if "sudo" in said:
        return MetalError(
            f"{place(login)}: {login.user} may not sudo without a password ({_last(said)}); there, as root, run: "
            f"echo '{login.user} ALL=(ALL:ALL) NOPASSWD: ALL' > /etc/sudoers.d/{login.user}"
        )
    if "python3" in said:
        return MetalError(f"{place(login)} has no python3, which Ansible needs: there, run: apt-get install python3")
    return _unreachable(login, _last(said) or "ssh ended without a word")


def _last(said: str) -> str:
    return said.splitlines()[-1].strip() if said else ""


def _unreachable(login: Login, why: str) -> MetalError:
    return MetalError(f"{place(login)} is not reached by SSH ({why}): see whether it has power, cable and its address")


def _other_key(login: Login, keys: list[str]) -> MetalError:
    wanted = login.host_key if login.host_key.startswith(FINGERPRINT) else fingerprint(login.host_key)
    found = ", ".join(sorted(fingerprint(key) for key in keys)) or "none"
    return MetalError(
        f"{place(login)} is not the pinned machine: host key expected {wanted}, found {found}; nothing was sent to it. "
        "If it was installed anew, compare the key at its own console and correct machines.csv"
    )
