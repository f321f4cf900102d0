"""The Proxmox target against mocks: no hypervisor can be had here, so these are all the proof there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.components.apart import apart
from infra.proxmox.settings import FILE
from infra.proxmox.target import HOST_TYPE, ProxmoxTarget
from tests.unit.infra.hypervisors import AUTHORIZED_KEY, changed, only_problem, planned_for, without, write
from tests.unit.infra.pulumi_mocks import Registered, Run, in_plain_sight, run_program
from vigie.city.errors import CityError
from vigie.plan import Plan
from vigie.plan.model import Hardware

SETTINGS = """\
endpoint: https://pve.example.org:8006/
nodes: [pve-1, pve-2, pve-3, pve-4, pve-5, pve-6, pve-7, pve-8, pve-9]
image: local:import/debian-13-genericcloud-amd64.qcow2
datastores: {system: fast, volumes: footage, snippets: local}
bridge: vmbr1
vlan: 120
gateway: 10.77.0.2
first_id: 20000
sizes:
  central: {cores: 6, memory: 12 GiB, disk: 80 GiB}
"""
FILE_TYPE = "proxmoxve:index/fileLegacy:FileLegacy"
# Cores, MiB of memory and GiB of disk: of central from the file above, of the others by default.
SIZES = {
    "central": (6, 12288, 80),
    "witness": (1, 2048, 16),
    "recorder": (4, 8192, 32),
    "noc": (4, 8192, 128),
    "streaming": (4, 4096, 16),
    "analytics": (8, 16384, 64),
}
HOLDER_SUFFIX = "-recordings"


async def greets(_: str) -> None:
    """A host that answers at once."""


def outputs(kind: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Proxmox VE adds: the path of each disk, named after the virtual machine that owns it."""
    if kind != HOST_TYPE:
        return {}
    disks = [disk | {"pathInDatastore": f"vm-{inputs['vmId']:.0f}-disk-{n}"} for n, disk in enumerate(inputs["disks"])]
    return {"disks": disks}


def target(folder: Path, planned: Plan, text: str = SETTINGS, previous: ProxmoxTarget | None = None) -> ProxmoxTarget:
    made = ProxmoxTarget.of(planned, write(folder, FILE, text), AUTHORIZED_KEY, folder / "keys", previous)
    return replace(made, greeting=greets)


@pytest.fixture(scope="module", params=["demo", "fes"])
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, ProxmoxTarget, Run]:
    planned = planned_for(request.param, "proxmox")
    made = target(tmp_path_factory.mktemp(request.param), planned)
    return planned, made, run_program(planned, made, outputs)


def machines(run: Run) -> dict[str, Registered]:
    return {name: found for name, found in run.of(HOST_TYPE).items() if not name.endswith(HOLDER_SUFFIX)}


def holders(run: Run) -> dict[str, Registered]:
    return {name: found for name, found in run.of(HOST_TYPE).items() if name.endswith(HOLDER_SUFFIX)}


def test_each_deployed_host_exists_once_and_no_other(ran: tuple[Plan, ProxmoxTarget, Run]) -> None:
    planned, _, run = ran
    wanted = {host.name for host in planned.deployed_hosts}
    assert machines(run).keys() == wanted == run.exports["hosts"].keys()
    assert {found.inputs["name"] for found in machines(run).values()} == wanted
    undeployed = {host.name for host in planned.hosts if not host.deployed}
    assert not any(name.startswith(f"{host}-") or name == host for host in undeployed for _, name in run.resources)
    if planned.city == "fes":
        assert undeployed, "the conditional lots of fes are not exercised"


def test_each_host_has_its_addresses_its_size_and_an_id_of_its_own(ran: tuple[Plan, ProxmoxTarget, Run]) -> None:
    planned, _, run = ran
    identifiers = [found.inputs["vmId"] for found in run.of(HOST_TYPE).values()]
    assert len(set(identifiers)) == len(identifiers)
    for host in planned.deployed_hosts:
        inputs = machines(run)[host.name].inputs
        given = inputs["cpu"]["cores"], inputs["memory"]["dedicated"], inputs["disks"][0]["size"]
        assert given == SIZES[host.tier], host.name
        network = run.of(FILE_TYPE)[f"{host.name}-network"].inputs["sourceRaw"]["data"]
        assert f"{host.address}/{host.prefix_length}" in str(network)
        (device,) = inputs["networkDevices"]
        assert (device["bridge"], device["vlanId"]) == ("vmbr1", 120)
        assert device["macAddress"].lower() in str(network)
        assert run.exports["hosts"][host.name]["address"] == host.address


