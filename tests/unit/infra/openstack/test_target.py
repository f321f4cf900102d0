"""The OpenStack target against mocks: no cloud can be had here, so these are all the proof there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from infra.components.apart import apart
from infra.openstack.firewall import openings
from infra.openstack.settings import FILE
from infra.openstack.target import HOST_TYPE, OpenStackTarget
from tests.unit.infra.hypervisors import AUTHORIZED_KEY, changed, only_problem, planned_for, write
from tests.unit.infra.pulumi_mocks import Run, in_plain_sight, run_program
from vigie.city.errors import CityError
from vigie.plan import Plan
from vigie.plan.model import FirewallRule, GroupLoad

SETTINGS = """\
cloud: city
network: cameras
image: debian-13
flavors: {central: m1.large, witness: m1.small, noc: m1.large, recorder: c1.xlarge, streaming: c1.medium, analytics: g1}
volume_type: footage
"""
VOLUME = "openstack:blockstorage/volume:Volume"
ATTACHED = "openstack:compute/volumeAttach:VolumeAttach"
PORT = "openstack:networking/port:Port"
GROUP = "openstack:networking/secGroup:SecGroup"
RULE = "openstack:networking/secGroupRule:SecGroupRule"
PEERS = "openstack:networking/addressGroupV2:AddressGroupV2"
APART = "openstack:compute/serverGroup:ServerGroup"
SUBNET = "openstack:networking/subnet:Subnet"


async def greets(_: str) -> None:
    """A host that answers at once."""


def outputs(kind: str, _: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the cloud answers when it is asked for a network or subnet by name."""
    return (
        {"id": f"id of {inputs['name']}"}
        if kind.split("/")[-1] in {"getNetwork:getNetwork", "getSubnet:getSubnet"}
        else {}
    )


def target(folder: Path, planned: Plan, text: str = SETTINGS) -> OpenStackTarget:
    made = OpenStackTarget.of(planned, write(folder, FILE, text), AUTHORIZED_KEY, folder / "keys")
    return replace(made, greeting=greets)


