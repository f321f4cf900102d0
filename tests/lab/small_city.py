"""A city of a few bare hosts, for tests of the infrastructure alone, and a command that brings it up to be killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from infra.automation import InfrastructureEvent, Outcome, conditions, down, up
from infra.bundle import Bundle, build
from infra.lab import cgroups
from infra.lab.layout import Lab
from vigie.plan.document import dump_plan, sealed
from vigie.plan.model import Capacity, Forward, Host, Monitoring, Network, Plan, RetentionPolicy, Volume
from vigie.state import State, cache_home

CITY = "lab-test"
MEBIBYTE = 1024 * 1024
ROOT = Path(__file__).parents[2]
SSH_FORWARD = Forward("ssh", 19_122, "h1", "10.78.0.11", 22)


def host(number: int, *, volume_bytes: int = 0, extra: tuple[str, ...] = ()) -> Host:
    """Host ``h<number>`` at 10.78.0.<10 + number>, with a volume if it has a size."""
    return Host(
        name=f"h{number}",
        tier="recorder",
        address=f"10.78.0.{10 + number}",
        prefix_length=16,
        extra_addresses=extra,
        layer="bare",
        services=(),
        volumes=(Volume("recordings", volume_bytes, "/srv/recordings"),) if volume_bytes else (),
        firewall=(),
    )


def plan_of(*hosts: Host, forwards: tuple[Forward, ...] = (SSH_FORWARD,)) -> Plan:
    """A plan that holds just ``hosts``."""
    return sealed(
        Plan(
            format=1,
            city=CITY,
            title="Lab test",
            target="lab",
            network=Network("10.78.0.0/16", "10.78.0.0/24", "10.78.0.1"),
            segment_seconds=60,
            retention=RetentionPolicy(14_400, 18_000),
            time_sources=(),
            hosts=hosts,
            identities=(),
            cameras=(),
            lab_devices=(),
            flows=(),
            targets=(),
            forwards=forwards,
            monitoring=Monitoring(15, 5, 15),
            capacity=Capacity((), (), 0, 0, 0),
            digest="",
        )
    )


USUAL = plan_of(host(1, volume_bytes=64 * MEBIBYTE), host(2, extra=("10.78.1.5", "10.78.1.6")), host(3))


@dataclass
class SmallCity:
    """The city's state and bundle, and what tests do with them."""

    state: State
    bundle: Bundle

    @classmethod
    def open(cls) -> SmallCity:
        """Prepare the state folder, with an SSH key, and find or build the bundle.

        The folder is not one of pytest's, which another run of pytest would clear away below the running hosts.
        """
        bundle = build(ROOT, cache_home(), lambda _: None)
        assert bundle is not None
        city = cls(State.of(CITY), bundle)
        city.prepare()
        return city

    def prepare(self) -> None:
        """Make the state folder and the SSH key."""
        self.state.prepare()
        if not self.state.ssh_key.exists():
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.state.ssh_key)]
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)

    @property
    def lab(self) -> Lab:
        return Lab(CITY, self.state.folder)

    def up(self, plan: Plan = USUAL, rebuild: tuple[str, ...] = ()) -> Outcome:
        """``up``, with known_hosts written as the command line does."""
        self.state.plan.write_text(dump_plan(plan), encoding="utf-8")
        with self.state.locked():
            outcome = up(plan, self.state, self.bundle, show, rebuild)
        lines = [f"{made.address} {made.ssh_host_key}\n" for made in outcome.hosts.values()]
        self.state.known_hosts.write_text("".join(lines), encoding="utf-8")
        return outcome

    def down(self, purge: bool = False) -> list[str]:
        with self.state.locked():
            return down(self.state, purge, show)

    def ssh(self, number: int, command: str) -> str:
        """What ``command`` prints on host ``h<number>``, as the administration user, host key checked strictly."""
        options = [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            f"UserKnownHostsFile={self.state.known_hosts}",
            "ConnectTimeout=5",
        ]
        argv = ["nsenter", f"--net=/run/netns/{self.lab.namespace}", "ssh", "-F", "none", "-i", str(self.state.ssh_key)]
        argv += [f"-o{option}" for option in options]
        done = subprocess.run(
            [*argv, f"vigie@10.78.0.{10 + number}", command], capture_output=True, text=True, timeout=30, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def start_up(self) -> subprocess.Popen[str]:
        """``up`` in a process of its own, to be interrupted or killed."""
        argv = [sys.executable, "-m", "tests.lab.small_city"]
        return subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def all_running(city: SmallCity, plan: Plan = USUAL) -> bool:
    """Whether every host of ``plan`` runs, by looking at it."""
    return set(conditions(plan, city.state).values()) == {"running"}


def inits(city: SmallCity, name: str) -> list[int]:
    """The systemd processes that are process 1 of host ``name``."""
    members = cgroups.processes(city.lab.host_group(name))
    statuses = {pid: Path(f"/proc/{pid}/status").read_text(encoding="utf-8") for pid in members}
    return [pid for pid, status in statuses.items() if "\t1\n" in status.split("NSpid:")[1].split("NSpgid")[0]]


def recover_from_cut(city: SmallCity, moment: float, sent: signal.Signals) -> None:
    """Cut an ``up`` short with a signal, ``moment`` seconds into it: the next makes each host run once, and is done."""
    assert city.down() == []
    with city.start_up() as child:
        time.sleep(moment)
        child.send_signal(sent)
        child.communicate(timeout=120)
    city.up()
    assert all_running(city)
    assert [len(inits(city, host.name)) for host in USUAL.hosts] == [1] * len(USUAL.hosts)
    assert city.up().changes == {}


def show(event: InfrastructureEvent) -> None:
    """Print what happened; pytest shows it when a test fails."""
    if event.loud:
        print(event.kind, event.name, event.operation, event.status, event.message, flush=True)


if __name__ == "__main__":
    SmallCity.open().up()
