"""Runs on the machine, as root, under its own python3: standard library only. It reads, and writes nothing.

Its source is sent over SSH; :class:`infra.metal.facts.Facts` says what it prints.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

PSEUDO = {"autofs", "bpf", "cgroup", "cgroup2", "debugfs", "devpts", "devtmpfs", "fusectl", "hugetlbfs", "mqueue"}
PSEUDO |= {"nsfs", "proc", "pstore", "ramfs", "securityfs", "sysfs", "tmpfs", "tracefs", "binfmt_misc", "configfs"}


def text(path: str) -> str:
    """A file's content; empty when it cannot be read (the speed of a link without carrier, for one)."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def printed(*argv: str) -> str:
    """What a tool prints; empty when it is missing or fails."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def release() -> dict[str, str]:
    """os-release(5)."""
    lines = re.findall(r'^(ID|VERSION_ID|PRETTY_NAME)="?([^"\n]*)', text("/etc/os-release"), re.MULTILINE)
    return {name.lower(): value for name, value in lines}


def memory() -> int:
    """Bytes, proc_meminfo(5)."""
    found = re.search(r"^MemTotal:\s+(\d+) kB", text("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def device_bytes(path: str) -> int | None:
    """Size of the block device below a mounted path; None where there is none (NFS, ZFS)."""
    device = Path(path).stat().st_dev
    sectors = text(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/size")
    return int(sectors) * 512 if sectors else None


def mounts() -> list[dict[str, Any]]:
    """Mounted filesystems that hold files, proc_pid_mountinfo(5)."""
    found = []
    for line in text("/proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, source = after.split()[:2]
        if kind in PSEUDO:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4])
        try:
            seen = os.statvfs(point)
            size = device_bytes(point)
        except OSError:
            continue
        read_only = bool(seen.f_flag & os.ST_RDONLY)
        filesystem = seen.f_blocks * seen.f_frsize
        found.append({"point": point, "kind": kind, "source": source, "filesystem_bytes": filesystem,
                      "device_bytes": size, "read_only": read_only})  # fmt: skip
    return found


def unused(device: dict[str, Any]) -> bool:
    """Whether a device holds nothing: no part, no mount, no signature. One that cannot be read is never unused."""
    if device.get("children") or device.get("fstype") or any(device.get("mountpoints") or ()) or device.get("ro"):
        return False
    try:
        with Path(device["path"]).open("rb") as opened:
            opened.read(1)
    except OSError:
        return False
    # wipefs(8) --no-act only lists signatures; an empty answer of a failed call must not pass for none.
    try:
        done = subprocess.run(
            ["wipefs", "--no-act", "--noheadings", device["path"]],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and not done.stdout.strip()


def unused_devices() -> list[dict[str, Any]]:
    """Block devices without content, lsblk(8)."""
    shown = printed("lsblk", "--json", "--bytes", "--output", "PATH,SIZE,TYPE,FSTYPE,MOUNTPOINTS,RO") or "{}"
    devices = json.loads(shown).get("blockdevices", [])
    kinds = ("disk", "part", "lvm", "raid0", "raid1", "raid5", "raid6", "raid10")
    flat = [part for device in devices for part in (device, *device.get("children", ()))]
    return [
        {"path": device["path"], "bytes": int(device["size"])}
        for device in flat
        if device["type"] in kinds and int(device["size"] or 0) > 0 and unused(device)
    ]


def addresses() -> list[dict[str, Any]]:
    """IPv4 addresses with their link and its speed in Mbit/s; -1 where the link does not tell."""
    return [
        {
            "address": entry["local"],
            "prefix_length": entry["prefixlen"],
            "link": link["ifname"],
            "up": "LOWER_UP" in link["flags"],
            "megabits_per_second": speed(link["ifname"]),
        }
        for link in json.loads(printed("ip", "-json", "-4", "address", "show") or "[]")
        if "ifname" in link  # older ip(8) prints empty objects for links that it leaves out
        for entry in link["addr_info"]
    ]


def speed(link: str) -> int:
    """Mbit/s, or -1."""
    shown = text(f"/sys/class/net/{link}/speed")
    return int(shown) if shown.isdigit() else -1


def unit_of(pid: str) -> str:
    """The systemd unit that a process belongs to; empty when to none."""
    found = re.findall(r"([^/\n]+\.(?:service|socket|scope))", text(f"/proc/{pid}/cgroup"))
    return found[-1] if found else ""


def listeners() -> list[dict[str, Any]]:
    """Sockets that wait for others, ss(8), with the program and unit of each."""
    found = []
    for line in printed("ss", "-H", "-l", "-n", "-t", "-u", "-p").splitlines():
        fields = line.split()
        if len(fields) < 5:
            continue
        address, _, port = fields[4].rpartition(":")
        owners = re.findall(r'\("([^"]*)",pid=(\d+)', line) or [("", "")]
        for program, pid in owners:
            unit = unit_of(pid) if pid else ""
            if port.isdigit():
                found.append({"protocol": fields[0], "address": address, "port": int(port),
                              "program": program, "unit": unit})  # fmt: skip
    return found


def look() -> dict[str, Any]:
    """Everything, in one answer."""
    return {
        "time": time.time(),
        "release": release(),
        "control": (os.environ.get("SSH_CONNECTION", "").split() or [""])[0],
        "cores": os.cpu_count() or 0,
        "memory_bytes": memory(),
        "mounts": mounts(),
        "unused_devices": unused_devices(),
        "addresses": addresses(),
        "listeners": listeners(),
    }


if __name__ == "__main__":
    print(json.dumps(look()))
