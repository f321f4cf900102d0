"""The capacity of the committed cities, counted a second time from their files by plain arithmetic.

Nothing of ``vigie.city`` or ``vigie.plan`` computes a number here: YAML and CSV are read with the libraries, quantities
are taken apart by a few lines of their own, sums are sums.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cities import REPOSITORY, committed
from vigie.plan import Plan

INVENTORIES = REPOSITORY / "inventories"
FACTORS: dict[str, Fraction | int] = {
    "B": 1, "GB": 10**9, "TB": 10**12, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9,
    "s": 1, "min": 60, "h": 3600, "days": 86_400, "%": Fraction(1, 100),
}  # fmt: skip
LOST_DISKS = {"none": 0, "raid6": 2}


def amount(text: str) -> Fraction:
    number, unit = text.split()
    return Fraction(number) * FACTORS[unit]


class Recount:
    """One city's folder, and what its recorders must hold."""

    def __init__(self, folder: Path) -> None:
        self.city: dict[str, Any] = yaml.safe_load((folder / "city.yaml").read_text("utf-8"))
        self.profiles = {profile["id"]: profile for profile in self.city["profiles"]}
        self.rates = {name: amount(profile["main"]["bitrate"]) for name, profile in self.profiles.items()}
        self.cameras = self._cameras(folder)  # camera -> (site, profile)
        settings = self.city.get("capacity", {})
        self.reserve = amount(settings.get("evidence_reserve", "5 %"))
        self.read = amount(settings.get("live_share", "10 %")) + amount(settings.get("playback_share", "2 %"))
        self.growth = Fraction(1)
        if "growth" in settings:
            years = settings["growth"]["until"].year - settings["growth"]["from"].year
            self.growth = (1 + amount(settings["growth"]["per_year"])) ** years
        tier = self.city["tiers"]["recorder"]
        self.server = next(one for one in self.city["server_classes"] if one["id"] == tier["class"])
        self.unit = next(one for one in self.city["storage_units"] if one["id"] == self.server["storage"])
        lost = LOST_DISKS[self.unit["raid"]] * self.unit.get("raid_sets", 1)
        after_raid = (self.unit["disks"] - lost) * amount(self.unit["disk"])
        self.usable = after_raid * Fraction(93, 100) * (1 - self.reserve) / self.growth
        self.kept = amount(self.city["retention"]["floor"]) + amount(self.city["recording"]["segment"])
        # Bits over the floor and one segment, as bytes, with 1 % for the container and 5 % for busy scenes.
        self.sizes = {name: rate * self.kept / 8 * Fraction(106, 100) for name, rate in self.rates.items()}

    def _cameras(self, folder: Path) -> dict[str, tuple[str, str]]:
        channels = {model["id"]: model["channels"] for model in self.city["models"]}
        found, named = {}, {}
        for row in csv.DictReader((folder / "cameras.csv").open(encoding="utf-8")):
            if row["encoder"]:
                named[row["encoder"], int(row["channel"])] = row
            else:
                found[row["id"]] = (row["site"], row["profile"])
        for row in csv.DictReader((folder / "encoders.csv").open(encoding="utf-8")):
            for channel in range(1, channels[row["model"]] + 1):
                given = named.get((row["id"], channel))
                name = given["id"] if given else f"{row['id']}-ch{channel}"
                found[name] = (row["site"], given["profile"] if given and given["profile"] else row["profile"])
        return found

    def copies(self, camera: str) -> int:
        return 2 if self.profiles[self.cameras[camera][1]].get("mirrored") else 1


CITIES = ["demo", "fes", "metropolis"]
SIZES = {"demo": 8, "fes": 1198, "metropolis": 100_000}


@pytest.fixture(scope="module", name="counted", params=CITIES)
def _counted(request: pytest.FixtureRequest) -> tuple[str, Recount, Plan]:
    return request.param, Recount(INVENTORIES / request.param), committed(request.param)[1]


