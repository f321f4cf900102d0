"""A comparison of firewalls is worth what it notices: rules are loaded into a real kernel and then tampered with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from tests.hosts.base.ruleset import Ruleset, planned
from tests.unit.cities import DEMO
from vigie.city import load_city
from vigie.plan import plan
from vigie.plan.model import Host

HOSTS = plan(load_city(DEMO)).hosts
needs_nft = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("nft") is None, reason="needs root and nft, for a network namespace of its own"
)
TAMPERINGS = {
    "extra rule": "add rule inet vigie input tcp dport 4444 accept",
    "extra peer": "add rule inet vigie input ip saddr 10.77.0.99 tcp dport 22 ct state new accept",
    "extra table": "add table ip backdoor",
    "extra chain": "add chain inet vigie extra",
    "chain in another table": "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100; }",
    "open policy": "add chain inet vigie input { policy accept; }",
    "rule gone": "flush chain inet vigie output",
    "named set": "add set inet vigie friends { type ipv4_addr; }",
}


def text_of(host: Host) -> str:
    """The rules of ``host`` as a person would write them for nft(8)."""
    lines = ["table inet vigie {"]
    for hook, name, side in (("input", "iifname", "saddr"), ("output", "oifname", "daddr")):
        lines += [f"chain {hook} {{", f"type filter hook {hook} priority filter; policy drop;"]
        lines += [f'{name} "lo" accept comment "loopback"', 'ct state {established, related} accept comment "replies"']
        lines += [
            f"ip {side} {{ {', '.join(rule.peers)} }} {rule.protocol} dport {rule.port} ct state new accept "
            f'comment "{rule.purpose}"'
            for rule in host.firewall
            if rule.chain == hook
        ]
        lines.append("}")
    return "\n".join([*lines, "chain forward { type filter hook forward priority filter; policy drop; }", "}"])


def loaded(*commands: str) -> Ruleset:
    """The ruleset of a new network namespace after ``commands``; the namespace goes with its only process."""
    script = "".join(f"nft -f - <<'EOF' || exit 1\n{command}\nEOF\n" for command in commands) + "nft -j list ruleset"
    argv = ["unshare", "--net", "sh", "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True)
    entries: list[dict[str, Any]] = json.loads(done.stdout)["nftables"]
    return Ruleset.parse(entries)


def same(found: Ruleset, wanted: Ruleset) -> bool:
    """As the host tests compare them."""
    return (
        found.tables == wanted.tables
        and found.chains == wanted.chains
        and sorted(map(str, found.rules)) == sorted(map(str, wanted.rules))
    )


@needs_nft
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.name)
def test_the_plans_rules_come_back_from_the_kernel_unchanged(host: Host) -> None:
    """nft prints sets, states and priorities in its own way: the comparison must see through that."""
    assert same(loaded(text_of(host)), planned(host))


@needs_nft
@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_every_tampering_is_noticed(tampering: str) -> None:
    """Each is one line that opens a host or closes a service."""
    assert not same(loaded(text_of(HOSTS[0]), TAMPERINGS[tampering]), planned(HOSTS[0]))


def test_no_rules_at_all_are_noticed() -> None:
    """The state of a host before its first deployment."""
    assert not same(Ruleset.parse([{"metainfo": {}}]), planned(HOSTS[0]))
