"""Deployed plans are kept, named and bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.cities import DEMO
from vigie.city import load_city
from vigie.plan import Plan, dump_plan, plan
from vigie.plan.document import sealed
from vigie.state import State, city_files, history

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo() -> Plan:
    return plan(load_city(DEMO))


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "demo")
    state.prepare()
    return state


def keep(state: State, deployed: Plan, minutes: int) -> None:
    history.remember(state, deployed.digest, dump_plan(deployed), NOON + timedelta(minutes=minutes))


def titled(demo: Plan, title: str) -> Plan:
    return sealed(replace(demo, title=title))


def test_a_deployed_plan_is_read_back(state: State, demo: Plan) -> None:
    keep(state, demo, 0)
    (one,) = history.deployments(state)
    assert (one.name, one.time) == (f"20261124T120000Z-{demo.digest[:12]}", NOON)
    assert one.load() == demo
    assert one.path.stat().st_mode & 0o077 == 0


def test_the_same_plan_again_is_kept_once(state: State, demo: Plan) -> None:
    other = titled(demo, "other")
    for minutes, deployed in enumerate((demo, demo, other, demo)):
        keep(state, deployed, minutes)
    assert [one.digest for one in history.deployments(state)] == [d.digest[:12] for d in (demo, other, demo)]


def test_only_so_many_are_kept_and_the_newest(state: State, demo: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT", 3)
    plans = [titled(demo, str(number)) for number in range(5)]
    for minutes, deployed in enumerate(plans):
        keep(state, deployed, minutes)
    assert [one.load().title for one in history.deployments(state)] == ["2", "3", "4"]


def test_one_is_found_by_the_start_of_its_name_or_digest(state: State, demo: Plan) -> None:
    other = titled(demo, "other")
    for minutes, deployed in enumerate((demo, other, demo)):
        keep(state, deployed, minutes)
    assert history.find(state, other.digest[:6]).load() == other
    assert history.find(state, "20261124T1200").load() == demo
    for name, says in (("", "several"), ("2026", "several"), ("f" * 12, "no deployment")):
        with pytest.raises(LookupError, match=says):
            history.find(state, name)


@pytest.mark.parametrize("damage", [b"", b"no gzip", None])
def test_a_damaged_one_says_so(state: State, demo: Plan, damage: bytes | None) -> None:
    keep(state, demo, 0)
    (one,) = history.deployments(state)
    one.path.write_bytes(one.path.read_bytes()[:-20] if damage is None else damage)
    with pytest.raises(ValueError, match=r"damaged|not a plan"):
        one.load()


def test_the_city_folder_is_kept_and_edits_are_seen(state: State, tmp_path: Path) -> None:
    folder = tmp_path / "inventory"
    (folder / "maps").mkdir(parents=True)
    (folder / "city.yaml").write_text("a", "utf-8")
    (folder / "maps" / "a.csv").write_text("b", "utf-8")
    (folder / ".git").write_text("no part", "utf-8")
    assert city_files.edited(state, folder) == ["city.yaml", "maps/a.csv"]
    city_files.keep(state, folder)
    assert city_files.edited(state, folder) == []
    (folder / "city.yaml").write_text("c", "utf-8")
    (folder / "maps" / "a.csv").unlink()
    assert city_files.edited(state, folder) == ["city.yaml", "maps/a.csv"]
    city_files.keep(state, folder)
    assert [path.as_posix() for path in city_files.files_of(state.city)] == ["city.yaml"]
    city_files.keep(state, state.city)
    assert (state.city / "city.yaml").read_text("utf-8") == "c"
