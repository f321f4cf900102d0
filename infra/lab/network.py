"""The network of the lab: one namespace, one bridge, the control address on it, and no link to anywhere else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from infra.lab import cgroups, mounts, namespaces
from infra.lab.commands import locked, read_record, write_record
from infra.lab.layout import BRIDGE, Lab

Condition = Literal["absent", "degraded", "ready"]

# Every booted systemd takes a score of inotify instances, and all hosts count as one user: 128 end the ninth boot.
INOTIFY_INSTANCES: Final = 1024
_INOTIFY_SETTING: Final = Path("/proc/sys/fs/inotify/max_user_instances")


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """The control node's address in the city's network."""

    control_address: str
    prefix_length: int


def raise_inotify_limit(setting: Path = _INOTIFY_SETTING) -> bool:
    """Raise the machine's limit to ``INOTIFY_INSTANCES`` when it is lower; it is never lowered again."""
    if int(setting.read_text(encoding="ascii")) >= INOTIFY_INSTANCES:
        return False
    setting.write_text(str(INOTIFY_INSTANCES), encoding="ascii")
    return True


def create(lab: Lab, spec: NetworkSpec) -> None:
    """Make the network, or complete one that is there. Raises ``LabError``."""
    lab.base.mkdir(parents=True, exist_ok=True)
    with locked(lab.directory / "lab.lock"):
        mounts.share(lab.base)
        raise_inotify_limit()
        namespaces.create(lab.namespace)
        if namespaces.addresses(lab.namespace, BRIDGE) is None:
            namespaces.links(lab.namespace, [f"link add {BRIDGE} type bridge forward_delay 0 mcast_snooping 0"])
        namespaces.links(
            lab.namespace,
            [
                f"address replace {spec.control_address}/{spec.prefix_length} dev {BRIDGE}",
                f"link set {BRIDGE} up",
            ],
        )
        _drop_other_addresses(lab, spec)
        write_record(lab.base / "network.json", asdict(spec))


def _drop_other_addresses(lab: Lab, spec: NetworkSpec) -> None:
    shown = namespaces.addresses(lab.namespace, BRIDGE) or {}
    for entry in shown.get("addr_info", []):
        if entry["family"] == "inet" and entry["local"] != spec.control_address:
            namespaces.links(
                lab.namespace, [f"address delete {entry['local']}/{entry['prefixlen']} dev {BRIDGE}"], force=True
            )


def condition(lab: Lab, spec: NetworkSpec) -> Condition:
    """The network as it is: ``absent``, ``degraded`` (bridge down or without its address) or ``ready``."""
    if not namespaces.exists(lab.namespace) or read_record(lab.base / "network.json") is None:
        return "absent"
    shown = namespaces.addresses(lab.namespace, BRIDGE)
    held = {(a["local"], a["prefixlen"]) for a in (shown or {}).get("addr_info", [])}
    up = shown is not None and "UP" in shown["flags"]
    wanted = (spec.control_address, spec.prefix_length)
    return "ready" if up and wanted in held and mounts.at(lab.base) else "degraded"


def destroy(lab: Lab) -> None:
    """Remove the network, the city's control groups and the lab's own mount; its folder keeps the volumes' files."""
    if not lab.directory.is_dir():
        return
    with locked(lab.directory / "lab.lock"):
        cgroups.kill(lab.group)  # a host that a killed run left half made, which no record names
        cgroups.remove(lab.group)
        namespaces.delete(lab.namespace)
        (lab.base / "network.json").unlink(missing_ok=True)
        mounts.unmount(lab.base)
    (lab.directory / "lab.lock").unlink(missing_ok=True)
