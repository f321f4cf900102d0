"""Asks the keepers of a deployed city, from inside its hosts' network and with the control node's certificate."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final

from vigie.cli.credentials import credentials
from vigie.plan.constants import KEEPER_PORT
from vigie.plan.model import CONTROL, Host, Plan
from vigie.recording.keeper.question import Answer, Request
from vigie.state import State

_SECONDS: Final = 60


def keepers_of(plan: Plan, camera: str, *, everywhere: bool = False) -> list[Host]:
    """The deployed recorders that may hold footage of ``camera``: those that record it, and their spares.

    A camera that is not in the plan any more may have been recorded anywhere: then, and with ``everywhere``, all.
    """
    recorders = [host for host in plan.deployed_hosts if host.tier == "recorder"]
    planned = plan.cameras_by_id.get(camera)
    if planned is None or everywhere:
        return recorders
    held = set(planned.identities or (planned.identity,))
    names = {host for identity in plan.identities if identity.id in held for host in (identity.host, *identity.standby)}
    return [host for host in recorders if host.name in names]


def url_of(host: Host, path: str) -> str:
    """The address of ``path`` at a host's keeper."""
    return f"https://{host.address}:{KEEPER_PORT}{path}"


@contextmanager
def control_credentials(plan: Plan, state: State) -> Iterator[dict[str, str]]:
    """Paths of the control node's ``certificate`` and ``key`` and of the city's ``authority``, for as long as the block."""
    with credentials(state, plan.city, CONTROL, [plan.network.control_address]) as paths:
        yield paths


def ask_keepers(plan: Plan, state: State, prefix: Sequence[str], requests: Sequence[Request]) -> list[Answer]:
    """The answers of all hosts, in order. Raises ``OSError`` when the question itself cannot be put.

    ``prefix`` leads into the hosts' network. The private key lives in the state folder for as long as the question.
    """
    with control_credentials(plan, state) as paths:
        value = {**paths, "requests": [asdict(request) for request in requests]}
        command = [*prefix, sys.executable, "-m", "vigie.recording.keeper.client"]
        try:
            done = subprocess.run(
                command, input=json.dumps(value), capture_output=True, text=True, timeout=_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise OSError(f"the keepers did not answer within {_SECONDS} s") from None
    if done.returncode != 0:
        raise OSError(f"the keepers cannot be asked: {done.stderr.strip().splitlines()[-1:] or done.returncode}")
    return [Answer(**answer) for answer in json.loads(done.stdout)]


def merged_locks(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Locks by id, each with the hosts that hold it and the footage found on all of them; oldest first."""
    found: dict[str, dict[str, Any]] = {}
    for answer in answers:
        for lock in _locks_in(answer):
            merged = found.setdefault(lock["id"], {**lock, "hosts": [], "footage": {"segments": 0, "bytes": 0}})
            merged["hosts"].append(answer.host)
            if lock["released"] is None:
                merged["released"] = None  # released only once it is released everywhere
            for name in ("segments", "bytes"):
                merged["footage"][name] += (lock.get("footage") or {}).get(name, 0)
    return sorted(found.values(), key=lambda lock: (lock["created"], lock["id"]))


def _locks_in(answer: Answer) -> list[Mapping[str, Any]]:
    if answer.status not in {200, 201}:
        return []
    return list(answer.value["locks"]) if "locks" in answer.value else [answer.value]
