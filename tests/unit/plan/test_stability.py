"""A running city grows: what records stays where it is, and keeps its name, its address and its ports."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.cities import DEMO, committed, roomy_cities
from vigie.city import City, load_city
from vigie.city.model import CameraEntry
from vigie.plan import Plan, PlanRefused, plan

FES = committed("fes")[0]


def with_file(city: City, **values: Any) -> City:
    return city.model_copy(update={"file": city.file.model_copy(update=values)})


def with_tier(city: City, **values: Any) -> City:
    tiers = city.file.tiers
    return with_file(city, tiers=tiers.model_copy(update={"recorder": tiers.recorder.model_copy(update=values)}))


def with_site(city: City, name: str, cameras: int) -> City:
    """``city`` with a site more, beside the first, at the head of the list: nothing may hang on the order."""
    first = city.file.sites[0]
    network = next(iter(city.file.network.city.subnets(new_prefix=24)))
    site = first.model_copy(update={"id": name, "network": network, "uplink": 10**10})
    model = next((model for model in city.file.models if model.channels == 1), city.file.models[0])
    added = tuple(
        CameraEntry(f"{name}-{n}", name, None, 1, model.id, network[n + 1], city.file.profiles[0].id)
        for n in range(cameras)
    )
    grown = with_file(city, sites=(site, *city.file.sites))
    return grown.model_copy(update={"cameras": (*added, *city.cameras)})


def moved(before: Plan, after: Plan) -> list[str]:
    """Cameras of both plans that are recorded elsewhere."""
    old = {camera.id: camera.identities for camera in before.cameras}
    return [camera.id for camera in after.cameras if camera.id in old and old[camera.id] != camera.identities]


def renumbered(before: Plan, after: Plan) -> list[str]:
    """Hosts and identities of both plans with another address, port, group or home."""
    old: dict[str, Any] = {host.name: (host.address, host.tier) for host in before.hosts}
    old |= {one.id: (one.address, one.api_port, one.metrics_port, one.group, one.host) for one in before.identities}
    new: dict[str, Any] = {host.name: (host.address, host.tier) for host in after.hosts}
    new |= {one.id: (one.address, one.api_port, one.metrics_port, one.group, one.host) for one in after.identities}
    return [name for name in new if name in old and old[name] != new[name]]


@pytest.fixture(scope="module", name="fes")
def _fes() -> Plan:
    return committed("fes")[1]


CITIES = ["demo", "fes", "metropolis"]


def with_cameras(city: City, number: int) -> City:
    """``city`` with cameras more at its first site, named so that they sort before all others."""
    site, model = city.file.sites[0], next(iter(city.file.models))
    address = site.network.broadcast_address - 1
    added = (
        CameraEntry(f"a-{n}", site.id, None, 1, model.id, address - n, city.cameras[0].profile) for n in range(number)
    )
    return city.model_copy(update={"cameras": (*added, *city.cameras)})


def on_recorders(city: City, more: int) -> City:
    """``city`` with ``more`` recorders, if it counts them itself."""
    count = city.file.tiers.recorder.count
    return city if count is None else with_tier(city, count=count + more)


@pytest.mark.parametrize("name", CITIES)
def test_a_site_of_forty_cameras_moves_nothing(name: str) -> None:
    """The promise of issue 5: 0 of the city's cameras move. The demo's two recorders are full: it buys ten more."""
    city, before = committed(name)
    after = plan(with_site(on_recorders(city, 10), "new-site", 40), before)
    assert len(after.cameras) == len(before.cameras) + 40
    assert moved(before, after) == []
    assert renumbered(before, after) == []


@pytest.mark.parametrize("name", CITIES)
def test_a_camera_more_moves_nothing(name: str) -> None:
    """At a site that is recorded already."""
    city, before = committed(name)
    after = plan(with_cameras(on_recorders(city, 1), 1), before)
    assert len(after.cameras) == len(before.cameras) + 1
    assert moved(before, after) == []
    assert renumbered(before, after) == []


def test_a_lot_of_the_metropolis_is_exercised_and_moves_nothing() -> None:
    """A quarter of 100,000 cameras begins to be recorded where it was planned; so does a city that was written whole."""
    city, whole = committed("metropolis")
    lots = tuple(lot.model_copy(update={"exercised": lot.id in {"lot-2", "lot-3"}}) for lot in city.file.lots)
    before = plan(with_file(city, lots=lots))
    assert len(before.deployed_cameras) == 74_992
    after = plan(city, before)
    assert moved(before, after) == moved(whole, after) == []
    assert renumbered(before, after) == renumbered(whole, after) == []


def test_the_same_city_gives_the_same_plan(fes: Plan) -> None:
    """With the plan before or without it."""
    assert plan(FES, fes) == fes


def test_an_exercised_lot_moves_nothing(fes: Plan) -> None:
    """It was planned from the first day: now it is deployed, where it was planned."""
    assert not any(camera.deployed for camera in fes.cameras if camera.lot == "lot-3")
    lots = tuple(lot.model_copy(update={"exercised": lot.id == "lot-3"}) for lot in FES.file.lots)
    for previous in (None, fes):
        after = plan(with_file(FES, lots=lots), previous)
        assert moved(fes, after) == []
        assert renumbered(fes, after) == []
        assert {camera.lot for camera in after.deployed_cameras} == {"lot-1", "lot-3"}
        before = {host.name for host in fes.deployed_hosts}
        assert before < {host.name for host in after.deployed_hosts}


def test_lots_of_fes_are_counted_and_priced(fes: Plan) -> None:
    """Price by hand: recorders with twelve disks, streaming and analytics servers."""
    for lot in fes.lots:
        assert lot.price == lot.recorders * (78_000 + 12 * 3_900) + lot.streaming * 85_000 + lot.analytics * 190_000
        assert lot.disks == 12 * lot.recorders
        assert lot.raw_bytes == lot.disks * 16 * 10**12
        assert lot.recorders > 0
    assert [lot.deployed for lot in fes.lots] == [True, False, False, False]
    assert fes.currency == "MAD"


def test_a_recorder_more_moves_nothing() -> None:
    """In a city that counts its own recorders."""
    before = plan(load_city(DEMO))
    after = plan(with_tier(load_city(DEMO), count=4), before)
    assert moved(before, after) == []
    assert renumbered(before, after) == []
    assert len(after.identities) == 4


def test_a_recorder_less_moves_only_its_own_cameras() -> None:
    """What another recorder holds stays."""
    city = with_file(load_city(DEMO), retention=load_city(DEMO).file.retention.model_copy(update={"floor": 3600}))
    before = plan(with_tier(city, count=3))
    after = plan(with_tier(city, count=2), before)
    gone = {identity.id for identity in before.identities} - {identity.id for identity in after.identities}
    assert gone == {"rec-3"}
    assert set(moved(before, after)) == {camera.id for camera in before.cameras if camera.identity in gone}


def test_a_camera_that_becomes_mirrored_keeps_its_recorder() -> None:
    """It gains a second one."""
    city = load_city(DEMO)
    city = with_file(city, retention=city.file.retention.model_copy(update={"floor": 3600}))
    before = plan(city)
    profiles = (city.file.profiles[0].model_copy(update={"mirrored": True}), *city.file.profiles[1:])
    after = plan(with_file(city, profiles=profiles), before)
    first = {camera.id: camera.identity for camera in before.cameras}
    assert all(camera.identity == first[camera.id] for camera in after.cameras)
    assert {len(camera.identities) for camera in after.cameras} == {1, 2}


def test_a_slower_disk_moves_only_what_no_longer_fits() -> None:
    """Half the cameras that a class may take, and the plan before holds more than that on one recorder."""
    city = with_tier(load_city(DEMO), count=3)
    before = plan(city)
    server = city.file.server_classes[0].model_copy(update={"max_cameras": 3})
    after = plan(with_file(city, server_classes=(server,)), before)
    counts = {load.host: load.cameras for load in before.capacity.recorders}
    assert len(moved(before, after)) == sum(max(0, count - 3) for count in counts.values())


def test_another_citys_plan_is_not_taken() -> None:
    """Its cameras may carry the same names."""
    with pytest.raises(ValueError, match="'demo', not of 'fes'"):
        plan(FES, plan(load_city(DEMO)))


@given(roomy_cities(), st.integers(1, 8), st.integers(0, 2))
@settings(deadline=None, max_examples=40)
def test_growth_moves_nothing_that_fits(city: City, cameras: int, recorders: int) -> None:
    """Any city, a site more and perhaps recorders more: whenever the rest has room beside, nothing moves at all; in a
    city that is sized by its plan there always is room."""
    assume(not city.file.profiles[0].mirrored)
    try:
        before = plan(city)
    except PlanRefused:
        return
    grown = with_site(city, "added", cameras)
    if city.file.tiers.recorder.count is not None:
        grown = with_tier(grown, count=city.file.tiers.recorder.count + recorders)
    try:
        after = plan(grown, before)
    except PlanRefused:
        return
    assert renumbered(before, after) == []
    if city.file.tiers.recorder.count is None:
        assert moved(before, after) == []
    assert plan(grown, after) == after


@given(roomy_cities())
@settings(deadline=None, max_examples=30)
def test_a_plan_before_changes_nothing_without_a_change(city: City) -> None:
    """Planning twice is planning once."""
    try:
        before = plan(city)
    except PlanRefused:
        return
    assert plan(city, before) == before
