"""``vigie up``: from a plan to hosts that are what the plan says, and proof of it."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vigie.cli.fingerprint import fingerprints, parts, tree_digest
from vigie.cli.inspection import known_name
from vigie.cli.playbook import PLAYBOOKS, PlaybookRun, run_playbook
from vigie.cli.progress import Progress
from vigie.cli.secrets import ensure_secrets, read_secrets
from vigie.cli.verification import ROOT, Verification, verify
from vigie.pki import CityCA
from vigie.plan import Plan, dump_plan
from vigie.plan.constants import BUNDLE_PORT
from vigie.plan.document import canonical_json
from vigie.plan.model import CONTROL
from vigie.state import State, cache_home, history, read_json, write_json, write_private

if TYPE_CHECKING:
    from infra.automation import HostOutput
    from infra.bundle import Bundle

RULES_FILE: Final = "rules.yml"


@dataclass
class Deployment:
    """What ``up`` did. ``verification`` covers every host it was asked for, skipped ones included."""

    plan: Plan
    infrastructure_changes: dict[str, int]
    skipped: set[str]
    playbook: PlaybookRun | None
    verification: Verification
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def configured(self) -> bool:
        """Every host that had to be was configured without failure."""
        return self.playbook is None or (self.playbook.exit_code == 0 and not self.playbook.failures)

    @property
    def good(self) -> bool:
        """Every host configured without failure and verified green."""
        return self.configured and not self.verification.red

    def as_json(self) -> dict[str, Any]:
        """For ``--json``: stable keys, plain values."""
        playbook = self.playbook
        return {
            "city": self.plan.city,
            "plan": self.plan.digest,
            "good": self.good,
            "infrastructure_changes": self.infrastructure_changes,
            "skipped": sorted(self.skipped),
            "configured": sorted(playbook.hosts) if playbook else [],
            "changed": {host: playbook.changed.get(host, []) for host in sorted(playbook.hosts)} if playbook else {},
            "failures": playbook.failures if playbook else {},
            "verified": sorted(self.verification.green),
            "not_verified": {host: self.verification.failures.get(host, []) for host in sorted(self.verification.red)},
            "stages_seconds": {name: round(seconds, 1) for name, seconds in self.stages.items()},
        }


def deploy(
    plan: Plan, state: State, *, limit: Collection[str], full: bool, progress: Progress, apart: bool = False
) -> Deployment:
    """Make the world what ``plan`` says. Holds the city's lock; safe to interrupt and to repeat.

    With ``apart`` not even the machines of hosts outside ``limit`` are touched: all must exist.
    """
    from infra.automation import reach, up

    chosen = set(limit) or {host.name for host in plan.deployed_hosts}
    with progress.stage("prepare"):
        authority = _prepare(plan, state)
    with progress.stage("bundle"):
        bundle = build_bundle(progress)
    with progress.stage("hosts"):
        result = up(
            plan,
            state,
            bundle,
            lambda event: progress.step(event.name, event.message, loud=event.loud),
            only=sorted(chosen) if apart else (),
        )
        _write_known_hosts(plan, state, result.hosts)
    prefix = reach(plan, state)
    write_json(state.variables, _variables(state, bundle))
    keys = {name: host.ssh_host_key for name, host in result.hosts.items()}
    shared = shared_inputs(state, bundle)
    wanted = fingerprints(plan, keys, shared.values())
    with progress.stage("check"):
        unchanged = set() if full else {host for host in chosen if _deployed(state).get(host) == wanted[host]}
        checked = verify(state, prefix, unchanged, progress)
    todo = chosen - checked.green
    playbook = None
    if todo:
        with progress.stage("configure"), _serving(plan, bundle, authority, state):
            _forget(state, todo)
            playbook = run_playbook(state, prefix, todo, progress)
    with progress.stage("verify"):
        verification = verify(state, prefix, todo - set(playbook.failures if playbook else ()), progress)
    _remember(state, {host: wanted[host] for host in verification.green})
    made = parts(plan, keys, shared, bundle.layers.lower)
    write_json(state.parts, read_json(state.parts, {}) | {host: made[host] for host in verification.green})
    verification.passed |= {host: checked.passed[host] for host in checked.green}
    verification.hosts = chosen
    return Deployment(plan, result.changes, checked.green, playbook, verification, progress.stages)


def build_bundle(progress: Progress) -> Bundle:
    """Build what is missing of the bundle; quick when nothing is."""
    from infra.bundle import BuildEvent, Stage, build

    words = {Stage.START: "building", Stage.REUSED: "in the cache", Stage.DONE: "built", Stage.FAILED: "failed"}

    def on_event(event: BuildEvent) -> None:
        took = f" in {event.seconds:.0f} s" if event.stage in {Stage.DONE, Stage.FAILED} else ""
        text = f"{words.get(event.stage, '')}{took} {event.message}".strip()
        loud = event.stage not in {Stage.PROGRESS, Stage.REUSED}
        progress.step(event.component, text, style="red" if event.stage is Stage.FAILED else "", loud=loud)

    built = build(ROOT, cache_home(), on_event)
    assert built is not None, "only a partial build has no bundle"
    return built


def _prepare(plan: Plan, state: State) -> CityCA:
    """Fill the state folder with what later stages read."""
    from dashboards.rules import render_rules

    state.prepare()
    authority = CityCA.open(state.ca, plan.city)
    ensure_secrets(state)
    if not state.ssh_key.exists():
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"vigie {plan.city}", "-f", str(state.ssh_key)],
            check=True,
            stdin=subprocess.DEVNULL,
        )
    write_private(state.rendered / RULES_FILE, render_rules())
    dumped = dump_plan(plan)
    write_private(state.plan, dumped)
    history.remember(state, plan.digest, dumped)
    return authority


def _write_known_hosts(plan: Plan, state: State, hosts: dict[str, HostOutput]) -> None:
    lines = [f"{known_name(host.login)} {hosts[host.name].ssh_host_key}\n" for host in plan.deployed_hosts]
    write_private(state.known_hosts, "".join(lines))


def _variables(state: State, bundle: Bundle) -> dict[str, Any]:
    """Extra variables of every play, beside those that the inventory reads from the plan."""
    return {
        "vigie_state": str(state.folder),
        "vigie_ca_file": str(state.ca / "ca.pem"),
        "vigie_rules_file": str(state.rendered / RULES_FILE),
        **bundle_variables(bundle),
    }


def bundle_variables(bundle: Bundle) -> dict[str, Any]:
    """What roles must know of the bundle: names and checksums of what they install beside Debian packages."""
    entries = bundle.entries()
    (wheel,) = [entry for entry in entries if entry.name == "vigie" and entry.path.endswith(".whl")]
    return {
        "vigie_wheel": {
            "name": Path(wheel.path).name,
            "digest": bundle.wheelhouse_digest,
            "requirements": "requirements.txt",
        },
        "vigie_binaries": {
            entry.name: {"sha256": entry.sha256, "path": entry.path}
            for entry in entries
            if entry.path.startswith("/bin/")
        },
        "vigie_clips": [
            {"name": Path(entry.path).name, "sha256": entry.sha256}
            for entry in entries
            if entry.path.startswith("/clips/")
        ],
    }


def shared_inputs(state: State, bundle: Bundle) -> dict[str, Any]:
    """What every host's fingerprint covers beside its slice of the plan, by name, as this Vigie deploys it."""
    from dashboards.rules import render_rules

    return {
        "roles": tree_digest(PLAYBOOKS),
        "variables": _variables(state, bundle),
        "secrets": hashlib.sha256(canonical_json(read_secrets(state))).hexdigest(),
        "rules": render_rules(),
        "authority": (state.ca / "ca.pem").read_text(),
    }


