"""A city that does not fit is refused before anybody buys disks, with numbers that are right and ways that work."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings

from tests.unit.cities import DEMO, REPOSITORY, city_of, committed, demo_values, roomy_cities
from vigie.city import City, load_city
from vigie.city.quantity import BYTE_UNITS, DURATION_UNITS, parse
from vigie.plan import PlanRefused, Shortfall, plan
from vigie.plan.recording import Attempt

DEMO_CITY = load_city(DEMO)


def demo_with(**recorder: Any) -> City:
    """The demo with other values of the recorder tier; ``floor``, ``disk`` and ``uplink`` go where they belong."""
    values = demo_values()
    values["retention"] = {"floor": recorder.pop("floor", "4 h"), "ceiling": "90 days"}
    values["storage_units"][0]["disk"] = recorder.pop("disk", "16 GB")
    values["sites"][1]["uplink"] = recorder.pop("uplink", "50 Mbit/s")
    values["network"]["platform"] = recorder.pop("platform", "10.77.0.0/24")
    if "max_cameras" in recorder:
        values["server_classes"][0]["max_cameras"] = recorder.pop("max_cameras")
    values["capacity"] = recorder.pop("capacity", {"evidence_reserve": "0 %"})
    values["tiers"]["recorder"] |= recorder
    city = city_of(values, list(DEMO_CITY.encoders), [])
    return city.model_copy(update={"cameras": DEMO_CITY.cameras})


def refusals(city: City) -> list[Shortfall]:
    with pytest.raises(PlanRefused) as caught:
        plan(city)
    return caught.value.shortfalls


def test_the_shortfall_in_numbers() -> None:
    """Ten hours of 7 Mbit/s are 33.4 GB, of which one recorder of 16 GB holds 14.88: worked by hand."""
    (shortfall,) = refusals(demo_with(floor="10 h"))
    needed = 10_500_000 * (36_000 + 60) * 106 / 800 / 1e9
    assert f"{needed:.3g} GB, 8 recordings, 10.5 Mbit/s" == shortfall.needed
    assert shortfall.available.startswith("29.8 GB, 200 recordings, 800 Mbit/s (2 recorders of 14.9 GB")
    assert "cameras have no recorder at a retention floor of 10 h" in shortfall.what
    assert len(shortfall.ways) >= 3


def test_the_way_out_in_recorders_is_the_least_that_fits() -> None:
    """One recorder too many is money, one too few is a second refusal."""
    (shortfall,) = refusals(demo_with(floor="10 h"))
    more = int(re.match(r"(\d+) more", shortfall.ways[0])[1])  # type: ignore[index]
    plan(demo_with(floor="10 h", count=2 + more))
    refusals(demo_with(floor="10 h", count=2 + more - 1))


def test_one_storage_unit_too_many_taken_away_is_named_with_the_right_number() -> None:
    """Fès on as many recorders as its plan asks, then on one and two fewer than it can do with."""
    fes = load_city(REPOSITORY / "inventories" / "fes")
    count = len(plan(fes).identities)

    def on(number: int) -> City:
        return fes.model_copy(update={"file": fes.file.model_copy(update={"tiers": _tier(fes, count=number)})})

    plan(on(count))
    least = next(number for number in range(count, 0, -1) if not Attempt.of(on(number - 1)).fits())
    assert count - least <= 1
    for fewer in (1, 2):
        (shortfall,) = refusals(on(least - fewer))
        # Groups of eight: the seventeenth recorder begins a third group, which has its own spare.
        spares = -(-least // 8) - -(-(least - fewer) // 8)
        said = re.match(
            r"(\d+) more recorder\(s\)(?: and (\d+) spare\(s\))?: (\d+) disks .*\((\d+) MAD\)", shortfall.ways[0]
        )
        assert said
        assert [int(number or 0) for number in said.groups()] == [
            fewer, spares, 12 * (fewer + spares), 124_800 * (fewer + spares),
        ]  # fmt: skip
        assert shortfall.missing


@pytest.mark.parametrize(("name", "disks", "price"), [("demo", 1, None), ("metropolis", 60, 517_000)])
def test_one_recorder_too_few_is_one_recorder_more(name: str, disks: int, price: int | None) -> None:
    """The same for the smallest and the largest city; both plans ask no recorder too many."""
    city, made = committed(name)
    count = len(made.identities)
    (shortfall,) = refusals(
        city.model_copy(update={"file": city.file.model_copy(update={"tiers": _tier(city, count=count - 1)})})
    )
    cost = f" ({price} MAD)" if price else ""
    assert re.fullmatch(rf"1 more recorder\(s\): {disks} disks of [^(]*{re.escape(cost)}, 0 days", shortfall.ways[0])
    assert len(shortfall.ways) >= 3


def test_a_bound_of_cameras_offers_no_disks() -> None:
    """Two recorders of three cameras for eight: disks would not help, and the answer does not sell any."""
    (shortfall,) = refusals(demo_with(max_cameras=3))
    assert "2 of 8 cameras" in shortfall.what
    text = " ".join(shortfall.ways)
    assert "1 more recorder" in text
    assert "max_cameras of 4" in text
    assert "floor" not in text
    assert "disks instead" not in text


def test_a_camera_too_large_for_any_recorder_is_not_cured_by_more_of_them() -> None:
    """Every floor of 30 days outgrows a 16 GB disk, on any number of recorders."""
    (shortfall,) = refusals(demo_with(floor="30 days"))
    text = " ".join(shortfall.ways)
    assert "more recorder" not in text
    assert "disks instead" in text


def test_a_narrow_uplink_is_refused_by_site() -> None:
    """Video that cannot leave its site is not recorded, whatever the disks."""
    (shortfall,) = refusals(demo_with(uplink="3 Mbit/s"))
    assert (shortfall.where, shortfall.needed, shortfall.available) == ("site station", "3.5 Mbit/s", "3 Mbit/s")
    assert len(shortfall.ways) == 3


def test_every_shortfall_is_named_at_once() -> None:
    """Disks and line are ordered together."""
    assert len(refusals(demo_with(uplink="3 Mbit/s", floor="10 h"))) == 2


@pytest.mark.parametrize("platform", ["10.77.0.0/32", "10.77.0.0/31", "10.77.0.0/30", "10.77.0.0/28", "10.77.0.0/25"])
def test_a_platform_network_too_small_is_refused(platform: str) -> None:
    """An index past the end of a network was once a traceback."""
    (shortfall,) = refusals(demo_with(platform=platform))
    assert shortfall.where == "network.platform"


def test_more_hosts_than_a_block_holds_are_refused() -> None:
    """A /24 has 64 addresses for recorders; the 65th would take an identity's."""
    plan(demo_with(count=63, spare=1, group_size=100))
    (shortfall,) = refusals(demo_with(count=64, spare=1, group_size=100))
    assert (shortfall.needed, shortfall.available) == ("65", "64")


