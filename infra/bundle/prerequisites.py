"""The Debian packages a control host needs before anything else runs: the one list of them.

Runs before the virtual environment exists, so it uses the standard library only and imports nothing of Vigie:
``python3 infra/bundle/prerequisites.py`` prints the list, ``--missing`` what this machine lacks, ``--install``
installs that (root). ``--tests`` adds what only the tests need.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping

#: Debian package -> why the control host needs it. Debian 12 and 13 have them all by these names.
CONTROL_PACKAGES: Mapping[str, str] = {
    "apt-utils": "apt-ftparchive writes the index of the hosts' package repository",
    "ca-certificates": "the mirror and the registries are asked over TLS",
    "debian-archive-keyring": "checks the Debian 13 archive",
    "e2fsprogs": "mkfs.ext4 makes the lab's recording volumes",
    "ffmpeg": "encodes the clips of the simulated cameras, decodes pictures in tests",
    "iproute2": "ip makes the lab's network namespaces",
    "mmdebstrap": "makes the root file system of the hosts",
    "mount": "mounts the layers and volumes of lab hosts",
    "nftables": "nft checks the firewall of the plan and cuts lab hosts apart",
    "openssh-client": "ssh reaches the hosts",
    "openssl": "shows and checks certificates",
    "python3-venv": "makes the virtual environment",
    "systemd-container": "systemd-nspawn runs the lab hosts",
    "util-linux": "nsenter, unshare and setpriv: nothing outlives the command that started it",
    "zstd": "unpacks Debian packages",
}

#: Debian package -> why the lab and browser tests need it on top.
TEST_PACKAGES: Mapping[str, str] = {
    "chromium": "opens the pages as a person would",
    "libnss3-tools": "certutil imports the city's authority into the browser",
    "nmap": "scans the hosts for ports that no flow names",
    "strace": "shows that an entry of the journal is durable before it is acknowledged",
}


def missing(packages: Iterable[str], installed: str) -> list[str]:
    """Tell which ``packages`` are absent from ``installed``, in the order given.

    ``installed`` is what ``dpkg-query --show --showformat='${Package} ${db:Status-Status}\\n'`` printed.
    """
    present = {line.split()[0] for line in installed.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in present]


def query_installed() -> str:
    """Ask dpkg which packages this machine has; the lines that `missing` reads."""
    command = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def install(packages: list[str]) -> int:
    """Install ``packages`` without recommendations, from the machine's own mirror; the exit code of apt-get."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", *packages]):
        code = subprocess.run(command, check=False, env=environment).returncode
        if code:
            return code
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Print or install the packages; exit 1 when ``--missing`` finds some."""
    parser = argparse.ArgumentParser(description="Debian packages that a control host of Vigie needs.")
    parser.add_argument("--tests", action="store_true", help="with the packages that only lab and browser tests need")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--missing", action="store_true", help="print only what this machine lacks; exit 1 if any")
    choice.add_argument("--install", action="store_true", help="install what this machine lacks (root)")
    chosen = parser.parse_args(arguments)
    packages = {**CONTROL_PACKAGES, **(TEST_PACKAGES if chosen.tests else {})}
    if not (chosen.missing or chosen.install):
        print("\n".join(f"{package:24} {reason}" for package, reason in packages.items()))
        return 0
    absent = missing(packages, query_installed())
    if chosen.missing:
        print("\n".join(absent))
        return 1 if absent else 0
    return install(absent) if absent else 0


if __name__ == "__main__":
    sys.exit(main())