def test_a_server_class_says_what_its_hosts_are_given(tmp_path: Path) -> None:
    """The plan owns the value; the file fills in what the plan leaves open."""
    planned = planned_for("demo", "proxmox")
    asked = Hardware(cores=10, memory_bytes=20 * 2**30)
    planned = replace(planned, hosts=tuple(replace(host, hardware=asked) for host in planned.hosts))
    inputs = machines(run_program(planned, target(tmp_path, planned), outputs))["central-1"].inputs
    assert (inputs["cpu"]["cores"], inputs["memory"]["dedicated"], inputs["disks"][0]["size"]) == (10, 20480, 80)


def test_volumes_are_disks_of_protected_machines_that_never_run(ran: tuple[Plan, ProxmoxTarget, Run]) -> None:
    """A disk of the host itself would go when the host is made anew."""
    planned, _, run = ran
    volumes = [(host, volume) for host in planned.deployed_hosts for volume in host.volumes]
    assert len(holders(run)) == len(volumes) > 0
    for host, volume in volumes:
        holder, machine = holders(run)[f"{host.name}-{volume.name}"], machines(run)[host.name]
        assert (holder.protect, holder.retain_on_delete, holder.inputs["protection"]) == (True, True, True)
        assert (holder.inputs["started"], holder.inputs["onBoot"]) == (False, False)
        assert holder.inputs["nodeName"] == machine.inputs["nodeName"]
        (kept,) = holder.inputs["disks"]
        assert volume.size_bytes <= kept["size"] * 2**30 < volume.size_bytes + 2**30
        lent = machine.inputs["disks"][1]
        assert lent["pathInDatastore"] == f"vm-{holder.inputs['vmId']:.0f}-disk-0"
        assert (lent["datastoreId"], lent["serial"], lent["size"]) == ("footage", volume.name, kept["size"])
        assert machine.inputs["deleteUnreferencedDisksOnDestroy"] is False
        assert lent["serial"] in str(run.of(FILE_TYPE)[f"{host.name}-user"].inputs["sourceRaw"])
    assert not any(found.protect for found in machines(run).values()), "hosts are there to be made anew"


def test_no_hypervisor_holds_two_of_what_must_not_be_lost_together(ran: tuple[Plan, ProxmoxTarget, Run]) -> None:
    planned, _, run = ran
    place = {name: found.inputs["nodeName"] for name, found in machines(run).items()}
    assert place["central-1"] != place["central-2"]
    for group in apart(planned):
        assert max(Counter(place[host] for host in group.hosts).values()) == 1, group.name


def test_a_person_sees_city_tier_lot_and_plan(ran: tuple[Plan, ProxmoxTarget, Run]) -> None:
    planned, _, run = ran
    for host in planned.deployed_hosts:
        tags = machines(run)[host.name].inputs["tags"]
        wanted = {f"city-{planned.city}", f"tier-{host.tier}", f"lot-{host.lot}", f"plan-{planned.digest[:12]}"}
        assert (set(tags), tags) == (wanted, sorted(tags))


def test_the_directory_starts_before_the_recorders(ran: tuple[Plan, ProxmoxTarget, Run]) -> None:
    planned, _, run = ran
    order = {host.tier: machines(run)[host.name].inputs["startup"]["order"] for host in planned.deployed_hosts}
    assert order["central"] == order["witness"] < order["recorder"] < order["noc"]


def test_no_private_key_and_no_token_is_in_plain_sight(ran: tuple[Plan, ProxmoxTarget, Run], tmp_path: Path) -> None:
    _, made, run = ran
    plain = in_plain_sight([found.sent for found in run.resources.values()])
    assert "PRIVATE KEY" in str([found.inputs for found in run.resources.values()])
    assert "PRIVATE KEY" not in plain + str(run.exports) + made.dump()
    (provider,) = run.of("pulumi:providers:proxmoxve").values()
    assert {key for key, value in provider.inputs.items() if value is not None} == {"endpoint"}
    assert made.context.host_keys().of("central-1").public == run.exports["hosts"]["central-1"]["ssh_host_key"]


def test_a_new_image_reaches_a_host_only_when_it_is_rebuilt(tmp_path: Path) -> None:
    planned = planned_for("demo", "proxmox")
    made = target(tmp_path, planned).rebuilding(["recorder-1"])
    found = machines(run_program(planned, made, outputs))
    assert found["recorder-1"].ignore_changes == ()
    assert found["recorder-2"].ignore_changes[0] == "disks[0].importFrom"


