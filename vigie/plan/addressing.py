"""Names and addresses of the platform's hosts: a block of the platform network for each tier, so that growth moves none."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Final

from vigie.plan.model import Tier
from vigie.plan.refusal import PlanRefused, Shortfall

CONTROL_OFFSET: Final = 1
# First address of each tier, counted from the platform network's own; blocks end where the next begins.
BLOCKS: Final[dict[Tier, int]] = {"central": 10, "witness": 20, "noc": 30, "lab_encoder": 40, "recorder": 64}


@dataclass(frozen=True, slots=True)
class Addressing:
    """The address plan of one platform network. Identities count down from its top, hosts up from their block."""

    network: IPv4Network

    @property
    def control(self) -> str:
        """The control node's address."""
        return str(self.network[CONTROL_OFFSET])

    def host(self, tier: Tier, index: int) -> str:
        """The address of the ``index``-th (from 0) host of ``tier``. Raises ``PlanRefused`` when its block is full."""
        starts = sorted(BLOCKS.values())
        start = BLOCKS[tier]
        later = [other for other in starts if other > start]
        # The upper half counts down with the identities; a small network ends before its blocks do.
        end = min(later[0] if later else self.network.num_addresses // 2, self.network.num_addresses - 1)
        if start + index >= end:
            raise PlanRefused(
                [
                    Shortfall(
                        "network.platform",
                        f"addresses for the {tier} tier",
                        str(index + 1),
                        str(max(end - start, 0)),
                        ("widen network.platform", f"plan fewer {tier} hosts", "split the city in two"),
                    )
                ]
            )
        return str(self.network[start + index])

    def identity(self, index: int) -> str:
        """The floating address of the ``index``-th (from 0) recorder identity."""
        return str(self.network[self.network.num_addresses - 2 - index])
