"""``machines.csv``: what it becomes in the plan, and every mistake in it named with line, field and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cities import copy_of_demo
from vigie.city import City, CityError, load_city
from vigie.city.load import CITY_FILE, MACHINES_FILE
from vigie.plan import Plan, host_variables, plan
from vigie.plan.machines import hosts_without_machine, unknown_hosts
from vigie.plan.model import Hardware, Login

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC7Xk2mYb0ZQb1Hn8oXz7XvY3cUeZkT8mS0a9rVbW2dE"
PRINT = "SHA256:" + "a" * 43
HEADER = "host,address,port,user,host_key"


def metal_city(folder: Path, *lines: str, target: str = "metal") -> Path:
    """The demo on racked machines, its recorders and central hosts of a class that says what it is made of."""
    copy_of_demo(folder)
    path = folder / CITY_FILE
    text = path.read_text("utf-8").replace("target: lab", f"target: {target}")
    assert text.count("storage: ") == 1
    line = next(one for one in text.splitlines() if "storage: " in one)
    indent = line[: len(line) - len(line.lstrip())]
    more = "".join(f"\n{indent}{one}" for one in ("cores: 8", "memory: 32 GB", "network: 10 Gbit/s"))
    path.write_text(text.replace(line, line + more), "utf-8")
    (folder / MACHINES_FILE).write_text("\n".join([HEADER, *lines]) + "\n", "utf-8")
    return folder


def planned(folder: Path) -> tuple[City, Plan]:
    city = load_city(folder)
    return city, plan(city)


def test_a_machine_becomes_its_host_and_is_reached_as_it_says(tmp_path: Path) -> None:
    """Port and account reach Ansible, the firewall and the roles; what is left empty is the plan's."""
    folder = metal_city(tmp_path, f"recorder-1,10.77.0.200,2222,operator,{KEY}", f"noc-1,,,,{PRINT}")
    _, made = planned(folder)
    recorder, noc, central = (made.host(name) for name in ("recorder-1", "noc-1", "central-1"))
    assert recorder.machine == Login("10.77.0.200", 2222, "operator", KEY)
    assert noc.machine == Login(noc.address, 22, "vigie", PRINT)
    assert central.machine is None
    assert central.login == Login(central.address, 22, "vigie", "")
    assert recorder.hardware == Hardware(8, 32 * 10**9, 10**10)
    assert noc.hardware == Hardware()
    variables = host_variables(made, "recorder-1")
    assert (variables["vigie_admin_user"], variables["vigie_ports"]["ssh"]) == ("operator", 2222)
    assert [rule.port for rule in recorder.firewall if rule.purpose == "administration"] == [2222]
    assert set(hosts_without_machine(made)) == {h.name for h in made.deployed_hosts} - {"recorder-1", "noc-1"}


def test_a_city_is_planned_before_its_machines_are_there(tmp_path: Path) -> None:
    folder = metal_city(tmp_path)
    (folder / MACHINES_FILE).unlink()
    assert planned(folder)[1].host("recorder-1").machine is None


@pytest.mark.parametrize(
    ("line", "field", "says"),
    [
        (f"recorder-1,10.77.0.300,,,{KEY}", "address", "not an IPv4 address"),
        (f"recorder-1,,99999,,{KEY}", "port", "less than or equal to 65535"),
        (f"recorder-1,,,root,{KEY}", "user", "not root"),
        (f"recorder-1,,,a b,{KEY}", "user", "no account"),
        ("recorder-1,,,,", "host_key", "no host key"),
        ("recorder-1,,,,MD5:aa:bb", "host_key", "no host key"),
        (f"Recorder_1,,,,{KEY}", "host", "not an id"),
        (f"noc-1,10.77.0.99,,,{PRINT}", "host", "stands already in line 2"),
        (f"recorder-1,10.77.0.98,,,{PRINT}", "host_key", "is that of noc-1 too"),
        (f"recorder-1,10.77.0.99,,,{KEY}", "address", "is the machine of noc-1 already"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, line: str, field: str, says: str) -> None:
    folder = metal_city(tmp_path, f"noc-1,10.77.0.99,,,{PRINT}", line)
    with pytest.raises(CityError) as caught:
        load_city(folder)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.field) == (MACHINES_FILE, 3, field)
    assert says in problem.message
    assert problem.fix


def test_machines_are_of_no_use_to_another_target(tmp_path: Path) -> None:
    with pytest.raises(CityError, match="no use to target 'lab'"):
        load_city(metal_city(tmp_path, f"noc-1,,,,{KEY}", target="lab"))


def test_a_host_that_the_plan_does_not_have_is_named(tmp_path: Path) -> None:
    (problem,) = unknown_hosts(*planned(metal_city(tmp_path, f"noc-1,,,,{KEY}", f"recorder-99,,,,{PRINT}")))
    assert (problem.line, problem.field) == (3, "host")
    assert "recorder-99" in problem.message


def test_an_unknown_class_of_a_tier_is_named(tmp_path: Path) -> None:
    folder = metal_city(tmp_path)
    path = folder / CITY_FILE
    text = path.read_text("utf-8")
    assert text.count("witness: {count: 1") == 1
    path.write_text(text.replace("witness: {count: 1", "witness: {class: tiny, count: 1"), "utf-8")
    with pytest.raises(CityError, match=r"tiers\.witness\.class.*'tiny'"):
        load_city(folder)
