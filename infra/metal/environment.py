"""Racked machines as ``vigie up``, ``down`` and ``status`` deal with them: reached directly, and left as they are."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override

from infra.components.environment import Bundle, Cleared, Environment, StoredTarget
from infra.metal import ssh
from infra.metal.errors import MetalError
from infra.metal.target import MetalTarget, ports_of
from infra.settings import TARGET_FILE
from vigie.plan.model import Host, Network, Plan
from vigie.state import State

LOOKS_AT_ONCE: Final = 32


@dataclass(frozen=True)
class MetalEnvironment(Environment):
    """Machines that somebody racked, in the network of the control node."""

    @override
    def target(self, plan: Plan, state: State, bundle: Bundle) -> MetalTarget:
        """Raises ``MetalError`` when the control node lacks its own address: hosts fetch their packages there."""
        _refuse_without(plan.network)
        return MetalTarget(str(state.ssh_key.resolve()), plan.network.control_address, ports_of(plan))

    @override
    def load(self, settings: str, state: State) -> MetalTarget:
        return replace(MetalTarget.parse(json.loads(settings)), key_file=str(state.ssh_key.resolve()))

    @override
    def reach(self, plan: Plan) -> list[str]:
        return []

    @override
    def namespace(self, plan: Plan) -> None:
        return None

    @override
    def is_up(self, plan: Plan, state: State) -> bool:
        return (state.folder / TARGET_FILE).exists()

    @override
    def conditions(self, plan: Plan, state: State) -> dict[str, str]:
        def look(host: Host) -> str:
            return "running" if ssh.answers(host.login, state.ssh_key) else "unreachable"

        hosts = plan.deployed_hosts
        with ThreadPoolExecutor(LOOKS_AT_ONCE) as pool:
            return dict(zip((host.name for host in hosts), pool.map(look, hosts), strict=True))

    @override
    def clear(self, target: StoredTarget | None, state: State) -> Cleared:
        return Cleared(kept=["machines are forgotten, not touched: what runs on them goes on running"])


def _refuse_without(network: Network) -> None:
    address, length = network.control_address, network.city.rpartition("/")[2]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise MetalError(
                f"this machine does not hold {address}, the plan's address of the control node: hosts fetch packages "
                f"there and admit SSH from nowhere else; add it: ip address add {address}/{length} dev LINK"
            ) from error


ENVIRONMENT: Final = MetalEnvironment()
