"""Writes ``inventories/metropolis``: the reference contract's ceiling, and the same city at other sizes.

``python -m tests.bench.metropolis inventories/metropolis`` writes what is committed; a unit test compares the two. No
randomness: sites follow a pattern, so that equal arguments give equal bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

SITES: Final = 500  # of ten encoders and 200 cameras on average
ENCODERS_PER_SITE: Final = 10
SITES_PER_DISTRICT: Final = 20
FIRST_SITE_NETWORK: Final = IPv4Address("10.64.0.0")
SITE_ADDRESSES: Final = 64
LOTS: Final = 4

HEAD: Final = """\
# The reference contract's ceiling: 5,000 encoders, 100,000 cameras, every tier sized by the plan, every lot exercised.
# Written by `python -m tests.bench.metropolis`; change that and run it again.
city:
  id: metropolis
  name: Metropolis
  target: metal
  currency: MAD

network:
  city: 10.0.0.0/8
  platform: 10.32.0.0/21

models:
  - id: encoder-16
    vendor: Reference
    channels: 16
    main_path: /channel/{channel}/main
    sub_path: /channel/{channel}/sub
  - id: encoder-32
    vendor: Reference
    channels: 32
    main_path: /channel/{channel}/main
    sub_path: /channel/{channel}/sub

profiles:
  - id: street
    main: {codec: h265, resolution: 2560x1440, fps: 15, gop: 30, bitrate: 4 Mbit/s}
    sub: {codec: h264, resolution: 640x360, fps: 15, gop: 30, bitrate: 400 kbit/s}
  - id: crossing
    main: {codec: h265, resolution: 2560x1440, fps: 15, gop: 30, bitrate: 4 Mbit/s}
    sub: {codec: h264, resolution: 640x360, fps: 15, gop: 30, bitrate: 400 kbit/s}
    analysed: true
  - id: quiet
    main: {codec: h265, resolution: 2560x1440, fps: 8, gop: 16, bitrate: 2 Mbit/s}
    sub: {codec: h264, resolution: 640x360, fps: 8, gop: 16, bitrate: 200 kbit/s}
  - id: gate
    main: {codec: h265, resolution: 2560x1440, fps: 25, gop: 50, bitrate: 6 Mbit/s}
    sub: {codec: h264, resolution: 640x360, fps: 25, gop: 50, bitrate: 500 kbit/s}
    mirrored: true
    analysed: true

retention:
  floor: 30 days
  ceiling: 31 days

recording:
  segment: 10 min

storage_units:
  - {id: shelf-60, disk: 24 TB, disks: 60, raid: raid6, raid_sets: 5, disk_price: 6200}

server_classes:
  - {id: recorder, max_cameras: 900, max_ingest: 5 Gbit/s, max_read: 2 Gbit/s, storage: shelf-60, price: 145000}
  - {id: streaming, max_streams: 500, price: 85000}
  - {id: analytics, max_analysed: 400, price: 210000}

tiers:
  central: {count: 2}
  witness: {count: 1}
  noc: {count: 2}
  recorder: {class: recorder, count: auto, spare: 1, group_size: 16}
  streaming: {class: streaming, count: auto}
  analytics: {class: analytics, count: auto}

capacity:
  evidence_reserve: 5 %
  live_share: 10 %
  playback_share: 2 %
  viewers: 400

monitoring:
  scrape_interval: 15 s
  sample_interval: 5 s
  picture_interval: 60 s
"""


def city_yaml(sites: int) -> str:
    """``city.yaml`` of a metropolis of ``sites`` sites."""
    lots = ["", "lots:", "  - {id: lot-1, title: First quarter of the city, kind: firm}"]
    lots += [
        f"  - {{id: lot-{lot}, title: Quarter {lot} of the city, kind: conditional, exercised: true}}"
        for lot in range(2, LOTS + 1)
    ]
    return "\n".join([HEAD.rstrip("\n"), *lots, "", "sites:", *map(_site, range(sites)), ""])


def _site(index: int) -> str:
    district, place = divmod(index, SITES_PER_DISTRICT)
    latitude = 33.40 + 0.06 * (district // 5) + 0.012 * (place // 5)
    longitude = -7.75 + 0.08 * (district % 5) + 0.015 * (place % 5)
    lot = 1 + index * LOTS // SITES if index < SITES else LOTS
    network = FIRST_SITE_NETWORK + index * SITE_ADDRESSES
    return (
        f"  - {{id: site-{index + 1:04}, lot: lot-{lot}, district: District {district + 1}, "
        f"latitude: {latitude:.4f}, longitude: {longitude:.4f}, uplink: 2 Gbit/s, network: {network}/26}}"
    )


def encoder_rows(sites: int) -> Iterator[str]:
    """The lines of ``encoders.csv``."""
    yield "id,model,site,address,profile"
    for index in range(sites):
        for number in range(ENCODERS_PER_SITE):
            large = number >= ENCODERS_PER_SITE - 2 - index % 2
            address = FIRST_SITE_NETWORK + index * SITE_ADDRESSES + 1 + number
            yield (
                f"enc-{index + 1:04}-{number + 1:02},encoder-{32 if large else 16},site-{index + 1:04},"
                f"{address},{_profile(index, number)}"
            )


def _profile(site: int, number: int) -> str:
    if number == 0:
        return "gate" if site % 10 == 0 else "street"
    return {1: "crossing", 2: "crossing", 3: "quiet"}.get(number, "street")


def write(folder: Path, sites: int = SITES) -> Path:
    """Write the three files of the city into ``folder``; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "city.yaml").write_text(city_yaml(sites), encoding="utf-8")
    (folder / "encoders.csv").write_text("\n".join(encoder_rows(sites)) + "\n", encoding="utf-8")
    (folder / "cameras.csv").write_text("id,site,model,address,encoder,channel,profile,description\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SITES)
