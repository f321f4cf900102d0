"""What a hypervisor target needs of a city beside the host it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.components.apart import Apart, apart
from infra.components.hostkeys import HostKeys
from vigie.plan.model import Host, Plan


@dataclass(frozen=True)
class Context:
    """The city of a plan.

    ``roaming`` are addresses that a host may hold beside its own, by host: those of the recorder identities that it
    holds or stands by for. ``keys`` is the folder of private SSH host keys.
    """

    city: str
    digest: str
    apart: tuple[Apart, ...]
    roaming: Mapping[str, tuple[str, ...]]
    authorized_key: str
    keys: Path

    @classmethod
    def of(cls, plan: Plan, authorized_key: str, keys: Path) -> Context:
        """The context of the deployed hosts of ``plan``."""
        roaming: dict[str, list[str]] = {}
        for identity in plan.identities:
            for host in (identity.host, *identity.standby):
                roaming.setdefault(host, []).append(identity.address)
        deployed = {host.name for host in plan.deployed_hosts}
        return cls(
            plan.city,
            plan.digest,
            apart(plan),
            {host: tuple(addresses) for host, addresses in sorted(roaming.items()) if host in deployed},
            authorized_key,
            keys,
        )

    def host_keys(self) -> HostKeys:
        """The SSH host keys of the city."""
        return HostKeys(self.keys)

    def labels(self, host: Host) -> dict[str, str]:
        """What a person sees on the host in the hypervisor's pages: city, tier, lot, and the plan it was made from."""
        return {"city": self.city, "tier": host.tier, "lot": host.lot, "plan": self.digest[:12]}
