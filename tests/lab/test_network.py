"""No way out, and no way in but the plan's: looked at from the hosts, and scanned from beside them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from infra.lab.layout import BRIDGE, NETNS
from tests.lab_city import LabCity
from vigie.plan.model import Host

pytestmark = pytest.mark.lab

INTRUDER = "vigie-intruder"
# Addresses reserved for documentation (RFC 5737) and public name servers' ports: nothing of ours is there.
OUTSIDE = ("192.0.2.1", "198.51.100.1", "203.0.113.1")


@pytest.fixture(scope="module")
def intruder(deployed: LabCity) -> Iterator[str]:
    """A machine that somebody plugged into the switch: in the city's network, in no plan, without a firewall."""
    address = deployed.plan.network.platform.rsplit(".", 1)[0] + ".200"
    assert address not in {host.address for host in deployed.plan.deployed_hosts}
    prefix = deployed.plan.deployed_hosts[0].prefix_length
    lab = f"--net={NETNS / deployed.lab.namespace}"
    _run("ip", "netns", "add", INTRUDER)
    try:
        _run("nsenter", lab, "ip", "link", "add", "intruder", "type", "veth", "peer", "name", "eth0", "netns", INTRUDER)
        _run("nsenter", lab, "ip", "link", "set", "intruder", "master", BRIDGE, "up")
        _run("ip", "-n", INTRUDER, "addr", "add", f"{address}/{prefix}", "dev", "eth0")
        _run("ip", "-n", INTRUDER, "link", "set", "eth0", "up")
        yield f"--net={NETNS / INTRUDER}"
    finally:
        subprocess.run(["nsenter", lab, "ip", "link", "del", "intruder"], check=False, capture_output=True)
        _run("ip", "netns", "del", INTRUDER)


def test_hosts_have_no_way_out(deployed: LabCity) -> None:
    """Even with its firewall taken away a host reaches nothing outside: the lab has no link to the machine's network."""
    script = "import socket,sys\nfor a in sys.argv[1:]:\n s=socket.socket(); s.settimeout(2)\n try: s.connect((a,443)); print('reached',a)\n except OSError: pass"
    for host in deployed.plan.deployed_hosts:
        argv = ["nsenter", f"--net={NETNS / deployed.lab.host_namespace(host.name)}", "python3", "-c", script, *OUTSIDE]
        assert subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout == "", host.name
    links = _run("nsenter", f"--net={NETNS / deployed.lab.namespace}", "ip", "-o", "link").splitlines()
    assert all("link-netns" in line or BRIDGE in line or " lo:" in line for line in links), links
    routes = _run("nsenter", f"--net={NETNS / deployed.lab.namespace}", "ip", "route")
    assert "default" not in routes


def test_an_intruder_finds_no_open_port(deployed: LabCity, intruder: str) -> None:
    """All 65,535 TCP ports of every host, from an address of the same network that no flow names."""
    addresses = [address for host in deployed.plan.deployed_hosts for address in (host.address, *host.extra_addresses)]
    assert _open_ports(intruder, addresses) == {address: set() for address in addresses}


def test_the_noc_finds_just_the_ports_that_the_plan_lets_it_reach(deployed: LabCity) -> None:
    """From a host that is in the plan: its flows, and no other port."""
    watcher = deployed.plan.host("noc-1")
    others = [host for host in deployed.plan.deployed_hosts if host.name != watcher.name]
    found = _open_ports(f"--net={NETNS / deployed.lab.host_namespace(watcher.name)}", [host.address for host in others])
    assert found == {host.address: _allowed(watcher, host) for host in others}


def _allowed(source: Host, destination: Host) -> set[int]:
    return {
        rule.port
        for rule in destination.firewall
        if rule.chain == "input" and rule.protocol == "tcp" and source.address in rule.peers
    }


def _open_ports(namespace: str, addresses: list[str]) -> dict[str, set[int]]:
    scan = ["nmap", "-n", "-Pn", "-sS", "-p-", "--min-rate", "20000", "--max-retries", "1", "--open", "-oX", "-"]
    report = ElementTree.fromstring(_run("nsenter", namespace, *scan, *addresses))
    found: dict[str, set[int]] = {address: set() for address in addresses}
    for host in report.iter("host"):
        address = next(a.get("addr", "") for a in host.iter("address") if a.get("addrtype") == "ipv4")
        found[address] = {int(port.get("portid", "0")) for port in host.iter("port")}
    return found


def _run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300).stdout
