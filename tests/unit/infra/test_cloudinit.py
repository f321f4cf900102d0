"""What a cloud image hears at its first boot, and what the volume script does to a disk."""

from __future__ import annotations

import json
import os
import subprocess
from importlib import resources
from pathlib import Path

import pytest
import yaml

from infra.components import cloudinit
from infra.components.hostkeys import HostKey, HostKeys
from vigie.plan.model import Host, Volume

KEY = HostKey("PRIVATE", "ssh-ed25519 PUBLIC")
HOST = Host(
    "recorder-1", "recorder", "10.77.0.65", 16, ("10.77.1.1",), "baked", (),
    (Volume("recordings", 2**30, "/srv/recordings"),), (),
)  # fmt: skip


def test_a_host_gets_its_own_key_and_lets_in_the_administrator_alone() -> None:
    text = cloudinit.user_data(HOST, "ssh-ed25519 CITY", KEY, {"recordings": "s-1"})
    assert text.startswith("#cloud-config\n")
    config = yaml.safe_load(text)
    assert config["ssh_keys"] == {"ed25519_private": "PRIVATE", "ed25519_public": "ssh-ed25519 PUBLIC"}
    (user,) = config["users"]
    assert (user["name"], user["ssh_authorized_keys"], user["lock_passwd"]) == ("vigie", ["ssh-ed25519 CITY"], True)
    assert (config["disable_root"], config["ssh_pwauth"], config["ssh_deletekeys"]) == (True, False, True)
    assert config["bootcmd"][0][3:] == ["vigie-volume", "s-1", "recordings", "/srv/recordings"]


def test_addresses_are_static_and_extra_ones_are_host_routes() -> None:
    link = json.loads(cloudinit.network_data(HOST, "02:00:0a:4d:00:41", "10.77.0.1"))["ethernets"]["eth0"]
    assert link["addresses"] == ["10.77.0.65/16", "10.77.1.1/32"]
    assert (link["dhcp4"], link["match"]) == (False, {"macaddress": "02:00:0a:4d:00:41"})
    assert link["routes"] == [{"to": "0.0.0.0/0", "via": "10.77.0.1"}]
    assert "routes" not in json.loads(cloudinit.network_data(HOST, "02:00:0a:4d:00:41", None))["ethernets"]["eth0"]


def run_volume_script(folder: Path, *, signature: str, readable: bool = True) -> tuple[int, list[str], str]:
    """Run the script on a pretended disk; its exit code, the commands that would have changed something, and fstab."""
    (folder / "by-id").mkdir()
    (folder / "disk").touch()
    for name in ("virtio-s-1", "virtio-s-1-part1"):
        (folder / "by-id" / name).symlink_to(folder / "disk")
    stubs = {
        "wipefs": f"printf '%s' '{signature}'" if readable else "exit 1",
        "mkfs.ext4": f'echo "mkfs $*" >>{folder}/log',
        "mount": f'echo "mount $*" >>{folder}/log',
        "mountpoint": "exit 1",
        "blkid": "echo 0a1b",
    }
    (folder / "bin").mkdir()
    for name, body in stubs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / "bin" / name).chmod(0o755)
    script = resources.files("infra.components").joinpath("volume.sh").read_text()
    for real, pretended in (
        ("/dev/disk/by-id", f"{folder}/by-id"),
        ("/etc/fstab", f"{folder}/fstab"),
        ("[ -b", "[ -e"),
    ):
        assert real in script
        script = script.replace(real, pretended)
    (folder / "fstab").touch()
    code = 0
    for _ in range(2):  # at each boot
        done = subprocess.run(
            ["sh", "-c", script, "vigie-volume", "s-1", "recordings", str(folder / "srv")],
            env={"PATH": f"{folder}/bin:{os.environ['PATH']}"},
            check=False,
            capture_output=True,
            timeout=20,
        )
        code = done.returncode
    log = (folder / "log").read_text().splitlines() if (folder / "log").exists() else []
    return code, [line.replace(str(folder), "") for line in log], (folder / "fstab").read_text()


def test_an_empty_disk_gets_a_filesystem_and_is_mounted_at_each_boot(tmp_path: Path) -> None:
    code, log, fstab = run_volume_script(tmp_path, signature="")
    assert code == 0
    assert log[:2] == ["mkfs -q -m 0 -L recordings /disk", "mount /srv"]
    assert fstab == f"UUID=0a1b {tmp_path}/srv ext4 noatime,nofail,x-systemd.growfs 0 2\n"


@pytest.mark.parametrize("signature", ["0x438 ext4", "0x0 xfs", "0x1fe dos"])
def test_a_disk_that_holds_anything_is_never_formatted(tmp_path: Path, signature: str) -> None:
    """A rebuilt host gets its old disk: whatever is on it may be evidence."""
    code, log, _ = run_volume_script(tmp_path, signature=signature)
    assert (code, log) == (0, ["mount /srv", "mount /srv"])


def test_a_disk_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    code, log, fstab = run_volume_script(tmp_path, signature="", readable=False)
    assert (code != 0, log, fstab) == (True, [], "")


def test_a_host_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path / "hosts")
    made = keys.of("recorder-1")
    assert keys.of("recorder-1") == made
    assert keys.of("recorder-2").public != made.public
    assert ((tmp_path / "hosts" / "recorder-1").stat().st_mode & 0o777, made.private in repr(made)) == (0o600, False)
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(tmp_path / "hosts" / "recorder-1")], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split()[:2] == made.public.split()


def test_names_and_key_files_that_are_none_are_refused(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path)
    with pytest.raises(ValueError, match="no host name"):
        keys.of("../ca")
    (tmp_path / "recorder-1").write_text("spoilt")
    with pytest.raises(ValueError, match="recorder-1 is no SSH key"):
        keys.of("recorder-1")
