"""Sections of the probe about the system. Runs on the host: standard library only, changes nothing."""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
from pathlib import Path
from typing import Any

from tests.hosts.probes.common import Request, patiently, processes, program_of, run, stated

TCP_LISTEN, UDP_UNCONNECTED = "0A", "07"  # include/net/tcp_states.h


def files(request: Request) -> dict[str, Any]:
    return {path: stated(path) for path in request["files"]}


def units(request: Request) -> dict[str, dict[str, str]]:
    """Properties of each asked unit, by the name it was asked for, and of every failed one."""
    failed = [
        line.split()[0] for line in run("systemctl", "list-units", "--failed", "--plain", "--no-legend").splitlines()
    ]
    names = list(dict.fromkeys([*request["units"], *failed]))
    properties = "Id,Names,LoadState,ActiveState,SubState,UnitFileState,User"
    shown = {}
    for name, paragraph in zip(names, run("systemctl", "show", "-p", properties, *names).split("\n\n"), strict=True):
        shown[name] = dict(line.split("=", 1) for line in paragraph.strip().splitlines())
    return shown


def sockets(_: Request) -> list[dict[str, Any]]:
    """Sockets that take what others send: listening TCP and unconnected UDP, with user and program."""
    holders = _socket_holders()
    found = []
    for protocol, state in (
        ("tcp", TCP_LISTEN),
        ("tcp6", TCP_LISTEN),
        ("udp", UDP_UNCONNECTED),
        ("udp6", UDP_UNCONNECTED),
    ):
        table = Path("/proc/net", protocol)
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            columns = line.split()
            if columns[3] == state:
                address, port = _decoded(columns[1])
                found.append(
                    {
                        "protocol": protocol[:3],
                        "address": address,
                        "port": port,
                        "program": holders.get(columns[9], ("?", "?"))[0],
                        "user": holders.get(columns[9], ("?", "?"))[1],
                    }
                )
    return found


def _decoded(text: str) -> tuple[str, int]:
    """``0100007F:0016`` of /proc/net/tcp: words of the address in the machine's byte order."""
    words, port = text.split(":")
    raw = b"".join(bytes.fromhex(words[at : at + 8])[::-1] for at in range(0, len(words), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw), int(port, 16)


def _socket_holders() -> dict[str, tuple[str, str]]:
    """inode of each socket -> (program, effective user) of a process that holds it."""
    holders = {}
    for process in processes():
        try:
            user = pwd.getpwuid(int(re.search(r"^Uid:\t\d+\t(\d+)", (process / "status").read_text(), re.M)[1])).pw_name  # type: ignore[index]
            program = (process / "comm").read_text().strip()
            links = [str(link.readlink()) for link in (process / "fd").iterdir()]
        except (OSError, KeyError, TypeError):
            continue  # it ended meanwhile
        for link in links:
            if link.startswith("socket:["):
                # systemd passes sockets on: the service counts, not the one that opened it.
                if program == "systemd" and link[8:-1] in holders:
                    continue
                holders[link[8:-1]] = (program, user)
    return holders


def firewall(_: Request) -> Any:
    return json.loads(run("nft", "-j", "list", "ruleset"))["nftables"]


def network(request: Request) -> dict[str, Any]:
    """Addresses, routes, name servers, and which outside addresses answer."""
    resolv = Path("/etc/resolv.conf")
    text = resolv.read_text() if resolv.exists() else ""
    return {
        "addresses": [
            {"interface": link["ifname"], "address": entry["local"], "prefix": entry["prefixlen"]}
            for link in json.loads(run("ip", "-j", "-4", "address"))
            for entry in link["addr_info"]
        ],
        "default_routes": [
            route
            for family in ("-4", "-6")
            for route in json.loads(run("ip", "-j", family, "route", "show", "default") or "[]")
        ],
        "name_servers": re.findall(r"^\s*nameserver\s+(\S+)", text, re.M),
        "reached": [f"{address}:{port}" for address, port in request["outside"] if _answers(address, port)],
    }


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=1).close()
    except OSError:
        return False
    return True


def ssh(_: Request) -> dict[str, list[str]]:
    """The settings that sshd really uses, after all files and defaults."""
    settings: dict[str, list[str]] = {}
    for line in run("sshd", "-T").splitlines():
        key, *value = line.split(" ", 1)
        settings.setdefault(key, []).extend(value)
    return settings


def accounts(_: Request) -> dict[str, Any]:
    """Who can log in, and how; no hash is sent."""
    shadow = dict(line.split(":")[:2] for line in Path("/etc/shadow").read_text().splitlines())
    people = [entry for entry in pwd.getpwall() if not entry.pw_shell.endswith(("nologin", "false", "sync"))]
    keys = {}
    for entry in pwd.getpwall():
        for name in ("authorized_keys", "authorized_keys2"):
            path = Path(entry.pw_dir, ".ssh", name)
            if path.is_file():
                keys[entry.pw_name] = [line for line in path.read_text().splitlines() if line and line[0] != "#"]
    return {
        "login_shells": sorted(entry.pw_name for entry in people),
        "uid_0": sorted(entry.pw_name for entry in pwd.getpwall() if entry.pw_uid == 0),
        "passwords": sorted(name for name, value in shadow.items() if value[:1] not in {"!", "*"}),
        "authorized_keys": keys,
    }


def clock(request: Request) -> dict[str, Any]:
    """Time sources as chronyd sees them, and its command line."""

    def look() -> list[dict[str, Any]]:
        rows = [line.split(",") for line in run("chronyc", "-n", "-c", "sources").splitlines()]
        return [{"address": row[2], "reach": int(row[5], 8)} for row in rows]

    sources = patiently(look, lambda rows: all(row["reach"] for row in rows))
    commands = [
        (path / "cmdline").read_bytes().split(b"\0")[:-1] for path in processes() if program_of(path) == "chronyd"
    ]
    return {"sources": sources, "arguments": [[part.decode() for part in command[1:]] for command in commands]}


def journal(_: Request) -> dict[str, str]:
    """The settings of journald after all of its files; the last assignment counts."""
    settings: dict[str, str] = {}
    for line in run("systemd-analyze", "cat-config", "systemd/journald.conf").splitlines():
        key, assigned, value = line.partition("=")
        if assigned and not line.startswith("#"):
            settings[key.strip()] = value.strip()
    return settings


def kernel(request: Request) -> dict[str, str]:
    """The value of each asked kernel parameter."""
    values = {}
    for name in request["sysctls"]:
        path = Path("/proc/sys", *name.split("."))
        values[name] = path.read_text().strip() if path.exists() else "absent"
    return values


def volumes(request: Request) -> dict[str, dict[str, Any]]:
    """Each asked mount point: whether it is one, and what lies there."""
    mounts = {line.split()[1]: line.split() for line in Path("/proc/self/mounts").read_text().splitlines()}
    found = {}
    for path in request["mounts"]:
        entry = mounts.get(path)
        size = os.statvfs(path)
        found[path] = {
            "mounted": bool(entry),
            "type": entry[2] if entry else None,
            "writable": entry is not None and "rw" in entry[3].split(","),
            # Without the blocks that the filesystem reserves for root (statvfs(3)).
            "bytes": (size.f_blocks - size.f_bfree + size.f_bavail) * size.f_frsize,
        }
    return found
