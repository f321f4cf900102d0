"""Names and addresses of the platform's hosts: a block of the platform network for each tier, so that growth moves none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from vigie.plan.model import Tier
from vigie.plan.refusal import PlanRefused, Shortfall

CONTROL_OFFSET = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """A host or identity that needs an address: the ``index``-th of its block, if nobody else has that."""

    name: str
    block: Tier | None  # None: the floating addresses of recorder identities
    index: int


@dataclass(frozen=True, slots=True)
class Addressing:
    """The address plan of one platform network: hosts up from the start of their block, identities down from the top."""

    network: IPv4Network

    @property
    def control(self) -> str:
        """The control node's address."""
        return str(self.network[CONTROL_OFFSET])

    def assign(self, wanted: Iterable[Wanted], held: Mapping[str, str]) -> dict[str, str]:
        """An address for each of ``wanted``; what has one in ``held`` keeps it. Raises ``PlanRefused`` when a block is
        full."""
        wanted = list(wanted)
        given = {one.name: held[one.name] for one in wanted if self._may_keep(held.get(one.name))}
        taken = set(given.values())
        for one in wanted:
            if one.name not in given:
                given[one.name] = self._free(one, wanted, taken)
                taken.add(given[one.name])
        return given

    def _may_keep(self, address: str | None) -> bool:
        return address is not None and address != self.control and IPv4Address(address) in self.network

    def _free(self, one: Wanted, wanted: list[Wanted], taken: set[str]) -> str:
        block = self._block(one.block)
        later = range(min(one.index, len(block)), len(block))
        for index in (*later, *range(len(block) - len(later))):
            address = str(self.network[block[index]])
            if address not in taken:
                return address
        number = sum(other.block == one.block for other in wanted)
        what = f"the {one.block} tier" if one.block else "recorder identities"
        ways = ("widen network.platform", f"fewer hosts of {what}", "split the city in two")
        raise PlanRefused([Shortfall("network.platform", f"addresses for {what}", str(number), str(len(block)), ways)])

    def _block(self, block: Tier | None) -> range:
        """Offsets in the network. Small tiers have fixed places, large ones a part of the network."""
        size = self.network.num_addresses
        if block is None:
            return range(size - 2, 3 * size // 4 - 1, -1)
        bounds: dict[Tier, tuple[int, int]] = {
            "central": (10, 20),
            "witness": (20, 30),
            "noc": (30, 40),
            "lab_encoder": (40, 64),
            "recorder": (64, size // 2),
            "streaming": (size // 2, 5 * size // 8),
            "analytics": (5 * size // 8, 3 * size // 4),
        }
        start, end = bounds[block]
        return range(start, max(start, min(end, size - 1)))
