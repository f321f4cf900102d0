"""How long a city takes to load and plan, by its size. Figures are printed; the bounds are generous, for any machine."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from tests.unit.cities import copy_of_demo, demo_values
from vigie.city import load_city
from vigie.plan import PlanRefused, dump_plan, plan

CAMERAS_OF_A_SITE = 250


def write_city(folder: Path, cameras: int) -> Path:
    """The demo grown to ``cameras`` cameras with addresses of their own, in sites of ``CAMERAS_OF_A_SITE``."""
    copy_of_demo(folder)
    values = demo_values()
    sites = -(-cameras // CAMERAS_OF_A_SITE)
    site = values["sites"][0]
    values["network"] = {"city": "10.0.0.0/8", "platform": "10.255.0.0/20"}
    values["sites"] = [
        {**site, "id": f"site-{number}", "uplink": "10 Gbit/s", "network": f"10.{number // 256}.{number % 256}.0/24"}
        for number in range(sites)
    ]
    values["storage_units"][0]["disk"] = "16 TB"
    values["tiers"]["recorder"] |= {"count": max(2, -(-cameras // 90))}
    (folder / "city.yaml").write_text(yaml.safe_dump(values), "utf-8")
    (folder / "encoders.csv").write_text("id,model,site,address,profile\n", "utf-8")
    rows = ["id,site,model,address,encoder,channel,profile,description"]
    for number in range(cameras):
        at, host = divmod(number, CAMERAS_OF_A_SITE)
        rows.append(f"cam-{number},site-{at},sim-camera,10.{at // 256}.{at % 256}.{host + 1},,,street-h264,")
    (folder / "cameras.csv").write_text("\n".join(rows) + "\n", "utf-8")
    return folder


@pytest.mark.parametrize(("cameras", "most_seconds"), [(100, 2), (1_000, 10), (5_000, 60)])
def test_loading_and_planning(tmp_path: Path, cameras: int, most_seconds: float) -> None:
    """An integrator edits and plans again and again: the answer must come while the thought is warm."""
    folder = write_city(tmp_path, cameras)
    began = time.perf_counter()
    city = load_city(folder)
    loaded = time.perf_counter()
    planned = plan(city)
    done = time.perf_counter()
    size = len(dump_plan(planned))
    print(
        f"{cameras:>6} cameras: load {loaded - began:6.2f} s, plan {done - loaded:6.2f} s, plan.json {size / 1e6:6.1f} MB"
    )
    assert done - began < most_seconds


@pytest.mark.parametrize(("cameras", "most_seconds"), [(100, 2), (1_000, 10), (5_000, 60)])
def test_refusing(tmp_path: Path, cameras: int, most_seconds: float) -> None:
    """A refusal tries its ways on the placement, dozens of times: it must not cost a coffee."""
    folder = write_city(tmp_path, cameras)
    path = folder / "city.yaml"
    path.write_text(path.read_text("utf-8").replace("disk: 16 TB", "disk: 10 GB"), "utf-8")
    city = load_city(folder)
    began = time.perf_counter()
    with pytest.raises(PlanRefused) as refused:
        plan(city)
    took = time.perf_counter() - began
    print(f"{cameras:>6} cameras: refused in {took:6.2f} s with {len(refused.value.shortfalls[0].ways)} ways")
    assert took < most_seconds
