"""A host of the lab: an overlay over the bundle's layers, booted by systemd-nspawn in a network namespace of its own.

Its condition is always read from the world (control group, link, SSH greeting), never from a note of what was done.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from infra.lab import cgroups, mounts, namespaces
from infra.lab import seed as seeding
from infra.lab.commands import locked, read_record, run, wait_until, write_record
from infra.lab.errors import LabError
from infra.lab.launch import launch
from infra.lab.layout import BRIDGE, HOST_LINK, Lab, bridge_port, hardware_address
from vigie.plan.constants import SSH_PORT

Condition = Literal["absent", "stopped", "cut_off", "unreachable", "running"]
Report = Callable[[str], None]

BOOT_TIMEOUT_SECONDS: Final = 90.0
STOP_TIMEOUT_SECONDS: Final = 20.0
GREETING_TIMEOUT_SECONDS: Final = 1.0
_POWER_OFF: Final = signal.SIGRTMIN + 4  # systemd(1), as process 1: start poweroff.target
_TAIL_BYTES: Final = 2000


@dataclass(frozen=True, slots=True)
class MountSpec:
    """A folder of the machine (a mounted volume) that appears in the host at ``mount``."""

    source: str
    mount: str


@dataclass(frozen=True, slots=True)
class HostSpec:
    """A host. ``layers`` are folders of the machine, topmost first; ``extra_addresses`` answer beside ``address``."""

    name: str
    address: str
    prefix_length: int
    layers: tuple[str, ...]
    authorized_key: str
    extra_addresses: tuple[str, ...] = ()
    mounts: tuple[MountSpec, ...] = ()

    @property
    def addresses(self) -> dict[str, int]:
        """Every address of the host with its prefix length; extra ones are host routes, so that one stays the source."""
        return {self.address: self.prefix_length} | dict.fromkeys(self.extra_addresses, 32)


def root(lab: Lab, host: str) -> Path:
    """The merged root of the host, as the machine sees it."""
    return lab.host(host) / "root"


def console(lab: Lab, host: str) -> Path:
    """What the host printed while booting."""
    return lab.host(host) / "console.log"


def _record(lab: Lab, host: str) -> Path:
    return lab.host(host) / "host.json"


def condition(lab: Lab, spec: HostSpec, timeout: float = GREETING_TIMEOUT_SECONDS) -> Condition:
    """The host as it is.

    ``absent``: never completed, or destroyed; ``stopped``: no process; ``cut_off``: its cable is down or an address of
    its is gone; ``unreachable``: no SSH greeting within ``timeout`` seconds; else ``running``.
    """
    if read_record(_record(lab, spec.name)) is None:
        return "absent"
    if not cgroups.populated(lab.host_group(spec.name)):
        return "stopped"
    if not _connected(lab, spec):
        return "cut_off"
    if not namespaces.ssh_answers(lab.namespace, spec.address, SSH_PORT, timeout):
        return "unreachable"
    return "running"


def _connected(lab: Lab, spec: HostSpec) -> bool:
    port = namespaces.addresses(lab.namespace, bridge_port(spec.name))
    link = namespaces.addresses(lab.host_namespace(spec.name), HOST_LINK)
    if port is None or link is None or "UP" not in port["flags"] or "UP" not in link["flags"]:
        return False
    held = {entry["local"] for entry in link["addr_info"]}
    return port.get("master") == BRIDGE and held >= spec.addresses.keys()


def create(lab: Lab, spec: HostSpec, report: Report = lambda _: None) -> str:
    """Make and boot the host and return its public SSH host key.

    A host that a killed run completed from the same spec is adopted; anything else that it left is cleared.
    Raises ``LabError``.
    """
    with locked(lab.lock("host", spec.name)):
        if read_record(_record(lab, spec.name)) == _described(spec) and condition(lab, spec) == "running":
            report("adopted: it runs as planned")
            return seeding.host_key(root(lab, spec.name))
        _clear(lab, spec.name)
        try:
            _mount_root(lab, spec)
            seeding.seed(root(lab, spec.name), lab.machine(spec.name), spec.name, spec.authorized_key)
            _boot(lab, spec, report)
        except LabError:
            _clear(lab, spec.name)
            raise
        write_record(_record(lab, spec.name), _described(spec))
        return seeding.host_key(root(lab, spec.name))


def start(lab: Lab, spec: HostSpec, report: Report = lambda _: None) -> str:
    """Bring a host that exists to ``running`` with its disk kept: plug it in, or power it on. Raises ``LabError``."""
    with locked(lab.lock("host", spec.name)):
        if read_record(_record(lab, spec.name)) is None:
            raise LabError(f"host {spec.name} does not exist: create it")
        wire(lab, spec)
        if condition(lab, spec) != "running":
            report("powering on")
            halt(lab, spec.name)
            _mount_root(lab, spec)
            seeding.authorize(root(lab, spec.name), spec.authorized_key)
            _boot(lab, spec, report)
        else:
            seeding.authorize(root(lab, spec.name), spec.authorized_key)
        write_record(_record(lab, spec.name), _described(spec))
        return seeding.host_key(root(lab, spec.name))


def _described(spec: HostSpec) -> dict[str, object]:
    described = asdict(spec)
    for name in ("layers", "extra_addresses", "mounts"):
        described[name] = list(described[name])  # as JSON gives it back
    return described


def _mount_root(lab: Lab, spec: HostSpec) -> None:
    folder = lab.host(spec.name)
    for name in ("upper", "work", "root"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for layer in spec.layers:
        if not Path(layer).is_dir():
            raise LabError(f"host {spec.name}: layer {layer} does not exist: run `vigie bundle`")
    if mounts.at(folder / "root") is None:
        options = f"lowerdir={':'.join(spec.layers)},upperdir={folder / 'upper'},workdir={folder / 'work'}"
        run(["mount", "--types", "overlay", lab.machine(spec.name), "--options", options, str(folder / "root")])


def wire(lab: Lab, spec: HostSpec) -> None:
    """Give the host its namespace, its cable to the bridge and its addresses, and plug the cable in."""
    name, port = lab.host_namespace(spec.name), bridge_port(spec.name)
    namespaces.create(name)
    ends = namespaces.addresses(lab.namespace, port), namespaces.addresses(name, HOST_LINK)
    if None in ends:
        namespaces.links(lab.namespace, [f"link delete {port}"], force=True)
        mac = hardware_address(spec.address)
        namespaces.links(lab.namespace, [f"link add {port} type veth peer name {HOST_LINK} netns {name} address {mac}"])
    namespaces.links(name, [f"link set {HOST_LINK} up"])
    wanted = spec.addresses
    namespaces.links(
        name, [f"address replace {address}/{length} dev {HOST_LINK}" for address, length in wanted.items()]
    )
    previous = read_record(_record(lab, spec.name)) or {}
    # Only what an earlier plan gave is taken away: a host may carry virtual addresses of its own (VRRP).
    stale = set(previous.get("extra_addresses", [])) - wanted.keys()
    namespaces.links(name, [f"address delete {address}/32 dev {HOST_LINK}" for address in sorted(stale)], force=True)
    namespaces.links(lab.namespace, [f"link set {port} master {BRIDGE} up"])


def _nspawn(lab: Lab, spec: HostSpec) -> list[str]:
    return [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        f"--directory={root(lab, spec.name)}",
        f"--machine={lab.machine(spec.name)}",
        f"--hostname={spec.name}",
        f"--network-namespace-path={namespaces.path(lab.host_namespace(spec.name))}",
        "--capability=CAP_NET_ADMIN",  # else keepalived becomes MASTER without ever adding its address
        "--register=no",
        "--keep-unit",
        "--resolv-conf=off",
        "--link-journal=no",
        "--timezone=off",
        "--console=pipe",
        *(f"--bind={mount.source}:{mount.mount}" for mount in spec.mounts),
    ]


def _boot(lab: Lab, spec: HostSpec, report: Report) -> None:
    began = time.monotonic()
    for mount in spec.mounts:
        if mounts.at(Path(mount.source)) is None:
            raise LabError(f"host {spec.name}: volume {mount.source} is not mounted")
    wire(lab, spec)
    # The variable lets roles set the network's sysctls in the host's own namespace.
    environment = {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
    launch(lab.host_group(spec.name), _nspawn(lab, spec), console(lab, spec.name), environment)
    report("booting")
    _await_greeting(lab, spec)
    report(f"ssh answers on {spec.address} after {time.monotonic() - began:.1f} s")


def _await_greeting(lab: Lab, spec: HostSpec) -> None:
    def alive() -> bool:
        return cgroups.populated(lab.host_group(spec.name))

    def settled() -> bool:
        greets = namespaces.ssh_answers(lab.namespace, spec.address, SSH_PORT, GREETING_TIMEOUT_SECONDS)
        return not alive() or (greets and _admits_users(lab, spec.name))

    settled_in_time = wait_until(settled, BOOT_TIMEOUT_SECONDS, 0.1)
    if not settled_in_time or not alive():
        what = f"admits nobody by SSH within {BOOT_TIMEOUT_SECONDS:.0f} s" if alive() else "ended while booting"
        raise LabError(f"host {spec.name} {what}; its console says:\n{_tail(console(lab, spec.name))}")


def _init(lab: Lab, host: str) -> int | None:
    """The host's process 1, as the machine numbers it."""
    return next((pid for pid in cgroups.processes(lab.host_group(host)) if _is_init(pid)), None)


