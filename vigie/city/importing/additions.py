"""What ``city.yaml`` would have to learn before a list is understood whole: blocks to check and paste. What the list
does not tell stands there as ``?``, which no city loads: nothing is made up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

import yaml

from vigie.city.importing.fields import slug
from vigie.city.importing.mapping import Mapping
from vigie.city.importing.references import Settings, Wanted, stream_words
from vigie.city.importing.understanding import Listed
from vigie.city.model import CityFile
from vigie.city.quantity import BIT_RATE_UNITS

ADDITIONS_FILE: Final = "import-additions.yaml"
HEADING: Final = "# Proposed by `vigie import`: written anew by each run, read by nothing."
UNKNOWN: Final = "?"
SITE_PREFIX: Final = 24  # the usual network of a site; one with more devices gets what they need
# Where devices of these makers have their streams, as their manuals say; models differ, so each is to be checked.
STREAM_PATHS: Final = {
    "axis": ("/axis-media/media.amp?camera={channel}", "/axis-media/media.amp?camera={channel}&resolution=640x360"),
    "hikvision": ("/Streaming/Channels/{channel}01", "/Streaming/Channels/{channel}02"),
    "dahua": ("/cam/realmonitor?channel={channel}&subtype=0", "/cam/realmonitor?channel={channel}&subtype=1"),
}


def render_additions(file: CityFile, mapping: Mapping, wanted: Wanted) -> str:
    """The blocks as YAML; empty where the city lacks nothing."""
    parts: dict[str, list[dict[str, Any]]] = {
        "sites": list(_sites(file, mapping, wanted.sites)),
        "models": [_model(name, rows) for name, rows in wanted.models.items()],
        "profiles": [_profile(file, settings) for settings in wanted.profiles if settings[0] and settings[1]],
    }
    if not any(parts.values()):
        return ""
    lines = [
        HEADING,
        "# Check each block, replace every ?, and paste it below the key of the same name in city.yaml; then import again.",
    ]
    for key, blocks in parts.items():
        if blocks:
            text = yaml.safe_dump(blocks, allow_unicode=True, sort_keys=False, default_flow_style=None, width=200)
            lines += ["", f"{key}:", *(f"  {line}" for line in text.splitlines())]
    return "\n".join(lines) + "\n"


def _sites(file: CityFile, mapping: Mapping, wanted: dict[str, list[Listed]]) -> Iterator[dict[str, Any]]:
    taken = [file.network.platform, *(site.network for site in file.sites)]
    by_id: dict[str, list[Listed]] = {}
    titles: dict[str, str] = {}
    for text, rows in wanted.items():
        name = slug(text)[:50].strip("-") or UNKNOWN
        by_id.setdefault(name, []).extend(rows)
        titles.setdefault(name, text)
    for name, rows in by_id.items():
        network = site_network(file.network.city, taken, [row.address for row in rows if row.address])
        if network:
            taken.append(network)
        yield {
            "id": name,
            "lot": _lot(file, rows) or mapping.defaults.get("lot", UNKNOWN),
            "district": next((row.district for row in rows if row.district), None)
            or mapping.defaults.get("district")
            or titles[name],
            "latitude": _middle(row.latitude for row in rows),
            "longitude": _middle(row.longitude for row in rows),
            "uplink": mapping.defaults.get("uplink", UNKNOWN),
            "network": str(network) if network else UNKNOWN,
        }


def site_network(
    city: IPv4Network, taken: Sequence[IPv4Network], addresses: Sequence[IPv4Address]
) -> IPv4Network | None:
    """The network, as near to a /24 as may be, that has all ``addresses`` as hosts, lies inside ``city`` and overlaps
    none of ``taken``; ``None`` where there is none."""
    if not addresses:
        return None
    tight = IPv4Network((min(addresses), 30), strict=False)
    while not all(_is_host(tight, address) for address in addresses):
        if tight.prefixlen <= city.prefixlen:
            return None
        tight = tight.supernet()
    for prefix in range(min(SITE_PREFIX, tight.prefixlen), tight.prefixlen + 1):
        network = IPv4Network((tight.network_address, prefix), strict=False)
        if network.subnet_of(city) and not any(network.overlaps(other) for other in taken):
            return network
    return None


def _is_host(network: IPv4Network, address: IPv4Address) -> bool:
    return address in network and address not in {network.network_address, network.broadcast_address}


def _lot(file: CityFile, rows: Iterable[Listed]) -> str | None:
    """The lot of the city that the rows name by its id, its number or its title."""
    known = {key: lot.id for lot in file.lots for key in (lot.id, lot.id.removeprefix("lot-"), slug(lot.title))}
    return next((known[slug(row.lot)] for row in rows if row.lot and slug(row.lot) in known), None)


def _middle(degrees: Iterable[float | None]) -> float | str:
    told = [value for value in degrees if value is not None]
    return round(sum(told) / len(told), 6) if told else UNKNOWN


def _model(name: str, rows: Sequence[Listed]) -> dict[str, Any]:
    vendor = next((row.vendor for row in rows if row.vendor), None)
    channels = max((row.channels or row.channel or 1 for row in rows), default=1)
    maker = slug(vendor or name).split("-")[0]
    main, sub = STREAM_PATHS.get(maker, (UNKNOWN, UNKNOWN))
    return {
        "id": name or UNKNOWN,
        "vendor": vendor or UNKNOWN,
        "channels": channels,
        "main_path": main,
        "sub_path": sub,
    }


def _profile(file: CityFile, settings: Settings) -> dict[str, Any]:
    """A profile of the list's main stream; its sub-stream is that of the city's first profile."""
    resolution, codec, fps, bitrate = settings
    sub = file.profiles[0].sub
    return {
        "id": slug(stream_words(settings)),
        "main": _stream(resolution, codec, fps, 2 * fps if fps else None, bitrate),
        "sub": _stream(sub.resolution, sub.codec, sub.fps, sub.gop, sub.bitrate),
    }


def _stream(
    resolution: tuple[int, int] | None, codec: str | None, fps: int | None, gop: int | None, bitrate: int | None
) -> dict[str, Any]:
    return {
        "codec": codec or UNKNOWN,
        "resolution": "x".join(map(str, resolution)) if resolution else UNKNOWN,
        "fps": fps or UNKNOWN,
        "gop": gop or UNKNOWN,
        "bitrate": exact_bit_rate(bitrate) if bitrate else UNKNOWN,
    }


def exact_bit_rate(amount: int) -> str:
    """``amount`` bits a second in the largest unit that leaves no decimals: ``1500 kbit/s``."""
    unit = max((name for name, size in BIT_RATE_UNITS.items() if amount % size == 0), key=BIT_RATE_UNITS.__getitem__)
    return f"{amount // BIT_RATE_UNITS[unit]} {unit}"
