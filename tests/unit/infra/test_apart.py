"""Hosts that must not be lost together stand apart, or the city is told how many hypervisors it lacks."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.components.apart import Apart, TooFewHypervisors, apart, spread
from tests.unit.cities import committed


def test_three_votes_and_each_recorder_group_with_its_spare_stay_apart() -> None:
    _, planned = committed("fes")
    groups = {group.name: group for group in apart(planned)}
    assert groups["central"].hosts == ("central-1", "central-2", "witness-1")
    assert groups["noc"].hosts == ("noc-1", "noc-2")
    assert "recorder-spare-1" in groups["group-1"].hosts
    deployed = {host.name for host in planned.deployed_hosts}
    assert all(set(group.hosts) <= deployed and group.at_most == 1 for group in groups.values())


SIZES = st.lists(st.tuples(st.integers(2, 6), st.integers(1, 3)), min_size=1, max_size=4)


@given(SIZES, st.integers(1, 8), st.integers(0, 5))
def test_no_hypervisor_holds_more_of_a_group_than_may_be_lost(
    sizes: list[tuple[int, int]], hypervisors: int, free: int
) -> None:
    groups = [
        Apart(f"g{index}", tuple(f"g{index}-{host}" for host in range(count)), at_most)
        for index, (count, at_most) in enumerate(sizes)
    ]
    weights = {host: 1 + len(host) for group in groups for host in group.hosts} | {f"f-{n}": 3 for n in range(free)}
    names = [f"pve-{number}" for number in range(hypervisors)]
    fits = all(len(group.hosts) <= group.at_most * hypervisors for group in groups)
    if not fits:
        with pytest.raises(TooFewHypervisors):
            spread(groups, weights, names, {})
        return
    places = spread(groups, weights, names, {})
    assert places.keys() == weights.keys()
    for group in groups:
        assert max(Counter(places[host] for host in group.hosts).values()) <= group.at_most
    assert spread(groups, weights, names, places) == places


def test_a_host_that_comes_moves_no_other() -> None:
    names = ["pve-1", "pve-2", "pve-3"]
    before = spread([Apart("g", ("a", "b"))], {"a": 1, "b": 9}, names, {})
    after = spread([Apart("g", ("a", "b", "c"))], {"c": 5, "a": 1, "b": 9}, names, before)
    assert {host: after[host] for host in before} == before
    assert after["c"] == "pve-3"


def test_hosts_that_stand_together_already_are_named() -> None:
    with pytest.raises(TooFewHypervisors, match="g needs 2 hypervisors, 1 are given"):
        spread([Apart("g", ("a", "b"))], {"a": 1, "b": 1}, ["pve-1", "pve-2"], {"a": "pve-1", "b": "pve-1"})
