"""Each recorder is lost in turn: its group's spare takes over all of its cameras, within every bound.

Counted from the plan and the city's own figures by the formulas of docs/how-to/describe-a-city.md, with nothing of the
planner: a mistake there must not vouch for itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given, settings

from tests.unit.cities import committed, roomy_cities
from vigie.city import City
from vigie.plan import Plan, PlanRefused, plan

DATA_DISKS: dict[str, Callable[[int, int], int]] = {
    "none": lambda disks, _: disks,
    "raid1": lambda _, sets: sets,
    "raid5": lambda disks, sets: disks - sets,
    "raid6": lambda disks, sets: disks - 2 * sets,
    "raid10": lambda disks, _: disks // 2,
}


@dataclass(frozen=True)
class Load:
    """What cameras ask of one host on the last day of the growth: exact, nothing rounded."""

    cameras: Fraction
    written: Fraction
    read: Fraction
    size: Fraction

    def within(self, other: Load) -> bool:
        return (
            self.cameras <= other.cameras
            and self.written <= other.written
            and self.read <= other.read
            and self.size <= other.size
        )


class Bounds:
    """What one host of the recorder tier takes, and what each camera asks."""

    def __init__(self, city: City) -> None:
        file = city.file
        server = next(one for one in file.server_classes if one.id == file.tiers.recorder.server_class)
        unit = next(one for one in file.storage_units if one.id == server.storage)
        disks = DATA_DISKS[unit.raid](unit.disks, unit.raid_sets)
        reserve = Fraction(file.capacity.evidence_reserve, 10_000)
        self.host = Load(
            Fraction(server.max_cameras or 0),
            Fraction(server.max_ingest or 0),
            Fraction(server.max_read or 0),
            disks * unit.disk * Fraction(93, 100) * (1 - reserve),
        )
        self.growth = Fraction(1)
        growth = file.capacity.growth
        if growth:
            years = growth.until.year - growth.start.year
            rest = (growth.until - growth.start.replace(year=growth.until.year)).days
            rate = Fraction(growth.per_year, 10_000)
            self.growth = (1 + rate) ** years * (1 + rate * Fraction(rest, 365))
        self.read = Fraction(file.capacity.live_share + file.capacity.playback_share, 10_000)
        self.kept = file.retention.floor + file.recording.segment
        rates = {profile.id: profile.main.bitrate for profile in file.profiles}
        self.rate = {camera.id: rates[camera.profile] for camera in city.cameras}

    def asked(self, cameras: list[str]) -> Load:
        bits = self.growth * sum(self.rate[camera] for camera in cameras)
        return Load(len(cameras) * self.growth, bits, bits * self.read, bits * self.kept / 8 * Fraction(106, 100))


def check_every_loss(city: City, made: Plan) -> int:
    """Lose each recorder in turn; returns how many losses were served."""
    bounds = Bounds(city)
    recorded: dict[str, list[str]] = defaultdict(list)
    for camera in made.cameras:
        assert len(set(camera.identities)) == len(camera.identities) >= 1
        for name in camera.identities:
            recorded[name].append(camera.id)
    homes = {identity.host for identity in made.identities}
    may_reach = {(flow.source, flow.destination) for flow in made.flows if flow.purpose == "video"}
    deployed = {host.name for host in made.deployed_hosts}
    served = 0
    for identity in made.identities:
        cameras = recorded[identity.id]
        assert bounds.asked(cameras).within(bounds.host), f"{identity.id} on its own host"
        assert len(identity.standby) == city.file.tiers.recorder.spare
        for spare in identity.standby:
            assert spare not in homes, "a spare that records already cannot take all of another recorder"
            assert made.host(spare).tier == "recorder"
            assert made.host(spare).volumes == made.host(identity.host).volumes
            if identity.cameras:
                assert {spare, identity.host} <= deployed
                assert (spare, f"devices of {identity.id}") in may_reach
            served += 1
    return served


@pytest.mark.parametrize(("name", "losses"), [("demo", 2), ("fes", 0), ("metropolis", 0)])
def test_each_loss_is_served_in_the_committed_cities(name: str, losses: int) -> None:
    city, made = committed(name)
    assert check_every_loss(city, made) == (losses or len(made.identities))


def test_members_of_a_group_can_stand_on_one_spare_with_ports_of_their_own() -> None:
    """Whichever of them it takes, and two where there are two spares: ports must not meet."""
    for name in ("demo", "fes", "metropolis"):
        made = committed(name)[1]
        ports = [(one.group, port) for one in made.identities for port in (one.api_port, one.metrics_port)]
        assert len(set(ports)) == len(ports) == 2 * len(made.identities)


def test_a_mirrored_camera_survives_the_loss_of_either_host() -> None:
    """Two recorders, two hosts: one picture is left whichever burns."""
    for name in ("fes", "metropolis"):
        city, made = committed(name)
        mirrored = {profile.id for profile in city.file.profiles if profile.mirrored}
        twice = {camera.id for camera in city.cameras if camera.profile in mirrored}
        host_of = {identity.id: identity.host for identity in made.identities}
        for camera in made.cameras:
            assert len({host_of[identity] for identity in camera.identities}) == (2 if camera.id in twice else 1)
        assert twice or name == "fes"


@given(roomy_cities())
@settings(deadline=None, max_examples=60)
def test_each_loss_is_served_in_any_city(city: City) -> None:
    try:
        made = plan(city)
    except PlanRefused:
        return
    assert check_every_loss(city, made) == len(made.identities) * city.file.tiers.recorder.spare
    placed = {camera.id: camera.identities for camera in made.cameras}
    mirrored = {profile.id for profile in city.file.profiles if profile.mirrored}
    assert {camera.id: 1 + (camera.profile in mirrored) for camera in city.cameras} == {
        name: len(identities) for name, identities in placed.items()
    }


@given(roomy_cities(), roomy_cities())
@settings(deadline=None, max_examples=30)
def test_whatever_the_city_was_before(before: City, city: City) -> None:
    """Profiles, bounds, groups, spares, lots and cameras all changed at once: every promise holds, and the plan rests."""
    try:
        made = plan(city, plan(before))
    except PlanRefused:
        return
    check_every_loss(city, made)
    assert plan(city, made) == made
