"""``vigie upgrade``: a running city moves to this Vigie, a few hosts at a time, in an order that keeps recordings going."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from vigie.plan import Plan
from vigie.plan.model import Tier

if TYPE_CHECKING:
    from vigie.cli.deploy import Deployment

#: Tiers in the order of an upgrade. Recorders first, spares before all: a spare must be able to take over from the first
#: recorder that is touched. What watches comes after what it watches, so that it sees the whole upgrade but its own end.
TIERS: Final[tuple[Tier, ...]] = ("recorder", "streaming", "analytics", "witness", "central", "noc", "lab_encoder")
_RECORDER: Final = "recorder@"
_OWN: Final = "vigie-"


@dataclass(frozen=True, slots=True)
class Step:
    """Hosts that are upgraded together, and what they are: one recorder of a group at most, one host of other tiers."""

    stage: str
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the upgrade means for one host.

    ``changed`` are the parts that differ; ``anew`` says that the machine itself is made again; ``restarts`` are units that
    will restart, ``may_restart`` those that will if a file of theirs comes out different. ``cameras`` are those that its
    recorder units record.
    """

    host: str
    changed: tuple[str, ...]
    anew: bool
    restarts: tuple[str, ...]
    may_restart: tuple[str, ...]
    cameras: int

    @property
    def pending(self) -> bool:
        return bool(self.changed)

    @property
    def interrupts(self) -> str:
        """Whether recording on this host is interrupted: ``yes``, ``maybe`` or ``no``."""
        if not self.cameras or not self.pending:
            return "no"
        if self.anew or any(unit.startswith(_RECORDER) for unit in self.restarts):
            return "yes"
        return "maybe" if any(unit.startswith(_RECORDER) for unit in self.may_restart) else "no"


@dataclass
class Upgrade:
    """How far an upgrade came. ``left`` are hosts not touched; ``failed`` is the step that ended red, if any."""

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    failed: Step | None = None
    deployment: Deployment | None = None


def steps(plan: Plan, at_once: int = 1) -> list[Step]:
    """Every deployed host of ``plan`` exactly once, in the order of an upgrade.

    Spare recorders come first; then one recorder of each group, then the next of each, never two of a group together;
    then each other tier, its last host first: the first central is the one that leads after an undisturbed start. At most
    ``at_once`` (≥ 1) hosts, all of one stage, make a step; no two centrals or monitoring hosts ever do.
    """
    active = {identity.host for identity in plan.identities if identity.cameras}
    hosts = {tier: [host.name for host in plan.deployed_hosts if host.tier == tier] for tier in TIERS}
    spares = [host for host in hosts["recorder"] if host not in active]
    found = _batches("spare recorders", spares, at_once)
    for number, round_ in enumerate(_rounds(plan, active), 1):
        found += _batches(f"recorders, round {number}", round_, at_once)
    for tier in TIERS[1:]:
        together = 1 if tier in {"witness", "central", "noc"} else at_once
        found += _batches(tier.replace("_", " "), hosts[tier][::-1], together)
    return found


