"""What targets on a hypervisor have in common for ``vigie up``, ``down`` and ``status``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.components.environment import Bundle, Cleared, StoredTarget
from infra.components.greeting import greets
from infra.settings import TARGET_FILE
from vigie.city.documents import read_text
from vigie.city.errors import CityError
from vigie.plan.constants import SSH_PORT
from vigie.plan.document import load_plan
from vigie.plan.model import Plan
from vigie.state import State, write_private

HOST_KEYS: Final = Path("ssh", "hosts")  # in the state folder


class SettingsError(RuntimeError):
    """The settings of a target cannot be used; the message names file, line, field and fix."""


def host_keys(state: State) -> Path:
    """The folder of private SSH host keys."""
    return state.folder.resolve() / HOST_KEYS


@dataclass(frozen=True)
class Hypervisor:
    """Hosts are reached directly: the control node stands in the city's network.

    ``file`` holds the settings, in the city folder as people write it and in the state folder as it was last accepted.
    """

    file: str

    def described(self, plan: Plan, folder: Path, key: str, state: State) -> StoredTarget:
        """The target that ``folder``/``file`` describes for ``plan``; makes nothing. Raises ``CityError``."""
        raise NotImplementedError

    def keep(self, plan: Plan, folder: Path, state: State) -> None:
        """Accept the settings of the city in ``folder`` for this and later commands. Raises ``CityError``."""
        self.described(plan, folder, "", state)
        write_private(state.folder / self.file, read_text(folder / self.file))

    def target(self, plan: Plan, state: State, bundle: Bundle) -> StoredTarget:  # noqa: ARG002 - hosts fetch from it
        """What the program of ``plan`` runs against. Raises ``SettingsError``."""
        key = state.ssh_key.with_suffix(".pub").read_text(encoding="utf-8").strip()
        try:
            return self.described(plan, state.folder, key, state)
        except CityError as error:
            raise SettingsError(str(error)) from error

    def reach(self, plan: Plan) -> list[str]:  # noqa: ARG002
        """Nothing stands before a command."""
        return []

    def namespace(self, plan: Plan) -> str | None:  # noqa: ARG002
        """None: the control address is the machine's own."""
        return None

    def is_up(self, plan: Plan, state: State) -> bool:  # noqa: ARG002
        """Whether ``up`` has run since the last complete ``down``."""
        return (state.folder / TARGET_FILE).exists()

    def conditions(self, plan: Plan, state: State) -> dict[str, str]:  # noqa: ARG002
        """Whether SSH greets on each deployed host: ``running`` or ``unreachable``."""
        names = [host.name for host in plan.deployed_hosts]
        found = asyncio.run(_look(host.address for host in plan.deployed_hosts))
        return {name: "running" if up else "unreachable" for name, up in zip(names, found, strict=True)}

    def clear(self, target: StoredTarget | None, state: State) -> Cleared:  # noqa: ARG002
        """Volumes are still there, and the state that knows them must stay with them."""
        if not state.plan.exists():
            return Cleared()
        plan = load_plan(state.plan)
        return Cleared(
            left=[
                f"volume {volume.name} of {host.name} ({volume.size_bytes} bytes), protected: docs/how-to/targets.md"
                for host in plan.deployed_hosts
                for volume in host.volumes
            ]
        )


async def _look(addresses: Iterable[str]) -> list[bool]:
    return await asyncio.gather(*(greets(address, SSH_PORT) for address in addresses))
