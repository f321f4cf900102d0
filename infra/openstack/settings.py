"""``openstack.yaml``: what a city says of its OpenStack cloud. The credentials are in clouds.yaml, never here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from infra.components.settings import Name, Read, Settings
from vigie.city.errors import CityError
from vigie.city.model import Address
from vigie.plan.model import Plan, Tier

FILE: Final = "openstack.yaml"


class OpenStackSettings(Settings):
    """The whole of ``openstack.yaml``. ``cloud`` is an entry of clouds.yaml; ``network`` carries the city's network
    and reaches cameras and control node; with ``subnet`` that of the network is used, else one is made.
    """

    credentials: ClassVar[str] = "it in clouds.yaml, which OS_CLIENT_CONFIG_FILE names, or in OS_… variables"

    cloud: Name
    region: Name | None = None
    network: Name
    subnet: Name | None = None
    gateway: Address | None = None
    image: Name
    flavors: Mapping[Tier, Name]
    volume_type: Name | None = None
    availability_zone: Name | None = None
    anti_affinity: Literal["strict", "soft"] = "strict"


def check(plan: Plan, read: Read[OpenStackSettings]) -> None:
    """Each tier of ``plan`` that must exist has a flavor. Raises ``CityError``."""
    tiers = dict.fromkeys(host.tier for host in plan.deployed_hosts)
    missing = [tier for tier in tiers if tier not in read.values.flavors]
    if missing:
        raise CityError(
            [
                read.problem(
                    ("flavors", tier),
                    f"no flavor for tier {tier}, which the plan deploys",
                    f"add `{tier}: NAME`; `openstack flavor list` shows the cloud's",
                )
                for tier in missing
            ]
        )