def test_the_target_is_read_as_it_was_written(ran: tuple[Plan, ProxmoxTarget, Run], tmp_path: Path) -> None:
    _, made, _ = ran
    (tmp_path / "target.json").write_text(made.dump(), encoding="utf-8")
    assert ProxmoxTarget.load(tmp_path / "target.json") == made


def test_hosts_stay_where_they_stand_when_the_city_grows(tmp_path: Path) -> None:
    planned = planned_for("demo", "proxmox")
    before = target(tmp_path, without(planned, "central-1"))
    after = target(tmp_path, planned, previous=before)
    assert {host: after.placement[host] for host in before.placement} == before.placement
    moved = target(tmp_path, planned, changed(SETTINGS, "placement", {"noc-1": "pve-9"}), previous=after)
    assert {host for host in after.placement if moved.placement[host] != after.placement[host]} == {"noc-1"}


WRONG: list[tuple[str, object, str, str, str]] = [
    ("api_token", "root@pam!x=1", "api_token", "a secret does not belong in this file", "PROXMOX_VE_API_TOKEN"),
    ("password", "x", "password", "a secret does not belong in this file", "change it"),
    ("brigde", "vmbr1", "brigde", "unknown key", "docs/how-to/targets.md"),
    ("bridge", None, "bridge", "missing", "add it"),
    ("endpoint", "http://pve", "endpoint", "is not an address", "targets.md"),
    ("endpoint", "https://root:pw@pve:8006", "endpoint", "a user or password does not belong", "targets.md"),
    ("image", "debian.qcow2", "image", "is not an image in a datastore", "targets.md"),
    ("nodes", [], "nodes", "at least 1 item", "targets.md"),
    ("vlan", True, "vlan", "not a whole number", "targets.md"),
    ("vlan", 4095, "vlan", "less than or equal to 4094", "targets.md"),
    ("first_id", 99, "first_id", "greater than or equal to 100", "targets.md"),
    ("sizes", {"central": {"cores": 4, "memory": 12, "disk": "80 GiB"}}, "sizes.central.memory", "not a quantity", "t"),
    ("sizes", {"centre": {"cores": 4, "memory": "8 GiB", "disk": "80 GiB"}}, "sizes.centre", "input should be", "t"),
    ("placement", {"central-9": "pve-1"}, "placement.central-9", "the plan has no such host", "remove the line"),
    ("placement", {"central-1": "pve-99"}, "", "placement names pve-99, which is not in nodes", "targets.md"),
    ("placement", {"central-1": "pve-1", "central-2": "pve-1"}, "nodes", "on one hypervisor", "mend placement"),
    ("nodes", ["pve-1", "pve-2"], "nodes", "3 hypervisors are needed, 2 are there", "name more hypervisors"),
    ("nodes", ["pve-1", "pve-1", "pve-2"], "", "names one hypervisor twice", "targets.md"),
    ("first_id", 899_999_999, "", "", ""),
]


@pytest.mark.parametrize(("key", "value", "field", "message", "fix"), WRONG)
def test_wrong_settings_are_refused_with_place_and_fix(
    tmp_path: Path, key: str, value: object, field: str, message: str, fix: str
) -> None:
    text = changed(SETTINGS, key, value)
    if not message:
        target(tmp_path, planned_for("demo", "proxmox"), text)  # as large as it may be
        return
    with pytest.raises(CityError) as error:
        target(tmp_path, planned_for("demo", "proxmox"), text)
    problem = only_problem(error)
    assert (problem.file, problem.field.removesuffix(".[key]")) == (FILE, field)
    assert message in problem.message
    assert fix in problem.fix
    line = text.splitlines()[problem.line - 1]
    assert not field or value is None or field.rpartition(".")[2] in line
    assert "pw" not in str(problem) or "root" not in str(problem)
    assert not (tmp_path / "keys").exists(), "nothing is made for a city that is refused"


def test_a_hypervisor_that_holds_footage_cannot_be_left_out(tmp_path: Path) -> None:
    planned = planned_for("demo", "proxmox")
    before = target(tmp_path, planned)
    gone = before.placement["recorder-1"]
    rest = [name for name in before.settings.nodes if name != gone]
    with pytest.raises(CityError, match=f"recorder-1 stands on {gone}, which is no longer named") as error:
        target(tmp_path, planned, changed(SETTINGS, "nodes", rest), previous=before)
    assert all("migrate" in problem.fix for problem in error.value.problems)
