"""Firewalls come from the plan's flows: each rule is a flow, each flow is in the rules of both its ends."""

from __future__ import annotations

import itertools

from hypothesis import given, settings

from tests.unit.cities import DEMO, roomy_cities
from vigie.city import City, load_city
from vigie.plan import Plan, PlanRefused, constants, plan
from vigie.plan.model import CONTROL

Connection = tuple[str, str, str, int]  # source address, destination address, protocol, port


def allowed(made: Plan) -> set[Connection]:
    """Every connection that the flows of the plan allow, address by address."""
    return {
        (source, destination, flow.protocol, flow.port)
        for flow in made.flows
        for source in flow.source_addresses
        for destination in flow.destination_addresses
    }


def passed(made: Plan, address: str, chain: str) -> set[Connection]:
    """Every connection that the firewall of the host at ``address`` lets through in one direction."""
    host = next(host for host in made.hosts if host.address == address)
    own = (host.address, *host.extra_addresses)
    found: set[Connection] = set()
    for rule in host.firewall:
        for peer in rule.peers:
            for mine in own:
                ends = (peer, mine) if chain == "input" else (mine, peer)
                if rule.chain == chain:
                    found.add((*ends, rule.protocol, rule.port))
    return found


@given(roomy_cities())
@settings(deadline=None, max_examples=60)
def test_firewalls_cover_exactly_the_flows(city: City) -> None:
    """Counted from both ends. One port rule covers all addresses of a host, so the other side is narrowed to it."""
    try:
        made = plan(city)
    except PlanRefused:
        return
    wanted = allowed(made)
    for host in made.hosts:
        own = {host.address, *host.extra_addresses}
        incoming = {flow for flow in wanted if flow[1] in own}
        outgoing = {flow for flow in wanted if flow[0] in own}
        got_in, got_out = passed(made, host.address, "input"), passed(made, host.address, "output")
        assert incoming <= got_in
        assert outgoing <= got_out
        assert {(source, *rest) for source, _, *rest in got_in} == {(source, *rest) for source, _, *rest in incoming}
        assert {tuple(rest) for _, *rest in got_out} == {tuple(rest) for _, *rest in outgoing}


def test_who_may_talk_to_whom_in_the_demo() -> None:
    """Written down by hand: a change of this table is a change of the city's security."""
    made = plan(load_city(DEMO))
    table = {(flow.source, flow.destination, flow.protocol, flow.port) for flow in made.flows}
    names = {host.name for host in made.hosts}
    expected = {(CONTROL, name, "tcp", 22) for name in names}
    expected |= {(name, CONTROL, "tcp", 8443) for name in names}
    expected |= {(CONTROL, "noc-1", "tcp", port) for port in (9090, 9093)}
    expected |= {("noc-1", name, "tcp", 9100) for name in names - {"noc-1"}}
    recorders = {"recorder-1", "recorder-2", "recorder-spare-1"}
    expected |= {("noc-1", name, "tcp", port) for name in recorders for port in (9601, 9602, 9603, 9604)}
    sources = {"central-1", "central-2", "noc-1"}
    expected |= {(name, source, "udp", 123) for name in names for source in sources if name != source}
    expected |= {(name, "devices of rec-1", "tcp", 554) for name in ("recorder-1", "recorder-spare-1")}
    expected |= {(name, "devices of rec-2", "tcp", 554) for name in ("recorder-2", "recorder-spare-1")}
    expected |= {(CONTROL, name, "tcp", port) for name in recorders for port in (9611, 9612)}
    ring = ("recorder-1", "recorder-2", "recorder-spare-1", "recorder-1")  # whose journal is copied by whom
    expected |= {(copier, source, "tcp", 9612) for copier, source in itertools.pairwise(ring)}
    assert table == expected


def test_no_rule_opens_a_loopback_port() -> None:
    """MediaMTX's API and the lab's control listen on loopback: a firewall rule for them would be a mistake."""
    made = plan(load_city(DEMO))
    private = {constants.LAB_ENCODER_CONTROL_PORT}
    private |= {port for identity in made.identities for port in (identity.api_port, identity.metrics_port)}
    assert not any(rule.port in private for host in made.hosts for rule in host.firewall)


def test_no_host_may_leave_the_city() -> None:
    """Hosts have no way out: each peer of each rule is the control node, a host or a device of the plan."""
    made = plan(load_city(DEMO))
    known = {made.network.control_address} | {camera.address for camera in made.cameras}
    known |= {host.address for host in made.hosts}
    assert {peer for host in made.hosts for rule in host.firewall for peer in rule.peers} <= known


def test_a_recorder_reaches_only_its_own_cameras() -> None:
    """A recorder that is broken into is a way to its own cameras, not to the city's."""
    made = plan(load_city(DEMO))
    video = {rule.peers for rule in made.host("recorder-1").firewall if rule.purpose == "video"}
    mine = {camera.address for camera in made.cameras if camera.identity == "rec-1"}
    assert {address for peers in video for address in peers} == mine
