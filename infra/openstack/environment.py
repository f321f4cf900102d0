"""OpenStack as ``vigie up``, ``down`` and ``status`` deal with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from typing_extensions import override

from infra.components.hypervisor import Hypervisor, host_keys
from infra.openstack.settings import FILE
from infra.openstack.target import OpenStackTarget
from vigie.plan.model import Plan
from vigie.state import State


@dataclass(frozen=True)
class OpenStackEnvironment(Hypervisor):
    """Servers of a cloud's project, as the copy of ``openstack.yaml`` in the state folder describes it."""

    @override
    def described(self, plan: Plan, folder: Path, key: str, state: State) -> OpenStackTarget:
        return OpenStackTarget.of(plan, folder, key, host_keys(state))

    def load(self, settings: str, state: State) -> OpenStackTarget:
        """The target that was last deployed, in the state folder as it lies now. Raises ``ValueError``."""
        target = OpenStackTarget.parse(settings)
        return replace(target, context=replace(target.context, keys=host_keys(state)))


ENVIRONMENT: Final = OpenStackEnvironment(FILE)