def test_every_camera_is_there(counted: tuple[str, Recount, Plan]) -> None:
    name, recount, made = counted
    assert len(recount.cameras) == SIZES[name]
    assert {camera.id: camera.site for camera in made.cameras} == {c: site for c, (site, _) in recount.cameras.items()}
    assert all(len(camera.identities) == recount.copies(camera.id) for camera in made.cameras)


def test_recorders_hold_what_the_plan_says(counted: tuple[str, Recount, Plan]) -> None:
    """Bytes, bits a second and cameras of each recorder, from the cameras on it; every bound with its growth."""
    _, recount, made = counted
    on: dict[str, list[str]] = defaultdict(list)
    for camera in made.cameras:
        for identity in camera.identities:
            on[identity].append(camera.id)
    host_of = {identity.id: identity.host for identity in made.identities}
    loads = {load.host: load for load in made.capacity.recorders}
    assert len(loads) == len(host_of)
    for identity, host in host_of.items():
        cameras, load = on[identity], loads[host]
        profiles = Counter(recount.cameras[camera][1] for camera in cameras)
        bits = sum(count * recount.rates[profile] for profile, count in profiles.items())
        size = sum(count * recount.sizes[profile] for profile, count in profiles.items())
        assert len(set(cameras)) == len(cameras) == load.cameras
        assert load.ingest_bits_per_second == bits
        assert 0 <= load.needed_bytes - size < len(cameras) + 1
        assert 0 <= recount.usable - load.usable_bytes < 3
        assert size <= recount.usable
        assert len(cameras) * recount.growth <= recount.server["max_cameras"]
        assert bits * recount.growth <= amount(recount.server["max_ingest"])
        assert bits * recount.read * recount.growth <= amount(recount.server["max_read"])


def test_disks_are_counted(counted: tuple[str, Recount, Plan]) -> None:
    """Recorders, one spare for each group, and every disk in them; no more recorders than 5 % above the bytes' need."""
    name, recount, made = counted
    recorders = len(made.identities)
    groups = Counter(identity.group for identity in made.identities)
    size = recount.city["tiers"]["recorder"].get("group_size", 16)
    assert len(groups) == -(-recorders // size)
    hosts = recorders + len(groups) * recount.city["tiers"]["recorder"]["spare"]
    assert made.capacity.raw_bytes == hosts * recount.unit["disks"] * amount(recount.unit["disk"])
    assert sum(lot.disks for lot in made.lots) == hosts * recount.unit["disks"]
    if name != "demo":
        recorded = Counter(
            profile for camera, (_, profile) in recount.cameras.items() for _ in range(recount.copies(camera))
        )
        asked = sum(count * recount.sizes[profile] for profile, count in recorded.items())
        least = -(-asked // recount.usable)
        assert least <= recorders <= max(least + 1, least * Fraction(105, 100))


def test_sites_and_servers_are_counted(counted: tuple[str, Recount, Plan]) -> None:
    """Uplinks carry main streams (two of a mirrored camera) and analysed sub-streams."""
    _, recount, made = counted
    sent: dict[str, Fraction] = defaultdict(Fraction)
    analysed = 0
    for (site, profile), cameras in Counter(recount.cameras.values()).items():
        settings = recount.profiles[profile]
        sent[site] += cameras * amount(settings["main"]["bitrate"]) * (2 if settings.get("mirrored") else 1)
        if settings.get("analysed"):
            sent[site] += cameras * amount(settings["sub"]["bitrate"])
            analysed += cameras
    assert {site.site: site.bits_per_second for site in made.capacity.sites} == {
        site["id"]: sent[site["id"]] for site in recount.city["sites"]
    }
    hosts = Counter(host.tier for host in made.hosts)
    classes = {one["id"]: one for one in recount.city["server_classes"]}
    if "analytics" in recount.city["tiers"]:
        assert hosts["analytics"] == -(-analysed * recount.growth // classes["analytics"]["max_analysed"])
        streams = recount.city["capacity"]["viewers"] * 16
        assert hosts["streaming"] == -(-streams // classes["streaming"]["max_streams"])
