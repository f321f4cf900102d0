"""Racked machines are adopted as they stand, refused with every difference, and left alone in every case."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from infra.metal.ssh import fingerprint
from tests.lab.racks import MEBIBYTE, RECORDINGS, Racks
from vigie.plan.model import Login, Volume

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def racks() -> Iterator[Racks]:
    """The machines, with footage on the first that nobody may lose."""
    racks = Racks.build()
    (racks.footage / "cam3_20261124T101500.mp4").write_text("footage of years")
    yield racks
    racks.down()
    assert racks.tear_down() == []


def test_machines_as_planned_are_adopted_and_stay_adopted(racks: Racks) -> None:
    """The keys are the machines' own; a second `up` finds nothing to do; also where only a fingerprint is pinned."""
    before = racks.files()
    second = racks.host(2)
    assert second.machine is not None
    pinned = replace(second.machine, host_key=fingerprint(racks.keys["m2"]))
    plan = racks.plan(
        racks.host(1, volumes=(RECORDINGS,), cores=1, memory_bytes=MEBIBYTE, network_bits_per_second=10**9),
        replace(second, machine=pinned),
    )
    first = racks.up(plan)
    assert first.get("keys") == {"h1": racks.keys["m1"], "h2": racks.keys["m2"]}, first
    assert first["changes"] == {"create": 6}  # stack, network, two components, two machines
    assert first["conditions"] == {"h1": "running", "h2": "running"}
    assert "as planned: adopted" in first["said"]
    started = time.monotonic()
    assert racks.up(plan)["changes"] == {}
    assert time.monotonic() - started < 30
    assert racks.files() == before


def test_every_difference_is_named_at_once_and_nothing_is_changed(racks: Racks) -> None:
    """What a person must rack, mount, free or correct, machine by machine, before anything is configured."""
    release = racks.root("m2") / "usr/lib/os-release"
    original = release.read_text(encoding="utf-8")
    release.write_text(original.replace('VERSION_ID="13"', 'VERSION_ID="12"').replace("GNU/Linux 13", "GNU/Linux 12"))
    racks.shell("m1", "systemd-run --quiet --unit=squatter python3 -m http.server 9100")
    before = racks.files()
    other = racks.host(2, volumes=(Volume("recordings", 2**40, "/srv/nothing"),))
    plan = racks.plan(
        racks.host(
            1,
            volumes=(replace(RECORDINGS, size_bytes=16 * 10**12),),
            cores=4096,
            memory_bytes=2**60,
            network_bits_per_second=10**12,
        ),
        replace(other, address="10.79.0.99"),
    )
    try:
        refused = racks.up(plan)["refused"]
    finally:
        release.write_text(original)
    after = racks.files() | {key: value for key, value in before.items() if key.endswith("os-release")}
    assert after == before
    lines = refused.splitlines()
    for host, words in {
        "h1": (
            "cores: expected 4096 or more, found ",
            "memory: expected 1.15 EB or more, found ",
            "volume recordings: expected 16 TB mounted at /srv/recordings, found 67.1 MB (/dev/loop",
            "speed of eth0: expected 1 Tbit/s or more, found 10 Gbit/s",
            "port 9100/tcp: expected free, found python3 of squatter.service",
        ),
        "h2": (
            "operating system: expected Debian 13, found Debian GNU/Linux 12",
            "address: expected 10.79.0.99/16, found 10.79.0.12",
            "volume recordings: expected 1.1 TB mounted at /srv/nothing, found nothing mounted there",
        ),
    }.items():
        for wanted in words:
            assert any(line.strip().startswith(f"{host}: {wanted}") for line in lines), (wanted, refused)


def test_another_machine_or_a_key_that_is_not_authorised_gets_nothing_but_words(racks: Racks) -> None:
    """A pinned key stands for the machine: another that answers gets not even a login. A missing key has its fix."""
    first, second = racks.host(1), racks.host(2)
    stranger = Login(second.address, user="operator", host_key=racks.keys["m2"])
    pinned = replace(first.login, host_key=racks.keys["m2"])
    refused = racks.up(racks.plan(replace(first, machine=pinned), replace(second, machine=stranger)))["refused"]
    assert f"expected {fingerprint(racks.keys['m2'])}, found" in refused
    assert fingerprint(racks.keys["m1"]) in refused
    assert f"ssh-copy-id -f -i {racks.state.ssh_key}.pub -p 22 operator@10.79.0.12" in refused


def test_drift_is_seen_and_refused_until_a_person_repairs_it(racks: Racks) -> None:
    """The squatter of the test before: refused as long as it is there, fine once it is gone."""
    plan = racks.plan(racks.host(1, volumes=(RECORDINGS,)), racks.host(2))
    assert "port 9100/tcp: expected free" in racks.up(plan)["refused"]
    racks.shell("m1", "systemctl stop squatter")
    assert "refused" not in racks.up(plan)


def test_down_forgets_and_touches_nothing(racks: Racks) -> None:
    before = racks.files()
    answer = racks.down()
    assert answer["left"] == []
    assert any("stay as they are" in said for said in answer["said"]), answer["said"]
    assert racks.files() == before
    assert racks.running("m1")
    assert racks.running("m2")
    assert racks.shell("m1", "cat /srv/recordings/cam3_20261124T101500.mp4") == "footage of years"
