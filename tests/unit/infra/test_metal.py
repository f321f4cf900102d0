"""A machine against its host in the plan: every difference is named, and a machine that fits has none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.metal import kinds, probe, ssh
from infra.metal.errors import MetalError
from infra.metal.facts import Device, Facts, LinkAddress, Listener, Mount, read_facts
from infra.metal.judgement import PLATFORM_UNITS, Expectation, Port, differences
from infra.metal.kinds import MachineKind, expectation_of
from infra.metal.target import MetalTarget
from infra.program import program
from infra.targets import environment
from tests.unit.infra.test_program import PLAN, Recorder
from vigie.plan.model import Hardware, Login, Volume

REPOSITORY = Path(__file__).parents[3]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC7Xk2mYb0ZQb1Hn8oXz7XvY3cUeZkT8mS0a9rVbW2dE"
EXPECTED = Expectation(
    "10.77.0.11", 16, "10.77.0.1", Hardware(8, 32 * 10**9, 10**9),
    (Volume("recordings", 16 * 10**12, "/srv/recordings"),), (Port("tcp", 22), Port("tcp", 9100)),
)  # fmt: skip
FITS = Facts(
    time=0,
    release={"id": "debian", "version_id": "13", "pretty_name": "Debian GNU/Linux 13 (trixie)"},
    control="10.77.0.1",
    cores=8,
    memory_bytes=31 * 10**9,
    mounts=(Mount("/srv/recordings", "xfs", "/dev/md0", 15_900_000_000_000, 15_999_000_000_000, False),),
    unused_devices=(),
    addresses=(LinkAddress("127.0.0.1", 8, "lo", True, -1), LinkAddress("10.77.0.11", 16, "eno1", True, 1000)),
    listeners=(Listener("tcp", "0.0.0.0", 22, "sshd", "ssh.service"), Listener("tcp", "127.0.0.1", 9100, "node", "")),
)


def named(facts: Facts, offset: float = 0.0) -> list[str]:
    free = replace(facts, listeners=tuple(one for one in facts.listeners if one.program != "node"))
    return [str(one) for one in differences(EXPECTED, free, offset)]


def test_a_machine_as_planned_has_no_difference() -> None:
    assert named(FITS) == []
    assert named(FITS, 1.9) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"release": {"id": "ubuntu", "version_id": "24.04", "pretty_name": "Ubuntu 24.04"}}, "found Ubuntu 24.04; install Debian 13"),
        ({"release": {}}, "found an unknown system"),
        ({"cores": 7}, "cores: expected 8 or more, found 7"),
        ({"memory_bytes": 16 * 10**9}, "memory: expected 32 GB or more, found 16 GB"),
        ({"mounts": ()}, "nothing mounted there; no unused device has 16 TB"),
        ({"mounts": (replace(FITS.mounts[0], device_bytes=8 * 10**12),)}, "found 8 TB (/dev/md0)"),
        ({"mounts": (replace(FITS.mounts[0], device_bytes=None, filesystem_bytes=10**12),)}, "found 1 TB"),
        ({"mounts": (replace(FITS.mounts[0], read_only=True),)}, "read-only"),
        ({"mounts": (*FITS.mounts, Mount("/srv/recordings", "ext4", "/dev/sdz1", 10**9, 10**9, False))}, "/dev/sdz1"),
        ({"addresses": FITS.addresses[:1]}, "address: expected 10.77.0.11/16, found none"),
        ({"addresses": (replace(FITS.addresses[1], prefix_length=24),)}, "found 10.77.0.11/24"),
        ({"addresses": (replace(FITS.addresses[1], megabits_per_second=100),)}, "speed of eno1: expected 1 Gbit/s or more, found 100 Mbit/s"),
        ({"addresses": (replace(FITS.addresses[1], megabits_per_second=-1),)}, "found unknown"),
        ({"addresses": (replace(FITS.addresses[1], up=False),)}, "link eno1: expected a carrier"),
        ({"control": "192.168.1.5"}, "expected SSH from 10.77.0.1, found from 192.168.1.5"),
        ({"listeners": (Listener("tcp", "0.0.0.0", 9100, "mediamtx", "nvr.service"),)}, "found mediamtx of nvr.service on 0.0.0.0:9100"),
        ({"listeners": (Listener("tcp", "*", 22, "", ""),)}, "port 22/tcp: expected free, found a program without a name"),
    ],
)  # fmt: skip
def test_each_difference_has_its_words(facts: dict[str, Any], said: str) -> None:
    (only,) = named(replace(FITS, **facts))
    assert said in only


@pytest.mark.parametrize(("offset", "said"), [(3.0, "3.0 s ahead of"), (-7.5, "7.5 s behind")])
def test_a_clock_that_is_wrong_is_named_with_its_side(offset: float, said: str) -> None:
    (only,) = named(FITS, offset)
    assert said in only


def test_the_unused_device_that_fits_best_is_advised_and_never_formatted_by_us() -> None:
    devices = tuple(Device(f"/dev/sd{letter}", size * 10**12) for letter, size in (("b", 20), ("c", 16), ("d", 8)))
    (only,) = named(replace(FITS, mounts=(), unused_devices=devices))
    assert "mkfs.ext4 /dev/sdc`" in only
    assert "Vigie never formats" in only


def test_the_platforms_own_services_may_hold_its_ports() -> None:
    """A second `up` meets what the first one started; an interrupted one too."""
    listeners = tuple(
        Listener("tcp", "0.0.0.0", 9100, "x", pattern.replace("*", "rec-1")) for pattern in PLATFORM_UNITS
    )
    assert named(replace(FITS, listeners=listeners)) == []


def test_every_unit_of_the_roles_is_the_platforms() -> None:
    """A role whose service is not known here would make the second `up` refuse what the first one made."""
    text = "\n".join(path.read_text("utf-8") for path in (REPOSITORY / "playbooks" / "roles").rglob("*.yml"))
    units = set(re.findall(r"(?<![\w@/-])(?:name: )?([a-z][a-z0-9-]*)\.service\b", text))
    unknown = {u for u in units if not any(fnmatchcase(f"{u}.service", pattern) for pattern in PLATFORM_UNITS)}
    assert {"prometheus", "chrony"} & units
    assert unknown <= {"systemd-timesyncd", "chronyd", "systemd-journald", "nftables", "systemd-sysctl"}


@given(st.builds(Facts, time=st.floats(0, 1e10), release=st.dictionaries(st.text(), st.text()), control=st.text()))
def test_no_machine_crashes_the_judgement(facts: Facts) -> None:
    for one in differences(EXPECTED, facts, 0.0):
        assert one.what
        assert one.fix


def test_the_probe_prints_what_is_read(tmp_path: Path) -> None:
    """On this machine: values of the right kind, those of the kernel among them."""
    source = Path(probe.__file__)
    done = subprocess.run([sys.executable, "-I", "-B", str(source)], capture_output=True, check=True, cwd=tmp_path)
    facts = read_facts(done.stdout)
    assert facts.cores >= 1
    assert facts.memory_bytes > 10**8
    assert any(mount.point == "/" for mount in facts.mounts)
    with pytest.raises(ValueError, match="cores"):
        read_facts(json.dumps({**json.loads(done.stdout), "cores": "many"}))


@pytest.mark.parametrize(
    ("device", "empty"),
    [
        ({"children": [{"path": "x"}]}, False),
        ({"fstype": "ext4"}, False),
        ({"mountpoints": ["/home"]}, False),
        ({"ro": True}, False),
        ({"path": "/nowhere"}, False),
        ({}, True),
    ],
)
def test_a_device_is_unused_only_when_it_was_read_and_holds_nothing(
    tmp_path: Path, device: dict[str, Any], empty: bool
) -> None:
    """Advice to format a disk must be right: one that cannot be read is never called unused."""
    blank = tmp_path / "disk"
    blank.write_bytes(bytes(1 << 20))
    assert probe.unused({"path": str(blank), "mountpoints": [None], "fstype": None, "ro": False} | device) is empty


def test_a_signature_without_a_filesystem_type_is_content(tmp_path: Path) -> None:
    """LVM, RAID or a partition table that udev does not know of."""
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(1 << 20))
    subprocess.run(["mkfs.ext4", "-q", "-F", disk], check=True)
    assert not probe.unused({"path": str(disk), "mountpoints": [None], "fstype": None, "ro": False})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("vigie@10.0.0.1: Permission denied (publickey).", "ssh-copy-id -f -i /s/id.pub -p 2222 vigie@10.0.0.1"),
        ("sudo: a password is required", "NOPASSWD: ALL' > /etc/sudoers.d/vigie"),
        ("/usr/bin/env: '/usr/bin/python3': No such file or directory", "apt-get install python3"),
        ("connect to host 10.0.0.1 port 2222: No route to host", "No route to host"),
        ("", "without a word"),
    ],
)
def test_what_ssh_complains_of_is_said_with_the_fix(said: str, words: str) -> None:
    error = ssh._failure(Login("10.0.0.1", 2222, "vigie", KEY), Path("/s/id"), said)
    assert words in str(error)
    assert "[10.0.0.1]:2222" in str(error)


def test_a_fingerprint_is_resolved_to_the_key_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    login = Login("10.0.0.1", host_key=ssh.fingerprint(KEY))
    monkeypatch.setattr(ssh, "offered", lambda _: ["ssh-rsa AAAA", KEY])
    assert ssh._resolved(login) == KEY
    monkeypatch.setattr(ssh, "offered", lambda _: ["ssh-rsa AAAA"])
    with pytest.raises(MetalError, match="not the pinned machine"):
        ssh._resolved(login)
    monkeypatch.setattr(ssh, "offered", lambda _: [])
    with pytest.raises(MetalError, match="not reached"):
        ssh._resolved(login)


def test_the_program_declares_a_machine_with_what_is_expected_of_it() -> None:
    """And nothing that is made: no network, no volume, no forward."""
    hosts = tuple(replace(host, machine=Login(host.address, host_key=KEY)) for host in PLAN.hosts)
    target = MetalTarget("/s/id", "10.77.0.1", {"recorder-1": (Port("tcp", 9100),)})
    seen = declared(replace(PLAN, target="metal", hosts=hosts), target)
    made = sorted(kind for kind, _ in seen if kind != "pulumi:pulumi:Stack")
    assert made == ["vigie:infra:Host"] * 2 + ["vigie:infra:Network"] + [MachineKind.token] * 2
    inputs = seen[MachineKind.token, "recorder-1"]
    assert expectation_of(inputs) == target.expectation(hosts[0])
    assert kinds.login_of(inputs) == hosts[0].machine


def declared(plan: Any, target: Any) -> dict[tuple[str, str], dict[str, Any]]:
    import asyncio

    from pulumi.runtime import mocks, settings, stack

    recorder = Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.set_root_resource(None)  # type: ignore[arg-type]
    mocks.set_mocks(recorder, project="vigie", stack="demo", preview=False)
    loop.run_until_complete(stack.run_pulumi_func(lambda: program(plan, target)))
    loop.close()
    return recorder.seen


def test_deleting_forgets_and_says_so() -> None:
    said: list[str] = []
    MachineKind().delete({"name": "h1"}, said.append)
    assert "stay as they are" in said[0]


def test_each_target_of_a_city_has_its_place() -> None:
    assert environment("metal").reach(PLAN) == []
    assert environment("lab").reach(PLAN)[0] == "nsenter"
    with pytest.raises(ValueError, match="no target is called 'cloud'"):
        environment("cloud")
