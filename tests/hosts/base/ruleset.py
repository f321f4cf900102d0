"""A firewall as comparable values: read from ``nft -j list ruleset``, and derived from the plan."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final, Literal, NamedTuple

from vigie.plan.model import Host

FAMILY: Final = "inet"
TABLE: Final = "vigie"
STATES: Final = "ct state"


class Chain(NamedTuple):
    """A base chain: ``hook`` and ``policy`` are None for a chain that nothing hooks."""

    family: str
    table: str
    name: str
    hook: str | None
    priority: int | None
    policy: str | None


class Rule(NamedTuple):
    """One rule: what it matches as (field, values) pairs, and what it then does. Order of the pairs does not count."""

    chain: str
    matches: frozenset[tuple[str, frozenset[str]]]
    verdict: str
    comment: str

    def __str__(self) -> str:
        matches = " ".join(f"{name} {{{','.join(sorted(values))}}}" for name, values in sorted(self.matches, key=str))
        return f"{self.chain}: {matches} {self.verdict} ({self.comment})"

    @classmethod
    def of(cls, chain: str, comment: str, **matches: Iterable[str]) -> Rule:
        """An accepting rule; an underscore in a field stands for a space."""
        pairs = {(name.replace("_", " "), frozenset(values)) for name, values in matches.items()}
        return cls(chain, frozenset(pairs), "accept", comment)

    @classmethod
    def loopback(cls, chain: str) -> Rule:
        return cls.of(chain, "loopback", **{"iifname" if chain == "input" else "oifname": ["lo"]})

    @classmethod
    def replies(cls, chain: str) -> Rule:
        return cls.of(chain, "replies", ct_state=["established", "related"])


@dataclass(frozen=True)
class Ruleset:
    """Every table, chain and rule of a host, in order."""

    tables: frozenset[tuple[str, str]]
    chains: frozenset[Chain]
    rules: tuple[Rule, ...]

    @classmethod
    def parse(cls, entries: list[dict[str, Any]]) -> Ruleset:
        """The ruleset that ``nft -j list ruleset`` printed (libnftables-json(5)). Anything unknown becomes a rule of its own."""
        tables, chains, rules = set(), set(), []
        for entry in entries:
            ((kind, value),) = entry.items()
            if kind == "table":
                tables.add((value["family"], value["name"]))
            elif kind == "chain":
                names = (value["family"], value["table"], value["name"])
                chains.add(Chain(*names, value.get("hook"), value.get("prio"), value.get("policy")))
            elif kind == "rule":
                rules.append(_rule(value))
            elif kind != "metainfo":
                rules.append(Rule("?", frozenset(), json.dumps(entry, sort_keys=True), ""))
        return cls(frozenset(tables), frozenset(chains), tuple(rules))


def planned(host: Host) -> Ruleset:
    """The ruleset that the plan asks of ``host``."""
    chains = frozenset(Chain(FAMILY, TABLE, hook, hook, 0, "drop") for hook in ("input", "forward", "output"))
    rules = [Rule.loopback("input"), Rule.replies("input"), Rule.loopback("output"), Rule.replies("output")]
    for rule in host.firewall:
        side: Literal["saddr", "daddr"] = "saddr" if rule.chain == "input" else "daddr"
        matches = {f"ip {side}": rule.peers, f"{rule.protocol} dport": [str(rule.port)], STATES: ["new"]}
        rules.append(Rule.of(rule.chain, rule.purpose, **matches))
    return Ruleset(frozenset({(FAMILY, TABLE)}), chains, tuple(rules))


def _rule(value: dict[str, Any]) -> Rule:
    matches, verdict = set(), ""
    for expression in value["expr"]:
        match = expression.get("match")
        if match and match["op"] in {"==", "in"}:
            matches.add((_field(match["left"]), frozenset(_values(match["right"]))))
        else:
            verdict += " ".join(expression) if list(expression.values()) == [None] else json.dumps(expression)
    known = (value["family"], value["table"]) == (FAMILY, TABLE)
    chain = value["chain"] if known else f"{value['family']} {value['table']} {value['chain']}"
    return Rule(chain, frozenset(matches), verdict, value.get("comment", ""))


def _field(left: dict[str, Any]) -> str:
    ((kind, value),) = left.items()
    if kind == "meta":
        return str(value["key"])
    if kind == "payload":
        return f"{value['protocol']} {value['field']}"
    if kind == "ct":
        return f"ct {value['key']}"
    return json.dumps(left, sort_keys=True)


def _values(right: Any) -> Iterable[str]:
    """Every value that a right-hand side stands for: sets, ranges and prefixes are written out."""
    if isinstance(right, list):
        return [value for part in right for value in _values(part)]
    if isinstance(right, dict):
        ((kind, value),) = right.items()
        if kind == "set":
            return _values(value)
        if kind == "range":
            first, last = (int(IPv4Address(end)) for end in value)
            return [str(IPv4Address(number)) for number in range(first, last + 1)]
        if kind == "prefix":
            return map(str, IPv4Network((value["addr"], value["len"])))
        return [json.dumps(right, sort_keys=True)]
    return [str(right)]
