"""Named network namespaces: made and removed by iproute2, entered per thread."""

from __future__ import annotations

import ctypes
import json
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from infra.lab import mounts
from infra.lab.commands import locked, run, wait_until
from infra.lab.errors import LabError
from infra.lab.layout import NETNS

CLONE_NEWNET: Final = 0x40000000  # linux/sched.h
# Setting up /run/netns for the first time is not safe against itself in older iproute2.
NETNS_LOCK: Final = Path("/run/lock/vigie-netns.lock")
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def path(name: str) -> Path:
    """The file that stands for the namespace ``name``."""
    return NETNS / name


def exists(name: str) -> bool:
    """Whether ``name`` is a live namespace (a killed run may leave a plain file)."""
    return mounts.at(path(name)) is not None


def create(name: str) -> bool:
    """Make the namespace, with its loopback up and IPv4 forwarding and IPv6 off. ``False`` if it was there."""
    with locked(NETNS_LOCK):
        if made := not exists(name):
            path(name).unlink(missing_ok=True)
            run(["ip", "netns", "add", name])
    links(name, ["link set lo up"])
    with inside(name):
        # New namespaces may inherit the machine's values, which could forward.
        for key, value in (("ipv4/ip_forward", "0"), ("ipv6/conf/all/disable_ipv6", "1")):
            if (setting := Path("/proc/sys/net") / key).exists():
                setting.write_text(value, encoding="ascii")
    return made


def delete(name: str) -> None:
    """Remove the namespace and wait until its name is gone."""
    with locked(NETNS_LOCK):
        if exists(name):
            run(["ip", "netns", "delete", name])
        path(name).unlink(missing_ok=True)
    if not wait_until(lambda: not path(name).exists(), 5):
        raise LabError(f"network namespace {name} cannot be removed")


def links(name: str, commands: Sequence[str], force: bool = False) -> None:
    """Run lines of ip(8) in the namespace, in one process. ``force`` goes on past a line that fails."""
    argv = ["ip", "-netns", name, *(["-force"] if force else []), "-batch", "-"]
    try:
        run(argv, "".join(f"{command}\n" for command in commands))
    except LabError:
        if not force:
            raise


def addresses(name: str, link: str) -> dict[str, Any] | None:
    """What ip(8) says of ``link`` in the namespace, or ``None`` when there is no such link or namespace."""
    try:
        shown: list[dict[str, Any]] = json.loads(run(["ip", "-netns", name, "-json", "address", "show", "dev", link]))
    except LabError:
        return None
    return next((entry for entry in shown if entry), None)


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Move the calling thread into the namespace; setns(2) is per thread, so other threads stay where they are."""
    back = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _setns(back)
    finally:
        os.close(back)


def _setns(fd: int) -> None:
    if _LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def ssh_answers(name: str, address: str, port: int, timeout: float) -> bool:
    """Whether an SSH server greets at ``address``, asked from inside the namespace (RFC 4253, section 4.2)."""
    try:
        with inside(name), socket.create_connection((address, port), timeout) as connection:
            connection.settimeout(timeout)
            return connection.recv(64).startswith(b"SSH-")
    except OSError:
        return False
