"""Forwards: a loopback port of the machine that leads to a service in the lab.

systemd-socket-activate listens in the machine's own network namespace; at the first connection it becomes, through
nsenter, a systemd-socket-proxyd that holds that listening socket while it lives in the namespace of the lab. Bytes
pass through one process that owns a socket on either side: no route, and no link, joins the two.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from infra.lab import cgroups, namespaces
from infra.lab.commands import locked, read_record, wait_until, write_record
from infra.lab.errors import LabError
from infra.lab.launch import launch
from infra.lab.layout import Lab

Condition = Literal["absent", "stopped", "running"]

LISTEN_ADDRESS: Final = "127.0.0.1"
LISTEN_TIMEOUT_SECONDS: Final = 5.0
_PROXY: Final = "/usr/lib/systemd/systemd-socket-proxyd"
_TCP_LISTEN: Final = "0A"  # TCP_LISTEN, net/tcp_states.h


@dataclass(frozen=True, slots=True)
class ForwardSpec:
    """``listen_port`` on the machine's loopback leads to ``port`` at ``address`` in the lab."""

    name: str
    listen_port: int
    address: str
    port: int


def _record(lab: Lab, name: str) -> Path:
    return lab.forward(name) / "forward.json"


def listening_inode(port: int, table: str) -> str | None:
    """The socket inode that listens on 127.0.0.1:``port`` (or on every address) in a /proc/net/tcp text."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        address, number = fields[1].split(":")
        # Hexadecimal in the machine's byte order: 0100007F is 127.0.0.1 on every machine that Debian 13 supports here.
        if fields[3] == _TCP_LISTEN and int(number, 16) == port and address in {"0100007F", "00000000"}:
            return fields[9]
    return None


def _holder(pids: set[int], inode: str) -> int | None:
    for pid in pids:
        with suppress(OSError):
            for entry in os.scandir(f"/proc/{pid}/fd"):
                with suppress(OSError):
                    if str(Path(entry.path).readlink()) == f"socket:[{inode}]":
                        return pid
    return None


def _listens(lab: Lab, spec: ForwardSpec) -> bool:
    inode = listening_inode(spec.listen_port, Path("/proc/thread-self/net/tcp").read_text(encoding="ascii"))
    return inode is not None and _holder(cgroups.processes(lab.forward_group(spec.name)), inode) is not None


def condition(lab: Lab, spec: ForwardSpec) -> Condition:
    """The forward as it is: ``absent``, ``stopped`` (nothing of ours holds the port) or ``running``."""
    if read_record(_record(lab, spec.name)) != asdict(spec):
        return "absent"
    return "running" if _listens(lab, spec) else "stopped"


def create(lab: Lab, spec: ForwardSpec) -> None:
    """Start the forward, or adopt one that runs. Raises ``LabError`` when the port is taken."""
    with locked(lab.lock("forward", spec.name)):
        if condition(lab, spec) == "running":
            return
        _clear(lab, spec.name)
        lab.forward(spec.name).mkdir(parents=True, exist_ok=True)
        _launch(lab, spec)
        if not wait_until(lambda: _listens(lab, spec), LISTEN_TIMEOUT_SECONDS):
            said = _log(lab, spec).read_text(encoding="utf-8", errors="replace").strip()
            _clear(lab, spec.name)
            raise LabError(
                f"forward {spec.name}: cannot listen on {LISTEN_ADDRESS}:{spec.listen_port} ({said}); "
                f"see what holds it: ss -ltnp 'sport = :{spec.listen_port}'"
            )
        write_record(_record(lab, spec.name), asdict(spec))


def _log(lab: Lab, spec: ForwardSpec) -> Path:
    return lab.forward(spec.name) / "forward.log"


def _launch(lab: Lab, spec: ForwardSpec) -> None:
    command = [
        "systemd-socket-activate",
        f"--listen={LISTEN_ADDRESS}:{spec.listen_port}",
        "nsenter",
        f"--net={namespaces.path(lab.namespace)}",
        _PROXY,
        f"{spec.address}:{spec.port}",
    ]
    launch(lab.forward_group(spec.name), command, _log(lab, spec))


def destroy(lab: Lab, name: str) -> None:
    """End the forward and its open connections."""
    if lab.base.is_dir():
        with locked(lab.lock("forward", name)):
            _clear(lab, name)


def _clear(lab: Lab, name: str) -> None:
    _record(lab, name).unlink(missing_ok=True)
    cgroups.kill(lab.forward_group(name))
    cgroups.remove(lab.forward_group(name))
    if lab.forward(name).exists():
        shutil.rmtree(lab.forward(name))
