"""What a cloud image must hear at its first boot, so that it can be reached: name, keys, addresses, volumes mounted.

The same that ``infra.lab.seed`` writes for a lab host; everything else on a host is the work of the playbooks. Formats:
cloud-init's cloud-config and network configuration version 2, written as JSON, which is YAML.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

from infra.components.hostkeys import HostKey
from vigie.plan.constants import ADMIN_USER
from vigie.plan.model import Host

LINK: Final = "eth0"  # as in the lab


def user_data(host: Host, authorized_key: str, key: HostKey, serials: Mapping[str, str]) -> str:
    """The cloud-config of ``host``; ``serials`` are the serial numbers of its volumes' disks by volume name.

    Holds the private host key: a secret.
    """
    script = resources.files(__package__).joinpath("volume.sh").read_text(encoding="utf-8")
    mounts = [
        ["sh", "-c", script, "vigie-volume", serials[volume.name], volume.name[:16], volume.mount]  # ext4: 16 bytes
        for volume in host.volumes
    ]
    config: dict[str, Any] = {
        "hostname": host.name,
        "fqdn": host.name,
        "preserve_hostname": False,
        "manage_etc_hosts": "localhost",
        "users": [
            {
                "name": ADMIN_USER,
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": [authorized_key],
            }
        ],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": key.private, "ed25519_public": key.public},
        # Hosts have no way to the internet: packages come from the bundle, through the playbooks.
        "package_update": False,
        "package_upgrade": False,
        # Ends before sshd starts, so that a host that greets has its volumes; repeats at each boot.
        "bootcmd": mounts,
    }
    return "#cloud-config\n" + json.dumps(config, indent=1, sort_keys=True) + "\n"


def network_data(host: Host, hardware_address: str, gateway: str | None) -> str:
    """The static addresses of ``host`` on the link with ``hardware_address``; extra ones are host routes."""
    link: dict[str, Any] = {
        "match": {"macaddress": hardware_address},
        "set-name": LINK,
        "dhcp4": False,
        "addresses": [f"{host.address}/{host.prefix_length}", *(f"{extra}/32" for extra in host.extra_addresses)],
    }
    if gateway is not None:
        link["routes"] = [{"to": "0.0.0.0/0", "via": gateway}]
    return json.dumps({"version": 2, "ethernets": {LINK: link}}, indent=1, sort_keys=True) + "\n"