@pytest.fixture(scope="module", params=["demo", "fes"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, OpenStackTarget, Run]:
    planned = planned_for(request.param, "openstack")
    made = target(tmp_path_factory.mktemp(request.param), planned)
    return planned, made, run_program(planned, made, outputs)


def test_each_deployed_host_exists_once_and_no_other(ran: tuple[Plan, OpenStackTarget, Run]) -> None:
    planned, _, run = ran
    wanted = {host.name for host in planned.deployed_hosts}
    assert run.of(HOST_TYPE).keys() == run.of(PORT).keys() == run.of(GROUP).keys() == wanted
    assert run.exports["hosts"].keys() == wanted
    undeployed = {host.name for host in planned.hosts if not host.deployed}
    assert not any(name.startswith(f"{host}-") or name == host for host in undeployed for _, name in run.resources)


def test_each_host_has_its_flavor_and_its_addresses(ran: tuple[Plan, OpenStackTarget, Run]) -> None:
    planned, _, run = ran
    flavors = yaml.safe_load(SETTINGS)["flavors"]
    for host in planned.deployed_hosts:
        server, port = run.of(HOST_TYPE)[host.name].inputs, run.of(PORT)[host.name].inputs
        assert (server["flavorName"], server["imageName"], server["configDrive"]) == (
            flavors[host.tier], "debian-13", True,
        )  # fmt: skip
        assert server["networks"] == [{"port": f"{host.name}-id"}]
        assert [held["ipAddress"] for held in port["fixedIps"]] == [host.address, *host.extra_addresses]
        assert {held["subnetId"] for held in port["fixedIps"]} == {f"{planned.city}-id"}
        assert port["networkId"] == "id of cameras"
        assert run.exports["hosts"][host.name]["address"] == host.address
    subnet = run.of(SUBNET)[planned.city].inputs
    assert (subnet["cidr"], subnet["enableDhcp"], subnet["noGateway"]) == (planned.network.city, False, True)


def test_a_recorder_may_use_the_addresses_it_stands_by_for(ran: tuple[Plan, OpenStackTarget, Run]) -> None:
    """Neutron drops packets from any other: a takeover would record nothing."""
    planned, _, run = ran
    for identity in planned.identities:
        for host in {identity.host, *identity.standby} & run.of(PORT).keys():
            pairs = run.of(PORT)[host].inputs["allowedAddressPairs"]
            assert {"ipAddress": identity.address} in pairs
    assert run.of(PORT)["central-1"].inputs["allowedAddressPairs"] == []


def test_volumes_are_protected_and_outlive_their_host(ran: tuple[Plan, OpenStackTarget, Run]) -> None:
    planned, _, run = ran
    volumes = [(host, volume) for host in planned.deployed_hosts for volume in host.volumes]
    assert len(run.of(VOLUME)) == len(volumes) > 0
    for host, volume in volumes:
        name = f"{host.name}-{volume.name}"
        made, attached = run.of(VOLUME)[name], run.of(ATTACHED)[name].inputs
        assert (made.protect, made.retain_on_delete) == (True, True)
        assert volume.size_bytes <= made.inputs["size"] * 2**30 < volume.size_bytes + 2**30
        assert made.inputs["volumeType"] == "footage"
        assert (attached["instanceId"], attached["volumeId"]) == (f"{host.name}-id", f"{name}-id")
        assert f'"{name}-id"'[:21] in run.of(HOST_TYPE)[host.name].inputs["userData"]
    assert not any(found.protect for kind in (HOST_TYPE, PORT, ATTACHED) for found in run.of(kind).values())


def test_what_must_not_be_lost_together_is_in_one_anti_affinity_group(ran: tuple[Plan, OpenStackTarget, Run]) -> None:
    planned, _, run = ran
    assert {found.inputs["policies"] for found in run.of(APART).values()} == {"anti-affinity"}
    for group in apart(planned):
        for host in group.hosts:
            (hint,) = run.of(HOST_TYPE)[host].inputs["schedulerHints"]
            assert hint == {"group": f"{group.name}-id"}
    assert run.of(APART).keys() == {group.name for group in apart(planned)} >= {"central", "group-1"}


def test_the_firewall_of_the_plan_and_nothing_else_is_open(ran: tuple[Plan, OpenStackTarget, Run]) -> None:
    planned, _, run = ran
    assert all(found.inputs["deleteDefaultRules"] for found in run.of(GROUP).values())
    opened: dict[str, set[tuple[str, str, int, str]]] = {host.name: set() for host in planned.deployed_hosts}
    for found in run.of(RULE).values():
        rule = found.inputs
        assert rule["portRangeMin"] == rule["portRangeMax"]
        peers = [rule["remoteIpPrefix"]] if rule.get("remoteIpPrefix") else []
        if not peers:
            peers = run.of(PEERS)[rule["remoteAddressGroupId"].removesuffix("-id")].inputs["addresses"]
        chain = {"ingress": "input", "egress": "output"}[rule["direction"]]
        for peer in peers:
            for address in IPv4Network(peer):
                key = chain, rule["protocol"], int(rule["portRangeMin"]), str(address)
                opened[rule["securityGroupId"].removesuffix("-id")].add(key)
    for host in planned.deployed_hosts:
        wanted = {(rule.chain, rule.protocol, rule.port, peer) for rule in host.firewall for peer in rule.peers}
        assert opened[host.name] == wanted, host.name
        assert run.of(PORT)[host.name].inputs["securityGroupIds"] == [f"{host.name}-id"]


RULES = st.lists(
    st.builds(
        FirewallRule,
        st.sampled_from(["input", "output"]),
        st.sampled_from(["tcp", "udp"]),
        st.integers(1, 3),
        st.lists(st.integers(0, 20).map(lambda last: f"10.0.0.{last}"), max_size=6).map(tuple),
        st.sampled_from(["video", "time"]),
    ),
    max_size=8,
)


@given(RULES)
def test_openings_hold_the_peers_of_the_rules_and_no_other(rules: list[FirewallRule]) -> None:
    found = openings(rules)
    wanted = {(rule.chain, rule.protocol, rule.port, peer) for rule in rules for peer in rule.peers}
    chains = {"ingress": "input", "egress": "output"}
    got = [
        (chains[one.direction], one.protocol, one.port, str(address))
        for one in found
        for peer in one.peers
        for address in IPv4Network(peer)
    ]
    assert sorted(got) == sorted(wanted)
    assert len({one.name for one in found}) == len(found)


def test_a_person_sees_city_tier_lot_and_plan(ran: tuple[Plan, OpenStackTarget, Run]) -> None:
    planned, _, run = ran
    for host in planned.deployed_hosts:
        wanted = {"city": planned.city, "tier": host.tier, "lot": host.lot, "plan": planned.digest[:12]}
        assert run.of(HOST_TYPE)[host.name].inputs["metadata"] == wanted


def test_no_private_key_is_in_plain_sight(ran: tuple[Plan, OpenStackTarget, Run]) -> None:
    _, made, run = ran
    assert "PRIVATE KEY" in run.of(HOST_TYPE)["central-1"].inputs["userData"]
    plain = in_plain_sight([found.sent for found in run.resources.values()])
    assert "PRIVATE KEY" not in plain + str(run.exports) + made.dump()
    (provider,) = run.of("pulumi:providers:openstack").values()
    assert {key for key, value in provider.inputs.items() if value is not None} == {"cloud"}
    assert made.context.host_keys().of("noc-1").public == run.exports["hosts"]["noc-1"]["ssh_host_key"]


def test_a_new_image_reaches_a_host_only_when_it_is_rebuilt(tmp_path: Path) -> None:
    planned = planned_for("demo", "openstack")
    run = run_program(planned, target(tmp_path, planned).rebuilding(["recorder-1"]), outputs)
    assert run.of(HOST_TYPE)["recorder-1"].ignore_changes == ()
    assert run.of(HOST_TYPE)["recorder-2"].ignore_changes == ("imageName", "userData")


def test_a_subnet_that_exists_is_used(tmp_path: Path) -> None:
    planned = planned_for("demo", "openstack")
    run = run_program(planned, target(tmp_path, planned, changed(SETTINGS, "subnet", "devices")), outputs)
    assert run.of(SUBNET) == {}
    assert run.of(PORT)["noc-1"].inputs["fixedIps"][0]["subnetId"] == "id of devices"


@pytest.mark.parametrize(
    ("anti_affinity", "policy", "rules"),
    [("strict", "anti-affinity", {"maxServerPerHost": 2}), ("soft", "soft-anti-affinity", None)],
)
def test_a_group_with_two_spares_may_have_two_hosts_on_one_hypervisor(
    tmp_path: Path, anti_affinity: str, policy: str, rules: object
) -> None:
    planned = planned_for("demo", "openstack")
    group: GroupLoad = replace(planned.capacity.groups[0], losses=2)
    planned = replace(planned, capacity=replace(planned.capacity, groups=(group,)))
    run = run_program(planned, target(tmp_path, planned, changed(SETTINGS, "anti_affinity", anti_affinity)), outputs)
    made = run.of(APART)["group-1"].inputs
    assert (made["policies"], made.get("rules")) == (policy, rules)


def test_the_target_is_read_as_it_was_written(ran: tuple[Plan, OpenStackTarget, Run], tmp_path: Path) -> None:
    _, made, _ = ran
    (tmp_path / "target.json").write_text(made.dump(), encoding="utf-8")
    assert OpenStackTarget.load(tmp_path / "target.json") == made


WRONG: list[tuple[str, object, str, str, str]] = [
    ("password", "x", "password", "a secret does not belong in this file", "OS_CLIENT_CONFIG_FILE"),
    ("application_credential_secret", "x", "application_credential_secret", "a secret does not belong", "change it"),
    ("flavours", {}, "flavours", "unknown key", "docs/how-to/targets.md"),
    ("cloud", None, "cloud", "missing", "add it"),
    ("cloud", 7, "cloud", "7 is not a name", "targets.md"),
    ("flavors", {"central": "a", "witness": "a", "noc": "a"}, "flavors.recorder", "no flavor for tier", "flavor list"),
    ("flavors", "m1.large", "flavors", "must be keys and values", "targets.md"),
    ("gateway", "10.77.0", "gateway", "not an IPv4 address", "targets.md"),
    ("anti_affinity", "none", "anti_affinity", "'strict' or 'soft'", "targets.md"),
]


@pytest.mark.parametrize(("key", "value", "field", "message", "fix"), WRONG)
def test_wrong_settings_are_refused_with_place_and_fix(
    tmp_path: Path, key: str, value: object, field: str, message: str, fix: str
) -> None:
    text = changed(SETTINGS, key, value)
    with pytest.raises(CityError) as error:
        target(tmp_path, planned_for("demo", "openstack"), text)
    problem = only_problem(error)
    assert (problem.file, problem.field) == (FILE, field)
    assert message in problem.message
    assert fix in problem.fix
    if value is not None:
        assert key in text.splitlines()[problem.line - 1]
    assert not (tmp_path / "keys").exists(), "nothing is made for a city that is refused"


def test_a_city_without_its_settings_is_told_to_write_them(tmp_path: Path) -> None:
    with pytest.raises(CityError, match=r"openstack\.yaml: cannot be read"):
        OpenStackTarget.of(planned_for("demo", "openstack"), tmp_path, AUTHORIZED_KEY, tmp_path / "keys")
