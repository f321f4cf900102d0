"""What ``vigie diff`` names: every category that is left out is a surprise on the day of the change."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.unit.cities import DEMO, committed, roomy_cities
from tests.unit.plan.test_stability import with_file, with_site, with_tier
from vigie.city import City, load_city
from vigie.plan import Plan, PlanRefused, plan
from vigie.plan.changes import Difference, UnitEffect
from vigie.plan.difference import difference, nothing_yet
from vigie.plan.document import sealed
from vigie.plan.model import GiveUp, Login

CITY = load_city(DEMO)
BEFORE = plan(CITY)
FES, FES_PLAN = committed("fes")


def after(city: City, before: Plan = BEFORE) -> Difference:
    return difference(before, plan(city, before))


def with_retention(city: City, **values: int) -> City:
    return with_file(city, retention=city.file.retention.model_copy(update=values))


def with_unit(city: City, **values: Any) -> City:
    (unit,) = city.file.storage_units
    return with_file(city, storage_units=(unit.model_copy(update=values),))


def without_camera(city: City, name: str) -> City:
    return city.model_copy(update={"cameras": tuple(camera for camera in city.cameras if camera.id != name)})


def changed(whole: Plan, **parts: Any) -> Plan:
    """``whole`` with ``parts`` replaced, sealed again: what no city may lead to, but a plan can hold."""
    return sealed(replace(whole, **parts))


# --- the whole


def test_equal_plans_differ_in_nothing() -> None:
    assert difference(BEFORE, BEFORE).empty
    assert difference(FES_PLAN, plan(FES, FES_PLAN)).empty


def test_plans_of_two_cities_are_not_compared() -> None:
    with pytest.raises(ValueError, match="two cities"):
        difference(BEFORE, FES_PLAN)


def test_before_the_first_deployment_everything_is_added() -> None:
    found = difference(nothing_yet(BEFORE), BEFORE)
    assert [one.host for one in found.hosts] == [host.name for host in BEFORE.hosts]
    for category in (found.hosts, found.cameras, found.sites):
        assert {one.kind for one in category} == {"added"}
    assert len(found.cameras) == len(BEFORE.cameras)
    assert not found.loses_footage
    assert found.interrupted == 0


@given(roomy_cities(), roomy_cities())
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_there_and_back_is_the_same_way(one: City, other: City) -> None:
    """What is added on the way there is removed on the way back, and the same cameras are interrupted."""
    try:
        before = plan(one)
        later = plan(other, before)
    except PlanRefused:
        return
    there, back = difference(before, later), difference(later, before)
    opposite = {"added": "removed", "removed": "added", "changed": "changed"}
    opposite |= {"grows": "shrinks", "shrinks": "grows", "vanishes": "added", "moves": "moves"}
    for category in ("hosts", "cameras", "identities", "targets", "sites", "loads", "forwards", "planned"):
        names = [
            sorted(
                (next(iter(_values(one))), opposite[one.kind], _swapped(one.changes))
                for one in getattr(there, category)
            ),
            sorted((next(iter(_values(one))), one.kind, _told(one.changes)) for one in getattr(back, category)),
        ]
        assert names[0] == names[1], category
    volumes = {(one.host, one.before_bytes, one.after_bytes) for one in there.volumes}
    assert volumes == {(one.host, one.after_bytes, one.before_bytes) for one in back.volumes}
    moves = {(one.camera, one.before, one.after, one.interrupted) for one in there.moves}
    assert moves == {(one.camera, one.after, one.before, one.interrupted) for one in back.moves}
    assert {(one.host, one.port, one.opened, one.closed) for one in there.firewall} == {
        (one.host, one.port, one.closed, one.opened) for one in back.firewall
    }
    assert there.interrupted == back.interrupted
    assert there.empty == back.empty == (before.digest == later.digest)


def _values(one: Any) -> list[str]:
    return [getattr(one, field.name) for field in fields(one)]


def _told(changes: Any) -> list[tuple[str, str, str]]:
    return [(change.field, str(change.before), str(change.after)) for change in changes]


def _swapped(changes: Any) -> list[tuple[str, str, str]]:
    return [(change.field, str(change.after), str(change.before)) for change in changes]


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}-other"
    return "other"


def _mutations(value: Any, path: str) -> list[tuple[str, Any]]:
    """``value`` with one leaf changed, for every leaf; of a tuple, its first entry and one entry less."""
    if is_dataclass(value):
        return [
            (where, replace(value, **{field.name: made}))  # type: ignore[type-var]
            for field in fields(value)
            for where, made in _mutations(getattr(value, field.name), f"{path}.{field.name}")
        ]
    if isinstance(value, tuple):
        if not value:
            return []
        first = [(where, (made, *value[1:])) for where, made in _mutations(value[0], f"{path}[0]")]
        return [*first, (f"{path} less one", value[:-1])]
    return [(path, _another(value))]


# These names stand elsewhere, too: changed alone, the plan names what is not there.
_BOUND = (
    "cameras[0].id",
    "identities[0].id",
    "identities[0].standby[0]",
    "identities less one",
    "time_sources[0]",
    "hosts[0].name",
)
# Firewalls are rendered from flows, and lab devices from cameras: what hosts are told of them is compared. A racked
# machine and what is given up under pressure have tests of their own.
_DERIVED = (
    "plan.lab_devices",
    ".machine",
    ".give_up",
    "plan.flows",
    "plan.digest",
    "plan.city",
    "identities[0].host",
    "identities[0].cameras",
    "cameras less one",
)


@pytest.mark.parametrize(
    ("where", "mutated"),
    [
        pytest.param(where, mutated, id=where)
        for where, mutated in _mutations(BEFORE, "plan")
        if not any(where.startswith(f"plan.{name}") for name in _BOUND) and not any(name in where for name in _DERIVED)
    ],
)
def test_no_value_of_a_plan_changes_unnamed(where: str, mutated: Plan) -> None:
    """Whatever differs is named somewhere: a plan that is not the same never gives an empty difference."""
    assert not difference(BEFORE, mutated).empty, where


def test_what_is_given_up_under_pressure_is_named() -> None:
    """Written or changed: every keeper is told, and restarts."""
    given_up = changed(BEFORE, retention=replace(BEFORE.retention, give_up=GiveUp(("street-h264",), 3600)))
    later = changed(BEFORE, retention=replace(BEFORE.retention, give_up=GiveUp(("street-h264",), 7200)))
    for old, new in ((BEFORE, given_up), (given_up, later)):
        found = difference(old, new)
        units = {(host.host, effect.unit) for host in found.hosts for effect in host.units}
        assert units == {(h.name, "vigie-keeper.service") for h in BEFORE.deployed_hosts if h.tier == "recorder"}


# --- cameras


def test_a_new_site_adds_and_moves_nothing() -> None:
    found = difference(FES_PLAN, plan(with_site(FES, "new-site", 40), FES_PLAN))
    assert {(one.site, one.kind) for one in found.cameras} == {("new-site", "added")}
    assert len(found.cameras) == 40
    assert found.moves == ()
    assert found.interrupted == 0
    assert [(one.name, one.kind) for one in found.sites] == [("new-site", "added")]


def test_a_camera_that_goes_leaves_its_footage_until_the_ceiling() -> None:
    found = after(without_camera(CITY, "cam-station-hall"))
    (camera,) = found.cameras
    assert (camera.camera, camera.kind, camera.recorders) == ("cam-station-hall", "removed", ("recorder-2",))
    (left,) = found.remainders
    gone = BEFORE.cameras_by_id["cam-station-hall"]
    assert (left.host, left.cameras, left.seconds) == ("recorder-2", (gone.id,), gone.retention_ceiling_seconds)
    assert left.footage_bytes == -(-gone.bytes_per_day * gone.retention_ceiling_seconds // 86_400)
    assert left.fits


def test_a_new_address_interrupts_that_camera_alone() -> None:
    """One path of the recorder's file changes; the others do not notice."""
    cameras = tuple(camera._replace() if False else camera for camera in BEFORE.cameras)
    target = next(camera for camera in cameras if camera.id == "cam-station-hall")
    moved = replace(target, main=replace(target.main, path="/other"))
    later = changed(BEFORE, cameras=tuple(moved if camera is target else camera for camera in BEFORE.cameras))
    found = difference(BEFORE, later)
    (broken,) = found.interruptions
    assert (broken.where, broken.cameras, broken.cause) == ("recorder-2", (target.id,), "its source changes")
    assert broken.seconds == 5 + target.main.keyframe_interval_seconds
    (camera,) = found.cameras
    assert [change.field for change in camera.changes] == ["main.path"]