def _admits_users(lab: Lab, host: str) -> bool:
    """Whether logins are open: sshd greets earlier than pam_nologin(8) lets anyone but root in."""
    init = _init(lab, host)
    return init is not None and not Path(f"/proc/{init}/root/run/nologin").exists()


def _tail(path: Path) -> str:
    with suppress(FileNotFoundError):
        return path.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace").strip()
    return "(nothing)"


def halt(lab: Lab, host: str) -> None:
    """End every process of the host at once, as a power cut does; its disk and cable stay."""
    # A group that was killed once must not be booted in again: Linux counts kills per group, and 6.18 kills whatever
    # is cloned from a group with one count into a group with another, as systemd does for every service.
    cgroups.kill(lab.host_group(host))
    cgroups.remove(lab.host_group(host))


def stop(lab: Lab, host: str) -> None:
    """Shut the host down in order; what has not ended after ``STOP_TIMEOUT_SECONDS`` is killed."""
    group = lab.host_group(host)
    if init := _init(lab, host):
        with suppress(ProcessLookupError):
            os.kill(init, _POWER_OFF)
    wait_until(lambda: not cgroups.populated(group), STOP_TIMEOUT_SECONDS)
    halt(lab, host)


def _is_init(pid: int) -> bool:
    """Whether the process is the first of a PID namespace below ours: ``NSpid: 4711 1``, proc_pid_status(5)."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("NSpid:"):
                return line.split()[2:] == ["1"]
    return False


def destroy(lab: Lab, host: str) -> None:
    """Remove the host and everything of it but its volumes."""
    if lab.base.is_dir():
        with locked(lab.lock("host", host)):
            _clear(lab, host)


def _clear(lab: Lab, host: str) -> None:
    _record(lab, host).unlink(missing_ok=True)
    halt(lab, host)
    mounts.unmount(lab.host(host))
    if namespaces.exists(lab.namespace):
        # The cable first: a namespace that is deleted lets go of its links only some time later.
        namespaces.links(lab.namespace, [f"link delete {bridge_port(host)}"], force=True)
    namespaces.delete(lab.host_namespace(host))
    if lab.host(host).exists():
        shutil.rmtree(lab.host(host))
    for trace in ("propagate", "unix-export"):  # left in /run by a systemd-nspawn that was killed
        shutil.rmtree(Path("/run/systemd/nspawn") / trace / lab.machine(host), ignore_errors=True)


def public_key(lab: Lab, host: str) -> str:
    """The public SSH host key of a host, powered on or not; empty when it has none."""
    return seeding.host_key(root(lab, host)) or seeding.host_key(lab.host(host) / "upper")
