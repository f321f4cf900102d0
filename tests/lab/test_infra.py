"""The lab target and the Pulumi program over it, on real hosts: made, left alone, broken, repaired, killed, removed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from infra.automation import conditions
from infra.lab import faults
from infra.lab import host as lab_host
from infra.lab.leftovers import leftovers
from infra.settings import PLAN_VARIABLE
from tests.lab.small_city import (
    MEBIBYTE,
    ROOT,
    SSH_FORWARD,
    USUAL,
    SmallCity,
    all_running,
    host,
    inits,
    plan_of,
    recover_from_cut,
)

pytestmark = pytest.mark.lab

# Seconds into `up`: before the engine starts, while hosts are made, while they boot. The drills have ten more.
MOMENTS = (1.2, 2.6, 3.4)


@pytest.fixture(scope="module")
def small() -> Iterator[SmallCity]:
    """The city, not yet up; taken down in the end, whatever happened."""
    city = SmallCity.open()
    assert city.down() == []
    yield city
    assert city.down(purge=True) == []


@pytest.fixture
def city(small: SmallCity) -> SmallCity:
    """The city with its usual three hosts up."""
    small.up()
    return small


def test_hosts_answer_with_the_exported_key_and_are_what_the_plan_says(small: SmallCity) -> None:
    """Ansible can log in at once: right name, right key, its user, addresses, volume of the right size."""
    outcome = small.up()
    assert outcome.changes == {"create": 10}  # stack, network, volume, forward, three components, three hosts
    assert [small.ssh(number, "hostname; sudo id -un").split() for number in (1, 2, 3)] == [
        [f"h{number}", "root"] for number in (1, 2, 3)
    ]
    assert {"10.78.0.12/16", "10.78.1.5/32", "10.78.1.6/32"} <= set(small.ssh(2, "ip -br address show eth0").split())
    size = int(small.ssh(1, "findmnt -bno SIZE /srv/recordings"))
    assert 40 * MEBIBYTE < size <= 64 * MEBIBYTE
    assert len({made.ssh_host_key for made in outcome.hosts.values()}) == 3


def test_nothing_changes_when_nothing_is_wrong(city: SmallCity) -> None:
    before = {name: inits(city, name) for name in ("h1", "h2", "h3")}
    started = time.monotonic()
    assert city.up().changes == {}
    assert time.monotonic() - started < 30
    assert {name: inits(city, name) for name in ("h1", "h2", "h3")} == before


def test_plain_pulumi_agrees_that_nothing_is_to_do(city: SmallCity) -> None:
    """`pulumi preview` in infra/, with the official command line and this repository's language host."""
    state = city.state
    environment = os.environ | {
        "PULUMI_BACKEND_URL": f"file://{state.folder}/pulumi",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(state.passphrase),
        "PULUMI_HOME": str(state.folder / "pulumi" / "settings"),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        PLAN_VARIABLE: str(state.plan),
    }
    arguments = ["preview", "--refresh", "--expect-no-changes", "--non-interactive", "--stack", "lab-test"]
    argv = [str(city.bundle.pulumi), *arguments, "--config-file", str(state.folder / "plain.yaml")]
    done = subprocess.run(argv, cwd=ROOT / "infra", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10 unchanged" in done.stdout


def sshd_stopped(city: SmallCity) -> None:
    city.ssh(2, "sudo systemctl stop ssh.service ssh.socket")


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (lambda city: faults.kill(city.lab, "h2"), "stopped"),
        (lambda city: faults.cut_power(city.lab, "h2"), "stopped"),
        (lambda city: lab_host.stop(city.lab, "h2"), "stopped"),
        (lambda city: faults.cut_cable(city.lab, "h2"), "cut_off"),
        (sshd_stopped, "unreachable"),
    ],
    ids=["killed", "power cut", "shut down", "cable cut", "no sshd"],
)
def test_a_broken_host_is_seen_and_repaired_alone(
    city: SmallCity, fault: Callable[[SmallCity], None], seen: str
) -> None:
    """The others are not touched, and the repaired host keeps its disk and its key."""
    city.ssh(2, "sudo touch /var/lib/kept; sync")
    others = {name: inits(city, name) for name in ("h1", "h3")}
    fault(city)
    assert conditions(USUAL, city.state) == {"h1": "running", "h2": seen, "h3": "running"}
    assert city.up().changes == {"update": 1}
    assert all_running(city)
    city.ssh(2, "test -e /var/lib/kept")
    assert {name: inits(city, name) for name in ("h1", "h3")} == others


