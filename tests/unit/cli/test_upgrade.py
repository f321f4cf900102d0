"""The order of an upgrade, where it stops, and what it says beforehand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.cities import REPOSITORY
from vigie.city import load_city
from vigie.cli.deploy import Deployment
from vigie.cli.fingerprint import parts
from vigie.cli.playbook import PlaybookRun
from vigie.cli.upgrade import Step, moves, outlook, pending, run, steps
from vigie.cli.verification import Verification
from vigie.plan import Plan, plan


@cache
def planned(city: str) -> Plan:
    return plan(load_city(REPOSITORY / "inventories" / city))


@pytest.fixture(scope="module")
def demo() -> Plan:
    return planned("demo")


@settings(max_examples=20, deadline=None)
@given(city=st.sampled_from(["demo", "fes"]), at_once=st.integers(1, 40))
def test_every_host_once_spares_first_and_a_group_loses_one_at_a_time(city: str, at_once: int) -> None:
    made = planned(city)
    found = steps(made, at_once)
    order = [host for step in found for host in step.hosts]
    assert sorted(order) == sorted(host.name for host in made.deployed_hosts)
    tier = {host.name: host.tier for host in made.deployed_hosts}
    group = {identity.host: identity.group for identity in made.identities if identity.cameras}
    recorders = [host for host in order if tier[host] == "recorder"]
    assert order[: len(recorders)] == recorders
    assert [host in group for host in recorders] == sorted(host in group for host in recorders)
    for step in found:
        groups = [group[host] for host in step.hosts if host in group]
        assert len(groups) == len(set(groups)), "two recorders of one group, and its spare takes one"
        assert len(step.hosts) <= (1 if tier[step.hosts[0]] in {"central", "witness", "noc"} else at_once)


def test_the_order_of_the_demo(demo: Plan) -> None:
    assert [host for step in steps(demo) for host in step.hosts] == [
        *("recorder-spare-1", "recorder-1", "recorder-2", "witness-1", "central-2", "central-1", "noc-1"),
        *("lab-station", "lab-centre"),
    ]


class City:
    """A city whose deployments go as told: host -> how often it ends red, or ``None`` for a failure of Ansible."""

    def __init__(self, demo: Plan, ill: dict[str, int | None]) -> None:
        self.demo, self.ill, self.deployed, self.settled = demo, ill, cast(list[str], []), 0

    def deploy(self, hosts: Collection[str]) -> Deployment:
        self.deployed += sorted(hosts)
        played, seen = PlaybookRun(hosts), Verification(hosts)
        for host in hosts:
            left = self.ill.get(host, 0)
            if left is None:
                played.failures[host], played.exit_code = "no space left", 2
            elif left > 0:
                self.ill[host] = left - 1
                seen.failures[host] = [("test_every_camera_is_being_written", "12 s old")]
            else:
                seen.passed[host] = 9
        return Deployment(self.demo, {}, set(), played, seen)

    def settle(self) -> None:
        self.settled += 1


def going(demo: Plan, ill: dict[str, int | None]) -> tuple[City, Any]:
    city = City(demo, ill)
    said: list[int] = []
    result = run(steps(demo), city.deploy, city.settle, lambda step, number: said.append(number))
    assert said == list(range(1, len(said) + 1))
    return city, result


def test_all_green_is_done_in_order(demo: Plan) -> None:
    city, result = going(demo, {})
    assert result.done == city.deployed == [host for step in steps(demo) for host in step.hosts]
    assert (result.failed, result.left, city.settled) == (None, [], 0)


def test_a_recorder_may_take_its_time_once(demo: Plan) -> None:
    city, result = going(demo, {"recorder-1": 1})
    assert result.failed is None
    assert city.settled == 1
    assert city.deployed.count("recorder-1") == 2


def test_a_red_recorder_stops_before_the_next_is_touched(demo: Plan) -> None:
    city, result = going(demo, {"recorder-1": 2})
    assert result.failed == Step("recorders, round 1", ("recorder-1",))
    assert result.done == ["recorder-spare-1"]
    assert "recorder-2" in result.left
    assert set(city.deployed) == {"recorder-spare-1", "recorder-1"}


def test_a_failure_of_configuration_is_not_tried_again(demo: Plan) -> None:
    city, result = going(demo, {"central-2": None})
    assert result.failed.hosts == ("central-2",)
    assert (city.settled, city.deployed[-1]) == (0, "central-2")


def shared(**changed: str) -> dict[str, Any]:
    variables = {name: changed.get(name, "old") for name in ("vigie_wheel", "vigie_binaries", "vigie_clips")}
    return {"variables": variables, **{name: changed.get(name, "old") for name in ("roles", "rules", "secrets")}}


def looks(demo: Plan, layer: str = "a", known: bool = True, /, **changed: str) -> dict[str, Any]:
    keys = {host.name: "ssh-ed25519 A" for host in demo.deployed_hosts}
    before = parts(demo, keys, shared(), lambda _: [Path("a")])
    after = parts(demo, keys, shared(**changed), lambda _: [Path(layer)])
    units = {
        "recorder@rec-1": {"active": True},
        "recorder@rec-2": {"active": False},
        "vigie-exporter-camera.service": {"active": True},
    }
    return outlook(demo, before if known else {}, after, {host.name: units for host in demo.deployed_hosts})


@pytest.mark.parametrize(
    ("changed", "restarts", "may", "interrupts"),
    [
        ({}, (), (), "no"),
        ({"vigie_wheel": "new"}, ("vigie-exporter-camera.service",), (), "no"),
        ({"vigie_binaries": "new"}, ("recorder@rec-1",), (), "yes"),
        ({"rules": "new"}, (), (), "no"),
        ({"roles": "new"}, (), ("recorder@rec-1", "vigie-exporter-camera.service"), "maybe"),
        ({"roles": "new", "vigie_wheel": "new"}, ("vigie-exporter-camera.service",), ("recorder@rec-1",), "maybe"),
    ],
)
def test_what_restarts_follows_from_what_changed(
    demo: Plan, changed: dict[str, str], restarts: tuple[str, ...], may: tuple[str, ...], interrupts: str
) -> None:
    look = looks(demo, "a", True, **changed)["recorder-1"]
    assert (look.changed, look.restarts, look.may_restart) == (tuple(sorted(changed)), restarts, may)
    assert (look.interrupts, look.anew, look.pending) == (interrupts, False, bool(changed))


def test_a_spare_interrupts_nothing(demo: Plan) -> None:
    assert looks(demo, vigie_binaries="new")["recorder-spare-1"].interrupts == "no"


def test_other_layers_make_the_host_anew(demo: Plan) -> None:
    look = looks(demo, "b")["recorder-1"]
    assert (look.anew, look.interrupts) == (True, "yes")


def test_a_host_of_unknown_parts_is_upgraded_and_promises_nothing(demo: Plan) -> None:
    look = looks(demo, "a", False)["recorder-1"]
    assert (look.pending, look.anew, look.restarts, look.interrupts) == (True, False, (), "maybe")


def test_what_is_done_is_skipped_and_a_canary_is_so_many_hosts(demo: Plan) -> None:
    assert pending(steps(demo), looks(demo), 0) == []
    half = looks(demo, roles="new") | {"recorder-spare-1": looks(demo)["recorder-spare-1"]}
    assert pending(steps(demo), half, 0) == steps(demo)[1:]
    assert [step.hosts for step in pending(steps(demo, 2), half, 3)] == [
        ("recorder-1",),
        ("recorder-2",),
        ("witness-1",),
    ]
    assert sum(len(step.hosts) for step in pending(steps(demo, 3), looks(demo, roles="new"), 2)) == 2


def test_what_an_upgrade_does_not_do_is_named(demo: Plan) -> None:
    assert moves(demo, demo) == []
    first, *rest = demo.cameras
    moved = replace(demo, cameras=(replace(first, identities=("rec-2",)), *rest[:-1]), hosts=demo.hosts[1:])
    assert moves(demo, moved) == [
        f"host {demo.hosts[0].name} is gone",
        f"camera {first.id} is recorded by rec-2",
        f"camera {rest[-1].id} is gone",
    ]
