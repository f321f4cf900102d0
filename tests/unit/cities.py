"""Cities for tests: the demo's files to break, and arbitrary small cities to plan."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from hypothesis import strategies as st

from vigie.city import City, load_city
from vigie.city.load import CAMERAS_FILE, CITY_FILE, ENCODERS_FILE, expand
from vigie.city.model import CameraRow, CityFile, EncoderRow
from vigie.plan import Plan, plan

REPOSITORY: Final = Path(__file__).parents[2]
DEMO: Final = REPOSITORY / "inventories" / "demo"
FILES: Final = (CITY_FILE, ENCODERS_FILE, CAMERAS_FILE)
CODECS: Final = ("h264", "h265")
LOTS: Final = ({"kind": "firm"}, {"kind": "conditional"}, {"kind": "conditional", "exercised": True})
CAPACITIES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"evidence_reserve": "20 %", "live_share": "50 %", "playback_share": "10 %", "viewers": 3},
    {"growth": {"from": "2026-01-01", "until": "2028-07-01", "per_year": "12.5 %"}},
)


@cache
def committed(name: str) -> tuple[City, Plan]:
    """The city ``inventories/<name>`` and its plan; both are immutable, so tests share them."""
    city = load_city(REPOSITORY / "inventories" / name)
    return city, plan(city)


def copy_of_demo(folder: Path) -> Path:
    """The demo's three files, copied into ``folder``."""
    for name in FILES:
        (folder / name).write_bytes((DEMO / name).read_bytes())
    return folder


def line_of(path: Path, text: str) -> int:
    """The number, from 1, of the only line of ``path`` that holds ``text``."""
    numbers = [number for number, line in enumerate(path.read_text("utf-8").splitlines(), 1) if text in line]
    assert len(numbers) == 1, f"{text!r} stands in lines {numbers} of {path.name}"
    return numbers[0]


def demo_values() -> dict[str, Any]:
    """``city.yaml`` of the demo as plain values."""
    values: dict[str, Any] = yaml.safe_load((DEMO / CITY_FILE).read_text("utf-8"))
    return values


def city_of(values: dict[str, Any], encoders: list[EncoderRow], cameras: list[CameraRow]) -> City:
    """A city from plain values, without the way over files."""
    file = CityFile.model_validate(values)
    return City(file=file, encoders=tuple(encoders), cameras=expand(file, encoders, cameras))


@st.composite
def roomy_cities(draw: st.DrawFn) -> City:
    """Sound cities of 1-4 sites in 1-3 lots and up to about 40 cameras on up to 5 recorders or as many as it takes;
    many fit, some do not."""
    values = copy.deepcopy(demo_values())
    values["network"] = {"city": "10.64.0.0/12", "platform": "10.77.0.0/20"}
    values["lots"] = draw(st.lists(st.sampled_from(LOTS), min_size=1, max_size=3))
    values["lots"] = [{"id": f"lot-{index}", "title": "A lot", **lot} for index, lot in enumerate(values["lots"])]
    uplinks = draw(st.lists(st.sampled_from(["20 Mbit/s", "1 Gbit/s"]), min_size=1, max_size=4))
    values["sites"] = [_site(draw, values, index, uplink) for index, uplink in enumerate(uplinks)]
    rates = draw(st.lists(st.integers(500, 8000), min_size=1, max_size=3))
    values["profiles"] = [_profile(index, rate, draw(st.sampled_from(CODECS))) for index, rate in enumerate(rates)]
    for profile in values["profiles"]:
        profile |= {"mirrored": draw(st.sampled_from([False, False, True])), "analysed": draw(st.booleans())}
    values["retention"] = {"floor": f"{draw(st.integers(1, 48))} h", "ceiling": "50 h"}
    values["storage_units"][0]["disk"] = f"{draw(st.integers(5, 400))} GB"
    values["server_classes"][0] |= {
        "max_cameras": draw(st.integers(3, 60)),
        "max_ingest": f"{draw(st.integers(8, 200))} Mbit/s",
        "max_read": f"{draw(st.integers(1, 40))} Mbit/s",
    }
    values["server_classes"].append({"id": "other", "max_streams": 30, "max_analysed": 7})
    values["tiers"]["recorder"] |= {
        "count": draw(st.integers(1, 5) | st.just("auto")),
        "spare": draw(st.integers(0, 2)),
        "group_size": draw(st.integers(1, 4)),
    }
    for tier in draw(st.sets(st.sampled_from(["streaming", "analytics"]))):
        values["tiers"][tier] = {"class": "other", "count": "auto"}
    values["capacity"] = draw(st.sampled_from(CAPACITIES))
    values["tiers"]["noc"]["count"] = draw(st.integers(1, 2))
    encoders, cameras = _devices(draw, len(uplinks), len(rates))
    return city_of(values, encoders, cameras)


def _site(draw: st.DrawFn, values: dict[str, Any], index: int, uplink: str) -> dict[str, Any]:
    return {
        "id": f"site-{index}",
        "lot": draw(st.sampled_from(values["lots"]))["id"],
        "district": draw(st.sampled_from(["North", "South"])),
        "latitude": draw(st.integers(3400, 3410)) / 100,
        "longitude": -draw(st.integers(495, 505)) / 100,
        "uplink": uplink,
        "network": f"10.70.{index}.0/24",
    }


def _profile(index: int, kbits: int, codec: str) -> dict[str, Any]:
    sub = {"codec": "h264", "resolution": "640x360", "fps": 15, "gop": 30, "bitrate": "400 kbit/s"}
    main = {"codec": codec, "resolution": "2560x1440", "fps": 15, "gop": 30, "bitrate": f"{kbits} kbit/s"}
    return {"id": f"profile-{index}", "main": main, "sub": sub}


def _devices(draw: st.DrawFn, sites: int, profiles: int) -> tuple[list[EncoderRow], list[CameraRow]]:
    """Encoders and cameras of random sites, models and profiles; addresses count up."""
    encoders, cameras = [], []
    for number in range(draw(st.integers(0, 6))):
        site = draw(st.integers(0, sites - 1))
        row = {
            "id": f"enc-{number}",
            "model": draw(st.sampled_from(["sim-encoder-1", "sim-encoder-4"])),
            "site": f"site-{site}",
            "address": f"10.70.{site}.{number + 1}",
            "profile": f"profile-{draw(st.integers(0, profiles - 1))}",
        }
        encoders.append(EncoderRow.model_validate(row))
    for number in range(draw(st.integers(0, 12))):
        site = draw(st.integers(0, sites - 1))
        camera = dict.fromkeys(CameraRow.model_fields) | {
            "id": f"cam-{number}",
            "site": f"site-{site}",
            "model": "sim-camera",
            "address": f"10.70.{site}.{number + 101}",
            "profile": f"profile-{draw(st.integers(0, profiles - 1))}",
        }
        cameras.append(CameraRow.model_validate(camera))
    return encoders, cameras
