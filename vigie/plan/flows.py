"""Who may talk to whom: the flows of the plan, and the firewall of each host that follows from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from vigie.plan.constants import (
    ALERTMANAGER_PORT,
    BUNDLE_PORT,
    KEEPER_PORT,
    LEDGER_PORT,
    NTP_PORT,
    PROMETHEUS_PORT,
)
from vigie.plan.model import CONTROL, Camera, FirewallRule, Flow, Host, Identity, Target


def flows(
    control_address: str,
    hosts: Iterable[Host],
    time_sources: Iterable[str],
    identities: Iterable[Identity],
    cameras: Iterable[Camera],
    targets: Iterable[Target],
) -> tuple[Flow, ...]:
    """Every allowed connection, in a stable order. Replies are implied."""
    hosts = list(hosts)
    found = [
        *_control_flows(control_address, hosts),
        *_time_flows(hosts, set(time_sources)),
        *_scrape_flows(hosts, list(targets)),
        *_alert_flows(hosts),
        *_archive_flows(control_address, hosts, list(identities)),
        *_recording_flows(hosts, list(identities), list(cameras)),
    ]
    return tuple(sorted(found, key=lambda flow: (flow.destination, flow.port, flow.source)))


def firewalls(hosts: Iterable[Host], every_flow: Iterable[Flow]) -> dict[str, tuple[FirewallRule, ...]]:
    """The rules of each host: one for each direction, protocol and port, with all peers that may use it."""
    own = {host.name: {host.address, *host.extra_addresses} for host in hosts}
    owner = {address: name for name, addresses in own.items() for address in addresses}
    peers: dict[tuple[str, str, str, int, str], set[str]] = defaultdict(set)
    for flow in every_flow:
        for chain, mine, theirs in (
            ("input", flow.destination_addresses, flow.source_addresses),
            ("output", flow.source_addresses, flow.destination_addresses),
        ):
            for name in {owner[address] for address in mine if address in owner}:
                peers[name, chain, flow.protocol, flow.port, flow.purpose].update(theirs)
    rules: dict[str, list[FirewallRule]] = defaultdict(list)
    for (name, chain, protocol, port, purpose), addresses in peers.items():
        if addresses - own[name]:
            rule = FirewallRule(
                chain="input" if chain == "input" else "output",
                protocol="tcp" if protocol == "tcp" else "udp",
                port=port,
                peers=tuple(sorted(addresses - own[name], key=_numeric)),
                purpose=purpose,
            )
            rules[name].append(rule)
    return {
        name: tuple(sorted(found, key=lambda rule: (rule.chain, rule.protocol, rule.port, rule.purpose)))
        for name, found in rules.items()
    }


def _numeric(address: str) -> tuple[int, ...]:
    return tuple(int(part) for part in address.split("."))


def _control_flows(control: str, hosts: list[Host]) -> Iterator[Flow]:
    for host in hosts:
        yield Flow(CONTROL, (control,), host.name, (host.address,), "tcp", host.login.port, "administration")
        yield Flow(host.name, (host.address,), CONTROL, (control,), "tcp", BUNDLE_PORT, "bundle")
        if host.tier == "noc":
            for port, purpose in ((PROMETHEUS_PORT, "prometheus"), (ALERTMANAGER_PORT, "alertmanager")):
                yield Flow(CONTROL, (control,), host.name, (host.address,), "tcp", port, purpose)


def _time_flows(hosts: list[Host], sources: set[str]) -> Iterator[Flow]:
    for source in hosts:
        for host in hosts:
            if source.name in sources and host.name != source.name:
                yield Flow(host.name, (host.address,), source.name, (source.address,), "udp", NTP_PORT, "time")


def _scrape_flows(hosts: list[Host], targets: list[Target]) -> Iterator[Flow]:
    for watcher in hosts:
        for target in targets:
            if watcher.tier == "noc" and watcher.name != target.host:
                yield Flow(
                    watcher.name,
                    (watcher.address,),
                    target.host,
                    (target.address,),
                    "tcp",
                    target.port,
                    f"scrape {target.job}",
                )


def _alert_flows(hosts: list[Host]) -> Iterator[Flow]:
    watchers = [host for host in hosts if host.tier == "noc"]
    for source in watchers:
        for other in watchers:
            if source.name != other.name:
                yield Flow(
                    source.name,
                    (source.address,),
                    other.name,
                    (other.address,),
                    "tcp",
                    ALERTMANAGER_PORT,
                    "alertmanager",
                )


def _archive_flows(control: str, hosts: list[Host], identities: list[Identity]) -> Iterator[Flow]:
    """The control node reads ledgers and locks evidence; recorders keep each other's journals."""
    addresses = {host.name: host.address for host in hosts}
    for host in hosts:
        if "archive" in host.services:
            for port, purpose in ((LEDGER_PORT, "ledger"), (KEEPER_PORT, "keeper")):
                yield Flow(CONTROL, (control,), host.name, (host.address,), "tcp", port, purpose)
    for copier, source in sorted(journal_copies(identities).items()):
        if copier in addresses and source in addresses:
            yield Flow(
                copier, (addresses[copier],), source, (addresses[source],), "tcp", KEEPER_PORT, "copy of the journal"
            )


def journal_copies(identities: Iterable[Identity]) -> dict[str, str]:
    """Which recorder's journal each recorder copies: the next of its group, the last that of the first.

    A group of one has nobody to copy from, and is left out.
    """
    members: dict[str, set[str]] = defaultdict(set)
    for identity in identities:
        members[identity.group].update((identity.host, *identity.standby))
    found: dict[str, str] = {}
    for group in members.values():
        ring = sorted(group)
        if len(ring) > 1:
            found.update(zip(ring, [*ring[1:], ring[0]], strict=True))
    return found


def _recording_flows(hosts: list[Host], identities: list[Identity], cameras: list[Camera]) -> Iterator[Flow]:
    """Each host that may hold an identity pulls from exactly the devices of that identity."""
    addresses = {host.name: host.address for host in hosts}
    by_id = {camera.id: camera for camera in cameras}
    for identity in identities:
        devices: dict[int, set[str]] = defaultdict(set)
        for camera in identity.cameras:
            devices[by_id[camera].port].add(by_id[camera].address)
        for port, device_addresses in sorted(devices.items()):
            destinations = tuple(sorted(device_addresses, key=_numeric))
            for holder in (identity.host, *identity.standby):
                yield Flow(
                    holder, (addresses[holder],), f"devices of {identity.id}", destinations, "tcp", port, "video"
                )
