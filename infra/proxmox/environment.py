"""Proxmox VE as ``vigie up``, ``down`` and ``status`` deal with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from typing_extensions import override

from infra.components.hypervisor import Hypervisor, SettingsError, host_keys
from infra.proxmox.settings import FILE
from infra.proxmox.target import ProxmoxTarget
from infra.settings import TARGET_FILE
from vigie.plan.model import Plan
from vigie.state import State


@dataclass(frozen=True)
class ProxmoxEnvironment(Hypervisor):
    """Virtual machines of a cluster, as the copy of ``proxmox.yaml`` in the state folder describes it."""

    @override
    def described(self, plan: Plan, folder: Path, key: str, state: State) -> ProxmoxTarget:
        return ProxmoxTarget.of(plan, folder, key, host_keys(state), _previous(state))

    def load(self, settings: str, state: State) -> ProxmoxTarget:
        """The target that was last deployed, in the state folder as it lies now. Raises ``ValueError``."""
        target = ProxmoxTarget.parse(settings)
        return replace(target, context=replace(target.context, keys=host_keys(state)))


def _previous(state: State) -> ProxmoxTarget | None:
    """Where hosts stand; nowhere before the first ``up``."""
    path = state.folder / TARGET_FILE
    try:
        return ProxmoxTarget.load(path)
    except FileNotFoundError:
        return None
    except ValueError as error:  # to place them again would move them away from their volumes
        raise SettingsError(f"{path} does not say where hosts stand: restore it from a copy of the state") from error


ENVIRONMENT: Final = ProxmoxEnvironment(FILE)
