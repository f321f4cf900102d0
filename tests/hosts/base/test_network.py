"""Default deny, in and out: what is not in the plan's flows does not pass, and what is not planned does not listen."""

from __future__ import annotations

from tests.hosts import expected
from tests.hosts.base.ruleset import Rule, Ruleset, planned
from tests.hosts.observed import STRAY, Observed


def test_the_firewall_is_the_plans_and_nothing_else(observed: Observed) -> None:
    """Compared whole: one extra rule, chain or table is a way in that no flow explains."""
    found = Ruleset.parse(observed["firewall"])
    wanted = planned(observed.host)
    observed.expect_all("firewall tables", wanted.tables, found.tables)
    observed.expect_all("firewall chains", wanted.chains, found.chains)
    observed.expect_all("firewall rules", map(str, wanted.rules), map(str, found.rules))
    observed.expect("number of firewall rules", len(wanted.rules), len(found.rules))


def test_every_chain_drops_by_default(observed: Observed) -> None:
    """A chain whose policy is accept lets everything through that no rule names."""
    chains = Ruleset.parse(observed["firewall"]).chains
    observed.expect(
        "hooks of chains that drop", {"input", "forward", "output"}, {c.hook for c in chains if c.policy == "drop"}
    )


def test_replies_and_loopback_pass_before_anything_else(observed: Observed) -> None:
    """Order counts in nftables: the plan's rules only ever see new connections."""
    rules = Ruleset.parse(observed["firewall"]).rules
    for chain in ("input", "output"):
        first = [str(rule) for rule in rules if rule.chain == chain][:2]
        observed.expect(f"first rules of {chain}", [str(Rule.loopback(chain)), str(Rule.replies(chain))], first)


def test_only_planned_sockets_listen(observed: Observed) -> None:
    """A forgotten service is a way in the day the firewall is off: address, port, protocol and user of each are planned."""
    found = {(s["protocol"], s["address"], s["port"], s["user"]) for s in observed["sockets"]}
    observed.expect_all("listening sockets", expected.sockets(observed.plan, observed.host), found, STRAY)


def test_there_is_no_way_out(observed: Observed) -> None:
    """A recorder that can reach the internet can be told what to do from there: addresses of RFC 5737 must not answer."""
    observed.expect("addresses outside that answered", [], observed["network"]["reached"])


def test_no_name_server_is_known(observed: Observed) -> None:
    """Hosts speak by address: DNS is the classic way out of a closed network."""
    observed.expect("name servers", [], observed["network"]["name_servers"], STRAY)


def test_no_default_route(observed: Observed) -> None:
    """All that a host talks to lies in the city's network; the firewall would drop the rest, and the route is not there."""
    observed.expect("default routes", [], observed["network"]["default_routes"], STRAY)


def test_addresses_are_the_plans(observed: Observed) -> None:
    """The firewall of every peer names these addresses: one more is unprotected, one fewer is unreachable."""
    host = observed.host
    found = {a["address"]: a["prefix"] for a in observed["network"]["addresses"] if a["interface"] != "lo"}
    observed.expect_all("addresses", (host.address, *host.extra_addresses), found, STRAY)
    observed.expect(f"prefix length of {host.address}", host.prefix_length, found[host.address])


def test_kernel_parameters_of_the_network(observed: Observed) -> None:
    """Spoofed, redirected or forwarded packets pass below the firewall's rules."""
    wanted = {
        name: str(value)
        for name, value in expected.role_default("base", "base_sysctls").items()
        # A container cannot set what it shares with its machine; there it is the machine's.
        if name.startswith("net.") or observed.plan.target != "lab"
    }
    found = {name: value for name, value in observed["kernel"].items() if name in wanted}
    observed.expect_all("kernel parameters", wanted.items(), found.items())