def test_a_host_that_is_gone_is_made_anew_and_keeps_its_recordings(city: SmallCity) -> None:
    before = city.up().hosts["h1"].ssh_host_key
    city.ssh(1, "echo footage | sudo tee /srv/recordings/segment; sync")
    lab_host.destroy(city.lab, "h1")
    assert conditions(USUAL, city.state)["h1"] == "absent"
    outcome = city.up()
    assert outcome.changes == {"create": 1}
    assert outcome.hosts["h1"].ssh_host_key != before
    assert city.ssh(1, "cat /srv/recordings/segment") == "footage"


def test_rebuild_makes_a_host_anew_by_request(city: SmallCity) -> None:
    city.ssh(3, "sudo touch /var/lib/junk")
    assert city.up(rebuild=("h3",)).changes == {"replace": 1}
    assert city.ssh(3, "ls /var/lib/junk 2>/dev/null || echo gone") == "gone"


def test_a_changed_plan_changes_hosts_in_place(city: SmallCity) -> None:
    """Other addresses need no reboot; a volume grows with its content kept; a host that left the plan goes."""
    before = inits(city, "h2")
    city.ssh(1, "echo footage | sudo tee /srv/recordings/segment; sync")
    grown = plan_of(host(1, volume_bytes=96 * MEBIBYTE), host(2, extra=("10.78.1.6", "10.78.1.7")))
    assert city.up(grown).changes == {"update": 3, "delete": 2}
    assert conditions(grown, city.state) == {"h1": "running", "h2": "running"}
    assert inits(city, "h2") == before
    assert int(city.ssh(1, "findmnt -bno SIZE /srv/recordings")) > 64 * MEBIBYTE
    assert city.ssh(1, "cat /srv/recordings/segment") == "footage"
    addresses = city.ssh(2, "ip -br address show eth0")
    assert "10.78.1.7/32" in addresses
    assert "10.78.1.5/32" not in addresses


def test_a_volume_never_shrinks(small: SmallCity) -> None:
    """Neither by an update nor when a new deployment finds an old one's; the other hosts are not held up."""
    grown = plan_of(host(1, volume_bytes=96 * MEBIBYTE))
    small.up(grown)
    with pytest.raises(RuntimeError, match="cannot shrink"):
        small.up()
    assert small.down() == []
    with pytest.raises(RuntimeError, match="cannot shrink"):
        small.up()
    assert conditions(USUAL, small.state) == {"h1": "absent", "h2": "running", "h3": "running"}
    assert small.down(purge=True) == []
    small.prepare()


def test_the_forward_leads_to_the_host_and_outlives_its_maker(small: SmallCity) -> None:
    """Made by a process that has ended; found by the next `up`; the first service on its port stays itself."""
    with small.start_up() as child:
        out, _ = child.communicate(timeout=120)
    assert child.returncode == 0, out
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", SSH_FORWARD.listen_port), timeout=5) as connection:
            assert connection.recv(8).startswith(b"SSH-2.0-")
    assert small.up().changes == {}


def test_a_forward_whose_port_is_taken_says_so(small: SmallCity) -> None:
    small.down()
    with socket.create_server(("127.0.0.1", SSH_FORWARD.listen_port)):
        with pytest.raises(RuntimeError, match=r"forward ssh: cannot listen on 127\.0\.0\.1:19122"):
            small.up()
        assert all_running(small)
    small.up()


def test_there_is_no_way_out(city: SmallCity) -> None:
    """No route leads out of a host, and the lab's own namespace has the bridge and its ports for links, nothing else."""
    assert city.ssh(1, "ip route show default; ip route get 192.0.2.1 2>&1 || true").endswith("unreachable")
    shown = subprocess.run(
        ["ip", "-n", city.lab.namespace, "-o", "link"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {line.split(": ")[1].split("@")[0] for line in shown} == {"lo", "lab0", "p-h1", "p-h2", "p-h3"}


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_up_recovers_from_an_up_that_was_cut_short(small: SmallCity, moment: float, sent: signal.Signals) -> None:
    recover_from_cut(small, moment, sent)


@pytest.mark.parametrize("moment", [2.4, 3.2])
def test_down_removes_what_a_killed_up_left(small: SmallCity, moment: float) -> None:
    """Also what Pulumi never heard of."""
    assert small.down() == []
    with small.start_up() as child:
        time.sleep(moment)
        child.kill()
        child.communicate(timeout=60)
    assert small.down() == []


def test_down_leaves_nothing_but_the_state_folder(city: SmallCity) -> None:
    """No process, namespace, control group, mount, loop device; the recordings stay until purged."""
    assert leftovers(city.lab), "the search finds a running lab, so an empty answer afterwards means something"
    assert city.down() == []
    assert leftovers(city.lab) == []
    assert (city.lab.volume("h1", "recordings") / "image").exists()
    city.up()
    assert city.down(purge=True) == []
    assert not city.state.folder.exists()
    city.prepare()