@given(roomy_cities())
@settings(deadline=None, max_examples=30)
def test_each_way_closes_the_shortfall_alone(city: City) -> None:
    """A way that does not work sends people to buy twice: each is parsed from its text, applied, and planned."""
    attempt = Attempt.of(city)
    assume(not attempt.fits())
    storage = [shortfall for shortfall in refusals(city) if shortfall.where == "tiers.recorder"]
    assert len(storage) == 1
    ways = storage[0].ways
    assert len(set(ways)) == len(ways) >= 3
    assert re.fullmatch(r"\d+ cameras fewer: 0 disks, 0 days", ways[-1])
    for way in ways[:-1]:
        after = changed(city, way)
        assert Attempt.of(after).fits(), way
        cost = re.search(r": (\d+) disks(?: of .*)?, (?:0 days|\S+ \S+ less)$", way)
        assert cost, "each way says what it costs"
        assert int(cost[1]) == bought(city, after), way


def bought(before: City, after: City) -> int:
    """Disks to buy, spares' own included: larger ones replace all that are there."""
    tier, unit, old = after.file.tiers.recorder, after.file.storage_units[0], before.file.storage_units[0]
    recorders = tier.count or len(Attempt.of(after).place().fleet.recorders)
    there = before.file.tiers.recorder.count or recorders
    hosts, had = (count + -(-count // tier.group_size) * tier.spare for count in (recorders, there))
    return hosts * unit.disks - (had * old.disks if unit.disk == old.disk else 0)


def changed(city: City, way: str) -> City:
    """``city`` as its people would write it after taking ``way``."""
    found = {words: match[1] for words in ANSWERS if (match := re.search(words, way))}
    assert found, f"unknown way: {way}"
    for words, value in found.items():
        city = city.model_copy(update={"file": city.file.model_copy(update=ANSWERS[words](city, value))})
    return city


def _floor(city: City, text: str) -> dict[str, Any]:
    return {"retention": city.file.retention.model_copy(update={"floor": parse(text, DURATION_UNITS, "")})}


def _once(profile: Any) -> Any:
    return profile.model_copy(update={"mirrored": False})


def _unit(city: City, **values: int) -> dict[str, Any]:
    return {"storage_units": (city.file.storage_units[0].model_copy(update=values),)}


def _bounds(city: City, percent: int) -> dict[str, int]:
    server = city.file.server_classes[0]
    return {name: -(-getattr(server, name) * percent // 100) for name in ("max_cameras", "max_ingest", "max_read")}


def _tier(city: City, **values: int) -> Any:
    tiers = city.file.tiers
    return tiers.model_copy(update={"recorder": tiers.recorder.model_copy(update=values)})


def _server(city: City, **values: int) -> dict[str, Any]:
    first, *others = city.file.server_classes
    return {"server_classes": (first.model_copy(update=values), *others)}


def _slower(profile: Any, percent: int) -> Any:
    main = profile.main.model_copy(update={"bitrate": -(-profile.main.bitrate * percent // 100)})
    return profile.model_copy(update={"main": main})


ANSWERS: dict[str, Callable[[City, str], dict[str, Any]]] = {
    r"(\d+) more recorder": lambda c, n: {"tiers": _tier(c, count=(c.file.tiers.recorder.count or 0) + int(n))},
    r"max_ingest of (\d+)": lambda c, n: _server(c, max_ingest=int(n) * 1000),
    r"max_read of (\d+)": lambda c, n: _server(c, max_read=int(n) * 1000),
    r"max_cameras of (\d+)": lambda c, n: _server(c, max_cameras=int(n)),
    r"hosts of (\d+) %": lambda c, n: _server(c, **_bounds(c, int(n))),
    r"storage of (\d+) disks": lambda c, n: _unit(c, disks=int(n)),
    r"disks of (\S+ [A-Z]+) instead": lambda c, text: _unit(c, disk=parse(text, BYTE_UNITS, "")),
    r"a lower retention floor: ([^:]*?)(?: and|:)": lambda c, text: _floor(c, text),
    r"less bit rate: (\d+) %": lambda c, n: {"profiles": tuple(_slower(one, int(n)) for one in c.file.profiles)},
    r"(one recorder instead of two)": lambda c, _: {"profiles": tuple(_once(one) for one in c.file.profiles)},
    r"(no room for growth)": lambda c, _: _reserve(c, growth=None),
    r"evidence reserve: (\d+) %": lambda c, n: _reserve(c, evidence_reserve=int(n) * 100),
}


def _reserve(city: City, **values: Any) -> dict[str, Any]:
    return {"capacity": city.file.capacity.model_copy(update=values)}
