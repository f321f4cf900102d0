"""``vigie status``: look at every host at once and compare it with the manifest that its deployment left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from vigie.plan import Plan
from vigie.plan.constants import ADMIN_USER, SSH_PORT
from vigie.plan.model import Host, Login
from vigie.state import State, read_json

ANSWER_SECONDS: Final = 7.0  # the promise is 10 s for the whole city, start-up included
CONNECT_SECONDS: Final = 4

# Runs on the host under its own python3; standard library only. The manifest follows as one JSON line.
_PROBE: Final = """
import hashlib, json, os, pwd, grp, subprocess, sys
manifest = json.loads(MANIFEST)
def state(path):
    try:
        with open(path, "rb") as file:
            digest = hashlib.sha1(file.read()).hexdigest()
        seen = os.stat(path)
        return [digest, "%04o" % (seen.st_mode & 0o7777), pwd.getpwuid(seen.st_uid).pw_name, grp.getgrgid(seen.st_gid).gr_name]
    except OSError as error:
        return [error.strerror, "", "", ""]
    except KeyError:
        return [digest, "%04o" % (seen.st_mode & 0o7777), str(seen.st_uid), str(seen.st_gid)]
units = manifest["units"]
shown = subprocess.run(["systemctl", "show", "-p", "Id,ActiveState,UnitFileState", *units], capture_output=True, text=True).stdout if units else ""
print(json.dumps({"files": {path: state(path) for path in manifest["files"]}, "units": shown}))
"""

Verdict = Literal["fine", "differs", "unreachable", "not deployed"]


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What one host looks like; ``differences`` names each file and unit that is not as deployed."""

    host: str
    tier: str
    address: str
    verdict: Verdict
    differences: list[str] = field(default_factory=list)


def inspect(plan: Plan, state: State, prefix: Sequence[str]) -> list[HostStatus]:
    """The status of every host of ``plan``, in its order; takes at most ``ANSWER_SECONDS``."""
    return asyncio.run(_inspect(plan, state, prefix))


def known_name(login: Login) -> str:
    """The name of a host in known_hosts, sshd(8)."""
    return login.address if login.port == SSH_PORT else f"[{login.address}]:{login.port}"


def ssh_command(state: State, address: str, port: int = SSH_PORT, user: str = ADMIN_USER) -> list[str]:
    """ssh to ``address`` as the administrator, with exactly the keys of this city."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(CONNECT_SECONDS),
        "IdentitiesOnly": "yes",
        "IdentityFile": str(state.ssh_key),
        "UserKnownHostsFile": str(state.known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "LogLevel": "ERROR",
    }
    flags = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    return ["ssh", "-F", "/dev/null", *flags, "-p", str(port), f"{user}@{address}"]


def compare(manifest: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    """What differs between a manifest and the answer of a host, a line each, sorted."""
    found = []
    for path, (digest, mode, owner, group) in seen["files"].items():
        wanted = manifest["files"][path]
        if digest != wanted["sha1"]:
            found.append(f"file {path}: " + ("was edited" if len(digest) == len(wanted["sha1"]) else digest))
        elif [mode, owner, group] != [wanted["mode"], wanted["owner"], wanted["group"]]:
            found.append(
                f"file {path}: {mode} {owner}:{group} instead of {wanted['mode']} {wanted['owner']}:{wanted['group']}"
            )
    shown = _shown_units(seen["units"])
    for unit, wanted in manifest["units"].items():
        active, enabled = shown.get(_full_name(unit), ("not found", ""))
        if wanted["active"] is not None and (active in {"active", "activating"}) != wanted["active"]:
            found.append(f"unit {unit}: {active}")
        if wanted["enabled"] is not None and (enabled in {"enabled", "enabled-runtime"}) != wanted["enabled"]:
            found.append(f"unit {unit}: {enabled or 'without unit file'}")
    return sorted(found)


def _full_name(unit: str) -> str:
    return unit if unit.rpartition(".")[2] in {"service", "socket", "timer", "mount", "target"} else f"{unit}.service"


def _shown_units(text: str) -> dict[str, tuple[str, str]]:
    """``systemctl show`` prints a paragraph for each unit: name -> (ActiveState, UnitFileState)."""
    units = {}
    for paragraph in text.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in paragraph.splitlines() if "=" in line)
        if "Id" in values:
            units[values["Id"]] = (values.get("ActiveState", ""), values.get("UnitFileState", ""))
    return units


async def _inspect(plan: Plan, state: State, prefix: Sequence[str]) -> list[HostStatus]:
    async def one(host: Host) -> HostStatus:
        name, tier, address = host.name, host.tier, host.address
        manifest = read_json(state.manifest(name), None)
        if manifest is None:
            return HostStatus(name, tier, address, "not deployed", ["run `vigie up`"])
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                seen = await _ask(state, prefix, host.login, manifest)
        except (TimeoutError, OSError, ValueError) as error:
            return HostStatus(
                name, tier, address, "unreachable", [str(error) or f"no answer in {ANSWER_SECONDS:.0f} s"]
            )
        differences = compare(manifest, seen)
        return HostStatus(name, tier, address, "differs" if differences else "fine", differences)

    return list(await asyncio.gather(*(one(host) for host in plan.deployed_hosts)))


async def _ask(state: State, prefix: Sequence[str], login: Login, manifest: dict[str, Any]) -> dict[str, Any]:
    script = f"MANIFEST = {json.dumps(manifest)!r}\n{_PROBE}"
    child = await asyncio.create_subprocess_exec(
        *prefix,
        *ssh_command(state, login.address, login.port, login.user),
        "sudo python3 -",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await child.communicate(script.encode())
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode != 0:
        raise ValueError(
            err.decode(errors="replace").strip().splitlines()[-1]
            if err.strip()
            else f"ssh ended with {child.returncode}"
        )
    answer: dict[str, Any] = json.loads(out)
    return answer
