"""The layer `layer-bare`: a Debian root file system with what systemd, ssh and Ansible need, and nothing that is
one host's own (no machine id, no ssh host key, no package source)."""

from __future__ import annotations

import inspect
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.bundle import pins, store
from infra.bundle.commands import Commands
from infra.bundle.component import Component, Entry, Workshop, record
from infra.bundle.mirror import query_archives, query_transport
from vigie.plan.constants import ADMIN_USER

NAME = "layer-bare"

#: Folder of the layer inside its product.
ROOTFS = "rootfs"

#: What systemd, ssh and Ansible need beside the essential packages.
PACKAGES = (
    "acl",  # Ansible becomes another unprivileged user
    "adduser",
    "ca-certificates",
    "dbus",
    "iproute2",
    "iputils-ping",
    "netbase",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",  # Ansible's apt module
    "sudo",
    "systemd-sysv",
    "tzdata",
)

#: Units without use on a host that is built from the plan: they wait for a network, a disk or a mirror of their own.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "man-db.timer",
    "systemd-networkd-wait-online.service",
)

_DPKG_OPTIONS = (
    "force-unsafe-io",  # a layer that is not complete is thrown away, so nothing is gained by syncing each file
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",  # the manifest reads licences there
)

_HOST_KEY_UNIT = """\
[Unit]
Description=Make the ssh host key of this host at its first boot
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
Before=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -C "" -f /etc/ssh/ssh_host_ed25519_key

[Install]
RequiredBy=ssh.service
"""

#: Files of the layer: path -> (content, mode).
_FILES: Mapping[str, tuple[str, int]] = {
    "etc/apt/apt.conf.d/90vigie": ('APT::Install-Recommends "false";\nAcquire::Languages "none";\n', 0o644),
    "etc/apt/sources.list": ("# Written by the role base: hosts take packages from the bundle.\n", 0o644),
    "etc/hostname": ("unconfigured\n", 0o644),
    "etc/hosts": ("127.0.0.1 localhost\n::1 localhost\n", 0o644),
    # Empty, not absent: an absent one makes systemd enable every unit by preset (machine-id(5), "First boot").
    "etc/machine-id": ("", 0o444),
    "etc/ssh/sshd_config.d/10-vigie.conf": (
        "HostKey /etc/ssh/ssh_host_ed25519_key\nPasswordAuthentication no\nPermitRootLogin no\nUseDNS no\n",
        0o644,
    ),
    "etc/sudoers.d/vigie": (f"{ADMIN_USER} ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440),
    "etc/systemd/system/ssh-host-key.service": (_HOST_KEY_UNIT, 0o644),
}


def component() -> Component:
    """Describe the layer; its inputs are this file, the release and the archive's epoch."""
    inputs = {
        "recipe": inspect.getsource(sys.modules[__name__]),
        "suite": pins.HOST_SUITE,
        "epoch": pins.ARCHIVE_EPOCH,
        "user": f"{ADMIN_USER}:{pins.HOST_UID}",
    }
    return Component(NAME, inputs, make)


def make(workshop: Workshop, folder: Path) -> dict[str, Any]:
    """Build the root file system below ``folder``."""
    commands, rootfs = workshop.commands, folder / ROOTFS
    archives = query_archives(commands, pins.HOST_SUITE)
    options = [f"--aptopt={line}" for line in query_transport(commands)]
    options += [f"--dpkgopt={option}" for option in _DPKG_OPTIONS]
    sources = folder / "sources.list"
    sources.write_text("".join(f"{archive.source_line()}\n" for archive in archives))
    command = ["mmdebstrap", "--verbose", "--mode=root", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    commands.run(
        [*command, *options, pins.HOST_SUITE, str(rootfs), str(sources)],
        sealed=True,
        fix="check that the mirror of this machine's apt serves Debian 13 ('apt-get update' must succeed here)",
    )
    sources.unlink()
    configure(commands, rootfs)
    version = (rootfs / "etc/debian_version").read_text().strip()
    licence = "each package's own: /usr/share/doc/*/copyright"
    return record([Entry(NAME, version, licence, store.tree_digest(rootfs), kind="layer")])


def configure(commands: Commands, rootfs: Path) -> None:
    """Make the account, write the layer's files, mask what has no use, drop what belongs to one host."""
    uid = str(pins.HOST_UID)
    commands.run(["chroot", rootfs, "groupadd", "--gid", uid, ADMIN_USER])
    account = ["useradd", "--uid", uid, "--gid", uid, "--create-home", "--shell", "/bin/bash", ADMIN_USER]
    # `*` is no password that matches, yet not a locked account, which sshd would turn away.
    commands.run(["chroot", rootfs, *account, "--password", "*"])
    for leftover in ("etc/apt/apt.conf.d/99mmdebstrap", "etc/resolv.conf", "var/lib/dbus/machine-id"):
        (rootfs / leftover).unlink(missing_ok=True)
    for pattern in (
        "etc/apt/sources.list.d/*",
        "etc/ssh/ssh_host_*",
        "var/log/*.log",
        "var/log/apt/*",
        "var/cache/apt/*.bin",
    ):
        for path in rootfs.glob(pattern):
            path.unlink()
    shutil.rmtree(rootfs / "usr/share/man", ignore_errors=True)
    write_files(rootfs)
    commands.run(["systemctl", f"--root={rootfs}", "mask", *MASKED_UNITS])
    commands.run(["systemctl", f"--root={rootfs}", "enable", "ssh.service", "ssh-host-key.service"])
    commands.run(["systemctl", f"--root={rootfs}", "set-default", "multi-user.target"])


def write_files(rootfs: Path) -> None:
    """Write the layer's own files, and UTC as its time zone."""
    for name, (content, mode) in _FILES.items():
        path = rootfs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(content)
        path.chmod(mode)
    localtime = rootfs / "etc/localtime"
    localtime.unlink(missing_ok=True)
    localtime.symlink_to("/usr/share/zoneinfo/UTC")