@contextmanager
def _serving(plan: Plan, bundle: Bundle, authority: CityCA, state: State) -> Iterator[None]:
    """Serve the bundle on the control node's address for as long as the block runs."""
    from infra.automation import control_namespace
    from infra.bundle.server import serving

    certificate, key = authority.issue(CONTROL, [plan.network.control_address])
    write_private(state.bundle_certificate, certificate.decode())
    write_private(state.bundle_key, key.decode())
    namespace = control_namespace(plan)
    address = plan.network.control_address
    with serving(bundle, namespace, address, BUNDLE_PORT, state.bundle_certificate, state.bundle_key):
        yield


def expected_parts(plan: Plan, state: State, bundle: Bundle) -> dict[str, dict[str, str]]:
    """What each running host's fingerprint would be made of after a deployment of ``plan`` by this Vigie; changes nothing."""
    keys = dict(line.split(" ", 1) for line in state.known_hosts.read_text(encoding="utf-8").splitlines())
    by_name = {host.name: keys.get(host.address, "") for host in plan.deployed_hosts}
    return parts(plan, by_name, shared_inputs(state, bundle), bundle.layers.lower)


def remembered_parts(state: State) -> dict[str, dict[str, str]]:
    """What the fingerprint of each host was made of when it was last deployed and found green; others are left out."""
    finished = _deployed(state)
    known: dict[str, dict[str, str]] = read_json(state.parts, {})
    return {host: made for host, made in known.items() if host in finished}


def _deployed(state: State) -> dict[str, str]:
    found: dict[str, str] = read_json(state.deployed, {})
    return found


def _forget(state: State, hosts: Collection[str]) -> None:
    """Before a host is touched its fingerprint goes: an interrupted run must not leave it looking finished."""
    write_json(state.deployed, {host: print_ for host, print_ in _deployed(state).items() if host not in hosts})


def _remember(state: State, fingerprint_of: dict[str, str]) -> None:
    write_json(state.deployed, _deployed(state) | fingerprint_of)


def demo_credentials(state: State) -> Path:
    """A 0600 file with the login of the pages, so that no password is ever printed."""
    login = read_secrets(state)["web"]
    path = state.folder / "web-login.txt"
    write_private(path, f"user: {login['username']}\npassword: {login['password']}\n")
    return path
