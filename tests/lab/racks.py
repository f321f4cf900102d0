"""Two lab hosts that play racked machines, and a city on them: the metal target knows nothing of the lab below.

Commands that must stand in the machines' network run in its namespace, where the bridge holds the control address:
``python -m tests.lab.racks up|down``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from infra.automation import InfrastructureError, InfrastructureEvent, conditions, down, up
from infra.bundle import Bundle, build
from infra.components.environment import Layers
from infra.lab import host as lab_host
from infra.lab import network, volume
from infra.lab.layout import Lab, namespace_path
from infra.lab.sweep import sweep
from tests.lab.small_city import plan_of
from vigie.plan.document import dump_plan, load_plan, sealed
from vigie.plan.model import FirewallRule, Hardware, Host, Login, Network, Plan, Volume
from vigie.state import State, cache_home

RACKS: Final = "racks"
CITY: Final = "metal-test"
ROOT: Final = Path(__file__).parents[2]
CONTROL: Final = "10.79.0.1"
MEBIBYTE: Final = 1024 * 1024
RECORDINGS: Final = Volume("recordings", 64 * MEBIBYTE, "/srv/recordings")
NODE_EXPORTER: Final = FirewallRule("input", "tcp", 9100, (CONTROL,), "scrape node")
# What logging in leaves on every machine, whoever does it.
LOGIN_TRACES: Final = ("var/log", "var/lib/lastlog", "var/lib/wtmpdb", "var/lib/systemd/timesync")


@dataclass
class Racks:
    """The machines ``m1`` (with a volume) and ``m2``, and the state folder of the city that adopts them."""

    lab: Lab
    state: State
    bundle: Bundle
    keys: dict[str, str]
    footage: Path

    @classmethod
    def build(cls) -> Racks:
        """Boot the machines, as if somebody had installed them by hand with this city's key authorised."""
        bundle = build(ROOT, cache_home(), lambda _: None)
        assert bundle is not None
        lab, state = Lab(RACKS, State.of(RACKS).folder.resolve()), State.of(CITY)
        lab.directory.mkdir(parents=True, exist_ok=True)
        state.prepare()
        if not state.ssh_key.exists():
            argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(state.ssh_key)]
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
        sweep(lab)
        network.create(lab, network.NetworkSpec(CONTROL, 16))
        public = state.ssh_key.with_suffix(".pub").read_text(encoding="utf-8")
        layers = tuple(map(str, bundle.layers.lower("bare")))
        footage = volume.create(lab, volume.VolumeSpec("m1", "recordings", RECORDINGS.size_bytes))
        keys = {}
        for number in (1, 2):
            mounts = (lab_host.MountSpec(str(footage), RECORDINGS.mount),) if number == 1 else ()
            spec = lab_host.HostSpec(f"m{number}", f"10.79.0.{10 + number}", 16, layers, public, (), mounts)
            keys[spec.name] = lab_host.create(lab, spec)
        return cls(lab, state, bundle, keys, footage)

    def tear_down(self) -> list[str]:
        """Take the machines and both state folders away; what is left of them."""
        left = sweep(self.lab)
        if not left:  # else a mount may still lead out of the folder
            shutil.rmtree(self.lab.directory)
            shutil.rmtree(self.state.folder)
        return left

    def host(self, number: int, *, volumes: tuple[Volume, ...] = (), **hardware: int) -> Host:
        """The host of the plan that machine ``m<number>`` is to become."""
        address = f"10.79.0.{10 + number}"
        machine = Login(address, host_key=self.keys[f"m{number}"])
        return Host(
            f"h{number}", "recorder", address, 16, (), "bare", (), volumes, (NODE_EXPORTER,),
            hardware=Hardware(**hardware), machine=machine,
        )  # fmt: skip

    def plan(self, *hosts: Host) -> Plan:
        """A plan of these hosts for racked machines."""
        settled = Network("10.79.0.0/16", "10.79.0.0/24", CONTROL)
        return sealed(replace(plan_of(*hosts, forwards=()), city=CITY, target="metal", network=settled))

    def up(self, plan: Plan) -> dict[str, Any]:
        """``up`` from within the machines' network: what changed, or what was refused."""
        self.state.plan.write_text(dump_plan(plan), encoding="utf-8")
        return self._inside("up")

    def down(self) -> dict[str, Any]:
        return self._inside("down")

    def _inside(self, command: str) -> dict[str, Any]:
        argv = ["nsenter", f"--net={namespace_path(RACKS)}", sys.executable, "-m", "tests.lab.racks", command]
        argv.append(str(self.bundle.pulumi))
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def root(self, machine: str) -> Path:
        """The merged root of a machine."""
        return lab_host.root(self.lab, machine)

    def shell(self, machine: str, command: str) -> str:
        """What a command prints that its owner runs on the machine as root."""
        address = f"10.79.0.{10 + int(machine[1:])}"
        argv = ["nsenter", f"--net={namespace_path(RACKS)}", "ssh", "-F", "none", "-i", str(self.state.ssh_key)]
        argv += ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
        done = subprocess.run(
            [*argv, f"vigie@{address}", f"sudo {command}"], capture_output=True, text=True, timeout=30, check=True
        )
        return done.stdout.strip()

    def running(self, machine: str) -> bool:
        number = int(machine[1:])
        spec = lab_host.HostSpec(machine, f"10.79.0.{10 + number}", 16, (), "")
        return lab_host.condition(self.lab, spec) == "running"

    def files(self) -> dict[str, tuple[int, int, int, str]]:
        """Every file that the machines changed since their layer, and every file of the volume: mode, owner, content."""
        found = {}
        for top in (self.lab.host("m1") / "upper", self.lab.host("m2") / "upper", self.footage):
            for path in sorted(top.rglob("*")):
                if str(path.relative_to(top)).startswith(LOGIN_TRACES):
                    continue
                status = path.lstat()
                content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else os.fspath(path.name)
                found[str(path)] = (status.st_mode, status.st_uid, status.st_gid, content)
        return found


def _show(event: InfrastructureEvent) -> None:
    if event.loud:
        print(event.kind, event.name, event.operation, event.status, event.message, file=sys.stderr)


@dataclass
class PulumiOnly:
    """All that metal needs of a bundle to adopt: its machines come with a system of their own."""

    pulumi: Path

    @property
    def layers(self) -> Layers:
        raise AssertionError("racked machines are made of no layer")


def main(command: str, pulumi: Path) -> dict[str, Any]:
    """Run ``up`` or ``down`` of the city, here."""
    state = State.of(CITY)
    said: list[str] = []

    def on_event(event: InfrastructureEvent) -> None:
        _show(event)
        said.append(event.message)

    with state.locked():
        if command == "down":
            return {"left": down(state, False, on_event), "said": said}
        plan = load_plan(state.plan)
        try:
            outcome = up(plan, state, PulumiOnly(pulumi), on_event)
        except InfrastructureError as error:
            return {"refused": str(error)}
        made = {name: host.ssh_host_key for name, host in outcome.hosts.items()}
        return {"changes": outcome.changes, "keys": made, "conditions": conditions(plan, state), "said": said}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