def test_a_recording_setting_restarts_every_camera() -> None:
    found = after(with_file(CITY, recording=CITY.file.recording.model_copy(update={"segment": 30})))
    assert found.interrupted == len(BEFORE.cameras)
    assert {one.cause for one in found.interruptions} == {"every camera restarts: pathDefaults.recordSegmentDuration"}
    assert [(one.where, len(one.cameras)) for one in found.interruptions] == [("recorder-1", 5), ("recorder-2", 3)]
    assert ("segment_seconds", 60, 30) in [(one.field, one.before, one.after) for one in found.settings]


def test_a_recorder_less_moves_its_cameras_and_loses_its_volume() -> None:
    city = with_unit(CITY, disk=200 * 10**9)
    before = plan(city)
    found = difference(before, plan(with_tier(city, count=1), before))
    assert [(one.host, one.kind) for one in found.hosts if one.kind == "removed"] == [("recorder-2", "removed")]
    moved = [camera for camera in before.cameras if camera.identity == "rec-2"]
    assert [(one.camera, one.before, one.after) for one in found.moves] == [
        (camera.id, ("rec-2",), ("rec-1",)) for camera in moved
    ]
    assert all(one.interrupted and one.seconds == 7 for one in found.moves)
    (volume,) = [one for one in found.volumes if one.kind == "vanishes"]
    assert (volume.host, volume.fate) == ("recorder-2", "out of reach")
    kept = sum(-(-one.bytes_per_day * one.retention_ceiling_seconds // 86_400) for one in moved)
    assert volume.footage_bytes == kept
    assert found.loses_footage
    assert [one.name for one in found.identities if one.kind == "removed"] == ["rec-2"]
    assert {one.name for one in found.targets if one.kind == "removed"} == {
        f"{job} on recorder-2" for job in ("node", "camera", "recording", "retention", "storage")
    }
    assert ("VigieTargetDown", ("recorder-2",)) in [(one.alert, one.subjects) for one in found.notices]
    assert "VigieCameraNotRecorded" in {one.alert for one in found.notices}


def test_footage_that_does_not_fit_beside_is_said() -> None:
    """All cameras of the small disk leave for another recorder: what they leave stands in the way of what comes."""
    swapped = {"rec-1": "rec-2", "rec-2": "rec-1"}
    cameras = tuple(
        replace(one, identity=swapped[one.identity], identities=(swapped[one.identity],)) for one in BEFORE.cameras
    )
    identities = tuple(
        replace(one, cameras=tuple(camera.id for camera in cameras if camera.identity == one.id))
        for one in BEFORE.identities
    )
    found = difference(BEFORE, changed(BEFORE, cameras=cameras, identities=identities))
    assert len(found.moves) == found.interrupted == len(cameras)
    assert [(one.host, one.fits) for one in found.remainders] == [("recorder-1", False), ("recorder-2", False)]


def test_a_mirrored_camera_that_loses_one_recorder_is_not_interrupted() -> None:
    target = BEFORE.cameras[0]
    both = replace(target, identities=("rec-1", "rec-2"), identity="rec-1")

    def with_camera(camera: Any) -> Plan:
        cameras = (camera, *BEFORE.cameras[1:])
        identities = tuple(
            replace(one, cameras=tuple(c.id for c in cameras if one.id in c.identities)) for one in BEFORE.identities
        )
        return changed(BEFORE, cameras=cameras, identities=identities)

    found = difference(with_camera(both), with_camera(replace(both, identities=("rec-2",), identity="rec-2")))
    (move,) = found.moves
    assert (move.before, move.after, move.interrupted, move.seconds) == (("rec-1", "rec-2"), ("rec-2",), False, 0.0)
    assert found.interrupted == 0


def test_the_lab_interrupts_the_devices_that_a_host_plays() -> None:
    """A camera less restarts the simulator of its site, and with it the others there."""
    found = after(without_camera(CITY, "cam-station-hall"))
    (broken,) = found.interruptions
    assert (broken.where, broken.cause) == ("lab-station", "the simulated devices restart")
    assert set(broken.cameras) == {"cam-station-forecourt", "enc-station-1-ch1"}


def test_a_device_that_has_to_encode_otherwise_may_drop_its_stream() -> None:
    """The recorder's file stays as it is, and yet footage may be missing."""
    (profile, *others) = FES.file.profiles
    main = profile.main.model_copy(update={"bitrate": profile.main.bitrate // 2})
    found = after(with_file(FES, profiles=(profile.model_copy(update={"main": main}), *others)), FES_PLAN)
    cameras = {camera.id for camera in FES.cameras if camera.profile == profile.id}
    cameras &= {camera.id for camera in FES_PLAN.deployed_cameras}
    assert {name for one in found.interruptions for name in one.cameras} == cameras
    assert {one.cause for one in found.interruptions} == {"the device is set anew: bits_per_second"}
    assert {one.camera for one in found.cameras} == cameras
    assert {change.field for one in found.cameras for change in one.changes} == {
        "main.bits_per_second",
        "bytes_per_day",
    }


# --- retention


def test_a_lower_ceiling_says_what_it_erases() -> None:
    ceiling = CITY.file.retention.ceiling
    found = after(with_retention(CITY, ceiling=ceiling - 1800))
    (one,) = found.retention
    assert (one.cameras, one.ceiling_before_seconds, one.ceiling_after_seconds) == (8, ceiling, ceiling - 1800)
    assert one.erased_seconds == 1800
    assert one.erased_bytes == sum(-(-camera.bytes_per_day * 1800 // 86_400) for camera in BEFORE.cameras)
    assert found.loses_footage
    assert found.interrupted == 0


def test_a_higher_ceiling_erases_nothing() -> None:
    found = after(with_retention(CITY, ceiling=CITY.file.retention.ceiling + 1800))
    (one,) = found.retention
    assert (one.erased_seconds, one.erased_bytes) == (0, 0)
    assert not found.loses_footage


# --- hosts


def test_volumes_that_grow_and_shrink() -> None:
    larger = after(with_unit(CITY, disk=2 * CITY.file.storage_units[0].disk))
    assert {(one.host, one.kind, one.fate) for one in larger.volumes} == {
        (host, "grows", None) for host in ("recorder-1", "recorder-2", "recorder-spare-1")
    }
    assert not larger.loses_footage
    assert larger.interrupted == 8
    assert all(one.seconds is None for one in larger.interruptions)
    before = plan(with_unit(CITY, disk=2 * CITY.file.storage_units[0].disk))
    smaller = difference(before, plan(CITY, before))
    assert {(one.kind, one.fate) for one in smaller.volumes} == {("shrinks", "refused")}
    assert smaller.loses_footage


@pytest.mark.parametrize(
    ("target", "fate"), [("metal", "out of reach"), ("proxmox", "protected"), ("openstack", "protected")]
)
def test_what_becomes_of_a_volume_is_the_targets_way(target: Any, fate: str) -> None:
    before = changed(FES_PLAN, target=target)
    gone = next(host for host in before.deployed_hosts if host.name == "recorder-1")
    left = [tuple(name for name in camera.identities if name != "rec-1") for camera in before.cameras]
    cameras = tuple(
        replace(camera, identity=names[0], identities=names)
        for camera, names in zip(before.cameras, left, strict=True)
        if names
    )
    later = changed(
        before,
        hosts=tuple(host for host in before.hosts if host is not gone),
        cameras=cameras,
        identities=tuple(one for one in before.identities if one.id != "rec-1"),
    )
    (volume,) = difference(before, later).volumes
    assert (volume.host, volume.kind, volume.fate) == ("recorder-1", "vanishes", fate)
    assert volume.footage_bytes > 0


def test_a_host_at_another_address_interrupts_what_it_records() -> None:
    host = BEFORE.host("recorder-1")
    hosts = tuple(replace(one, address="10.77.0.99") if one is host else one for one in BEFORE.hosts)
    found = difference(BEFORE, changed(BEFORE, hosts=hosts))
    (one,) = [one for one in found.hosts if one.host == "recorder-1"]
    assert [(change.field, change.before, change.after) for change in one.changes] == [
        ("address", "10.77.0.65", "10.77.0.99")
    ]
    assert UnitEffect("prometheus-node-exporter.service", "restarts") in one.units
    (broken,) = found.interruptions
    assert (broken.where, len(broken.cameras), broken.seconds) == ("recorder-1", 5, None)


def test_another_racked_machine_leaves_the_footage_on_the_old_one() -> None:
    def with_machine(address: str) -> Plan:
        hosts = (replace(one, machine=Login(address)) if one.name == "recorder-1" else one for one in BEFORE.hosts)
        return changed(BEFORE, hosts=tuple(hosts))

    found = difference(with_machine("10.77.3.1"), with_machine("10.77.3.2"))
    assert [(one.host, [change.field for change in one.changes]) for one in found.hosts] == [
        ("recorder-1", ["machine.address"])
    ]
    (volume,) = found.volumes
    assert (volume.host, volume.kind, volume.fate) == ("recorder-1", "moves", "out of reach")
    assert volume.footage_bytes > 0
    (broken,) = found.interruptions
    assert (broken.where, len(broken.cameras), broken.seconds) == ("recorder-1", 5, None)


def test_services_that_restart_are_named() -> None:
    """Exporters read their file when they start, the recorder and Prometheus while they run."""
    found = after(without_camera(CITY, "cam-station-hall"))
    units = {one.host: set(one.units) for one in found.hosts}
    assert units["recorder-2"] == {
        UnitEffect("nftables.service", "reloads"),
        UnitEffect("recorder@rec-2.service", "reloads"),
        UnitEffect("vigie-exporter-camera.service", "restarts"),
        UnitEffect("vigie-exporter-recording.service", "restarts"),
        UnitEffect("vigie-exporter-retention.service", "restarts"),
        UnitEffect("vigie-keeper.service", "restarts"),
    }
    assert units["lab-station"] == {UnitEffect("vigie-lab-encoder.service", "restarts")}
    # A spare has the file of every identity of its group; none of them runs. Its keeper knows their cameras.
    assert units["recorder-spare-1"] == {
        UnitEffect("nftables.service", "reloads"),
        UnitEffect("vigie-keeper.service", "restarts"),
    }
    scraped = CITY.file.monitoring.model_copy(update={"scrape_interval": 20})
    slower = after(with_file(CITY, monitoring=scraped))
    assert {one.host: one.units for one in slower.hosts} == {"noc-1": (UnitEffect("prometheus.service", "reloads"),)}
    assert [one.alert for one in slower.notices] == ["every alert"]


def test_firewall_rules_are_opened_and_closed_by_peer() -> None:
    found = after(without_camera(CITY, "cam-station-hall"))
    address = BEFORE.cameras_by_id["cam-station-hall"].address
    assert {(one.host, one.chain, one.port, one.opened, one.closed) for one in found.firewall} == {
        (host, "output", 554, (), (address,)) for host in ("recorder-2", "recorder-spare-1")
    }


# --- lots


def test_an_exercised_lot_is_named_with_all_it_brings() -> None:
    lots = tuple(lot.model_copy(update={"exercised": lot.id == "lot-3"}) for lot in FES.file.lots)
    later = plan(with_file(FES, lots=lots), FES_PLAN)
    there, back = difference(FES_PLAN, later), difference(later, FES_PLAN)
    assert [one.lot for one in there.lots if one.step == "exercised"] == ["lot-3"]
    assert [one.lot for one in back.lots if one.step == "withdrawn"] == ["lot-3"]
    prices = {lot.id: lot.price for lot in later.lots}
    assert all(one.price_after == prices[one.lot] for one in there.lots)
    assert {one.kind for one in there.cameras} == {"added"}
    assert {camera.lot for camera in later.cameras if camera.id in {one.camera for one in there.cameras}} == {"lot-3"}
    assert {one.host for one in there.hosts if one.kind == "added"} == {host.name for host in later.deployed_hosts} - {
        host.name for host in FES_PLAN.deployed_hosts
    }


def test_a_change_of_a_lot_that_is_not_deployed_touches_nothing() -> None:
    name = next(camera.id for camera in FES.cameras if camera.id == "cam-sefrou-6")
    found = difference(FES_PLAN, plan(without_camera(FES, name), FES_PLAN))
    assert [(one.name, one.kind) for one in found.planned] == [(name, "removed")]
    assert (found.hosts, found.cameras, found.moves, found.interruptions) == ((), (), (), ())
    assert not found.empty


def test_the_spare_of_a_group_that_goes_is_named() -> None:
    found = after(with_tier(CITY, spare=0))
    assert [(one.host, one.kind) for one in found.hosts if one.kind == "removed"] == [("recorder-spare-1", "removed")]
    loads = {one.name: one for one in found.loads}
    assert ("spares", ("recorder-spare-1",), ()) in [
        (change.field, change.before, change.after) for change in loads["group-1"].changes
    ]
    standby = [change.field for one in found.identities for change in one.changes]
    assert standby == ["standby", "standby"]
