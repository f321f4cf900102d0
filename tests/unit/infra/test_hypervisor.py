"""Both hypervisors as the commands deal with them: settings kept, keys in the state, volumes that keep the state."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from infra.components.environment import Bundle
from infra.components.hypervisor import Hypervisor, SettingsError
from infra.settings import TARGET_FILE
from infra.targets import environment, store, stored
from tests.unit.infra.hypervisors import planned_for, write
from tests.unit.infra.openstack import test_target as openstack
from tests.unit.infra.proxmox import test_target as proxmox
from vigie.city.errors import CityError
from vigie.plan import Plan, dump_plan
from vigie.plan.model import Environment
from vigie.state import State

BUNDLE = cast("Bundle", None)  # hosts fetch from it; no target on a hypervisor is made from it
SETTINGS: dict[Environment, str] = {"proxmox": proxmox.SETTINGS, "openstack": openstack.SETTINGS}


@pytest.fixture(params=["proxmox", "openstack"])
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Environment, Plan, Path, State]:
    """A target, its plan, its city folder and a prepared state."""
    name: Environment = request.param
    city, state = tmp_path / "city", State(tmp_path / "state")
    city.mkdir()
    state.prepare()
    state.ssh_key.with_suffix(".pub").write_text("ssh-ed25519 CITY\n")
    return name, planned_for("demo", name), write(city, f"{name}.yaml", SETTINGS[name]), state


def test_settings_are_kept_and_the_target_is_found_again(deployed: tuple[Environment, Plan, Path, State]) -> None:
    name, planned, city, state = deployed
    target: Any = environment(name)
    assert isinstance(environment(name), Hypervisor)
    target.keep(planned, city, state)
    made = target.target(planned, state, BUNDLE)
    assert made.context.authorized_key == "ssh-ed25519 CITY"
    assert made.context.keys == state.folder.resolve() / "ssh" / "hosts"
    store(name, made, state)
    assert stored(state.folder / TARGET_FILE) == (name, made)
    assert target.target(planned, state, BUNDLE) == made
    assert (target.is_up(planned, state), target.reach(planned), target.namespace(planned)) == (True, [], None)


def test_wrong_settings_change_nothing(deployed: tuple[Environment, Plan, Path, State]) -> None:
    name, planned, city, state = deployed
    target: Any = environment(name)
    target.keep(planned, city, state)
    accepted = (state.folder / f"{name}.yaml").read_text()
    with (city / f"{name}.yaml").open("a") as file:
        file.write("password: hunter2\n")
    with pytest.raises(CityError, match="a secret does not belong in this file"):
        target.keep(planned, city, state)
    assert (state.folder / f"{name}.yaml").read_text() == accepted


def test_volumes_keep_the_state_that_knows_them(deployed: tuple[Environment, Plan, Path, State]) -> None:
    """``down`` forgets a city only when nothing is left of it."""
    name, planned, _, state = deployed
    target: Any = environment(name)
    assert target.clear(None, state).left == ()
    state.plan.write_text(dump_plan(planned))
    left = target.clear(None, state).left
    assert [line.split(" (")[0] for line in left] == [
        f"volume recordings of {host}" for host in ("recorder-spare-1", "recorder-1", "recorder-2")
    ]


def test_hosts_are_not_placed_anew_when_it_is_unknown_where_they_stand(tmp_path: Path) -> None:
    state = State(tmp_path)
    (tmp_path / TARGET_FILE).write_text("{}")
    city = write(tmp_path, "proxmox.yaml", proxmox.SETTINGS)
    target: Any = environment("proxmox")
    with pytest.raises(SettingsError, match="does not say where hosts stand"):
        target.keep(planned_for("demo", "proxmox"), city, state)
