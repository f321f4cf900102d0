"""The lab as ``vigie up``, ``down`` and ``status`` deal with it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override

from infra.components.environment import Bundle, Cleared, Environment, StoredTarget
from infra.lab import host as lab_host
from infra.lab.layout import Lab, namespace_path
from infra.lab.sweep import sweep
from infra.lab.target import LabTarget
from vigie.plan.model import Host, Plan
from vigie.state import State

LOOKS_AT_ONCE: Final = 16


@dataclass(frozen=True)
class LabEnvironment(Environment):
    """Hosts in network namespaces of this machine."""

    @override
    def target(self, plan: Plan, state: State, bundle: Bundle) -> LabTarget:
        layers = {host.layer for host in plan.deployed_hosts}
        return LabTarget(
            Lab(plan.city, state.folder.resolve()),
            {layer: tuple(map(str, bundle.layers.lower(layer))) for layer in layers},
            state.ssh_key.with_suffix(".pub").read_text(encoding="utf-8").strip(),
        )

    @override
    def load(self, settings: str, state: State) -> LabTarget:
        target = LabTarget.parse(json.loads(settings))
        return replace(target, lab=replace(target.lab, directory=state.folder.resolve()))

    @override
    def reach(self, plan: Plan) -> list[str]:
        return ["nsenter", f"--net={namespace_path(plan.city)}", "--"]

    @override
    def namespace(self, plan: Plan) -> str:
        return namespace_path(plan.city).name

    @override
    def is_up(self, plan: Plan, state: State) -> bool:
        return namespace_path(plan.city).exists()

    @override
    def conditions(self, plan: Plan, state: State) -> dict[str, str]:
        lab = Lab(plan.city, state.folder.resolve())

        def look(host: Host) -> str:
            spec = lab_host.HostSpec(host.name, host.address, host.prefix_length, (), "", host.extra_addresses)
            return lab_host.condition(lab, spec)

        hosts = plan.deployed_hosts
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            return dict(zip((host.name for host in hosts), pool.map(look, hosts), strict=True))

    @override
    def clear(self, target: StoredTarget | None, state: State) -> Cleared:
        lab = target.lab if isinstance(target, LabTarget) else Lab(state.folder.name, state.folder.resolve())
        return Cleared(left=sweep(lab))


ENVIRONMENT: Final = LabEnvironment()
