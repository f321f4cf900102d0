"""A plan of a few bare hosts, for tests of the infrastructure alone."""

from __future__ import annotations

from vigie.plan.document import sealed
from vigie.plan.model import Capacity, Forward, Host, Monitoring, Network, Plan, Volume

CITY = "lab-test"
MEBIBYTE = 1024 * 1024


def host(number: int, *, volume_bytes: int = 0, extra: tuple[str, ...] = (), layer: str = "bare") -> Host:
    """Host ``h<number>`` at 10.78.0.<10 + number>."""
    return Host(
        name=f"h{number}",
        tier="recorder",
        address=f"10.78.0.{10 + number}",
        prefix_length=16,
        extra_addresses=extra,
        layer="bare",
        services=(),
        volumes=(Volume("recordings", volume_bytes, "/srv/recordings"),) if volume_bytes else (),
        firewall=(),
    )


def plan(hosts: tuple[Host, ...], forwards: tuple[Forward, ...] = (), city: str = CITY) -> Plan:
    """A plan that holds just ``hosts``."""
    return sealed(
        Plan(
            format=1,
            city=city,
            title="Lab test",
            target="lab",
            network=Network("10.78.0.0/16", "10.78.0.0/24", "10.78.0.1"),
            segment_seconds=60,
            time_sources=(),
            hosts=hosts,
            identities=(),
            cameras=(),
            lab_devices=(),
            flows=(),
            targets=(),
            forwards=forwards,
            monitoring=Monitoring(15, 5, 15),
            capacity=Capacity((), (), 0, 0, 0),
            digest="",
        )
    )