def _rounds(plan: Plan, active: Collection[str]) -> list[list[str]]:
    """Recorders that record, the first of each group, then the second of each, and so on."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    deployed = {host.name for host in plan.deployed_hosts}
    for identity in plan.identities:
        if identity.host in active and identity.host in deployed and identity.host not in groups[identity.group]:
            groups[identity.group].append(identity.host)
    return [[host for host in round_ if host is not None] for round_ in zip_longest(*groups.values())]


def _batches(stage: str, hosts: Sequence[str], at_once: int) -> list[Step]:
    return [Step(stage, tuple(hosts[start : start + at_once])) for start in range(0, len(hosts), at_once)]


def outlook(
    plan: Plan,
    before: Mapping[str, Mapping[str, str]],
    after: Mapping[str, Mapping[str, str]],
    units: Mapping[str, Any],
) -> dict[str, Outlook]:
    """What changes on each host of ``plan``, from the parts of its fingerprint ``before`` and ``after``.

    ``units`` are those of each host's manifest: name -> {"active": bool, …}. A host of which no parts are known, because a
    Vigie that kept none deployed it, counts as changed in every part.
    """
    found = {}
    for host in plan.deployed_hosts:
        known, wanted = before.get(host.name, {}), after[host.name]
        changed = tuple(sorted(part for part, digest in wanted.items() if known.get(part) != digest))
        running = sorted(unit for unit, said in units.get(host.name, {}).items() if said.get("active"))
        sure = {unit for part in changed for unit in running if known and _restarts(part, unit)}
        maybe = set(running) - sure if set(changed) - _SURE else set()
        cameras = sum(len(identity.cameras) for identity in plan.identities if identity.host == host.name)
        anew = bool(known) and "layers" in changed
        found[host.name] = Outlook(host.name, changed, anew, tuple(sorted(sure)), tuple(sorted(maybe)), cameras)
    return found


#: Parts whose change restarts exactly what ``_restarts`` says; any other may reach every unit of the host.
_SURE: Final = frozenset({"vigie", "vigie_wheel", "vigie_binaries", "vigie_clips", "rules"})


def _restarts(part: str, unit: str) -> bool:
    """Whether ``unit`` runs what ``part`` is (roles' ``restart_on``); Prometheus reads new rules without a restart."""
    if part == "vigie_wheel":
        return unit.startswith(_OWN)
    if part == "vigie_binaries":
        return unit.startswith(_RECORDER)
    return part == "vigie_clips" and unit.startswith(f"{_OWN}lab-encoder")


def run(
    todo: Sequence[Step],
    deploy: Callable[[Collection[str]], Deployment],
    settle: Callable[[], None],
    say: Callable[[Step, int], None],
) -> Upgrade:
    """Deploy step after step; stop at the first that is not good.

    The checks of a recorder say that each of its cameras is connected and being written: only then comes the next. Hosts
    that were configured without failure and are red are given time to ``settle``, once, and are deployed again.
    """
    result = Upgrade(left=[host for step in todo for host in step.hosts])
    for number, step in enumerate(todo, 1):
        say(step, number)
        result.deployment = deploy(step.hosts)
        if not result.deployment.good and result.deployment.configured:
            settle()
            result.deployment = deploy(step.hosts)
        if not result.deployment.good:
            result.failed = step
            return result
        result.done += step.hosts
        result.left = [host for host in result.left if host not in step.hosts]
    return result


def pending(all_steps: Sequence[Step], looks: Mapping[str, Outlook], canary: int) -> list[Step]:
    """The steps with only the hosts that are not yet what this Vigie makes them; ``canary`` > 0 keeps so many hosts."""
    kept, count = [], 0
    for step in all_steps:
        hosts = tuple(host for host in step.hosts if looks[host].pending)
        if canary:
            hosts = hosts[: canary - count]
        if hosts:
            kept.append(Step(step.stage, hosts))
            count += len(hosts)
    return kept


def moves(old: Plan, new: Plan) -> list[str]:
    """What the new plan would change beyond how hosts are configured: an upgrade does none of it, ``vigie up`` does."""
    found = []
    before, after = ({host.name: host for host in plan.deployed_hosts} for plan in (old, new))
    found += [f"host {name} is new" for name in sorted(after.keys() - before.keys())]
    found += [f"host {name} is gone" for name in sorted(before.keys() - after.keys())]
    same = sorted(before.keys() & after.keys())
    found += [
        f"host {name} moves to {after[name].address}" for name in same if before[name].address != after[name].address
    ]
    held = {camera.id: camera.identities for camera in old.deployed_cameras}
    for camera in new.deployed_cameras:
        if held.pop(camera.id, ()) != camera.identities:
            found.append(f"camera {camera.id} is recorded by {', '.join(camera.identities)}")
    return found + [f"camera {camera} is gone" for camera in sorted(held)]
