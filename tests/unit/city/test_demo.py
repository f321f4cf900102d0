"""The demo city is what the lab, the README and every example stand on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.unit.cities import DEMO, copy_of_demo
from vigie.city import load_city
from vigie.city.load import CAMERAS_FILE, ENCODERS_FILE


def test_the_demo_has_the_devices_it_promises() -> None:
    """Two sites, three encoders of which one has four channels, eight cameras in both codecs at 4 megapixels."""
    city = load_city(DEMO)
    assert len(city.file.sites) == 2
    assert sorted(Counter(camera.encoder for camera in city.cameras if camera.encoder).values()) == [1, 1, 4]
    assert len(city.encoders) == 3
    assert len(city.cameras) == 8
    assert len({camera.id for camera in city.cameras}) == 8
    streams = [city.profile(camera.profile) for camera in city.cameras]
    assert {stream.main.codec for stream in streams} == {"h264", "h265"}
    assert {stream.main.resolution for stream in streams} == {(2560, 1440)}
    assert {stream.sub.codec for stream in streams} == {"h264"}


def test_the_demo_has_the_hosts_it_promises() -> None:
    """Two recorders and a spare, a noc, two centrals and a witness that starts bare."""
    tiers = load_city(DEMO).file.tiers
    assert (tiers.central.count, tiers.witness.count, tiers.noc.count) == (2, 1, 1)
    assert (tiers.recorder.count, tiers.recorder.spare) == (2, 1)
    assert (tiers.witness.layer, tiers.central.layer) == ("bare", "baked")


def test_channels_expand_by_themselves_and_keep_their_given_name() -> None:
    """An integrator lists an encoder once; a line in cameras.csv renames a channel and does not double it."""
    channels = {camera.channel: camera for camera in load_city(DEMO).cameras if camera.encoder == "enc-centre-1"}
    assert sorted(channels) == [1, 2, 3, 4]
    assert channels[1].id == "cam-centre-plaza"
    assert channels[2].id == "enc-centre-1-ch2"
    assert len({camera.address for camera in channels.values()}) == 1


def test_files_saved_by_a_spreadsheet_load(tmp_path: Path) -> None:
    """Excel writes a byte order mark, CRLF, quoted cells, trailing blank lines and its own column order."""
    folder = copy_of_demo(tmp_path)
    for name in (ENCODERS_FILE, CAMERAS_FILE):
        path = folder / name
        rows = [line.split(",") for line in path.read_text("utf-8").splitlines()]
        backwards = [",".join(f'"{cell}"' for cell in reversed(row)) for row in rows]
        path.write_bytes(("\ufeff" + "\r\n".join([*backwards, "", ",".join([""] * len(rows[0]))])).encode())
    assert load_city(folder).cameras == load_city(DEMO).cameras
