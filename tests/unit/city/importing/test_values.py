"""Cells as people write them, and what each is taken for."""

from __future__ import annotations

import re
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vigie.city.importing.fields import BY_NAME, FIELDS, NAMES, is_secret, likeness, slug, words
from vigie.city.importing.identity import derive, free
from vigie.city.importing.tables import harmless, plain
from vigie.city.importing.values import Read, reader
from vigie.city.model import ID_PATTERN

CELLS = [
    ("address", "IP", "192.168.1.10 ", IPv4Address("192.168.1.10")),
    ("address", "IP", "192.168.001.010", IPv4Address("192.168.1.10")),
    ("address", "IP", "http://192.168.1.10:8080/", IPv4Address("192.168.1.10")),
    ("address", "IP", "rtsp://root:pass@192.168.1.10:554/live", IPv4Address("192.168.1.10")),
    ("address", "IP", "192.168.1.10/24", IPv4Address("192.168.1.10")),
    ("address", "IP", "١٩٢.١٦٨.١.١٠", IPv4Address("192.168.1.10")),  # noqa: RUF001
    ("mac", "MAC", "0040.8C12.3456", "00:40:8c:12:34:56"),
    ("mac", "MAC", "00-40-8C-12-34-56", "00:40:8c:12:34:56"),
    ("channel", "Voie", "Voie 3", 3),
    ("channel", "Voie", "CH03", 3),
    ("channel", "Voie", "3", 3),
    ("resolution", "R", "2560 x 1440", (2560, 1440)),
    ("resolution", "R", "1920×1080 (16:9)", (1920, 1080)),  # noqa: RUF001
    ("resolution", "R", "4 Mpx", (2560, 1440)),
    ("resolution", "R", "4.0 MP", (2560, 1440)),
    ("resolution", "R", "Full HD", (1920, 1080)),
    ("codec", "C", "H.265", "h265"),
    ("codec", "C", "HEVC", "h265"),
    ("codec", "C", "mpeg-4 avc", "h264"),
    ("fps", "F", "15 ips", 15),
    ("fps", "F", "25,0", 25),
    ("bitrate", "Débit", "2,5 Mbit/s", 2_500_000),
    ("bitrate", "Débit", "4096 kbps", 4_096_000),
    ("bitrate", "Débit", "4 096 Kb/s", 4_096_000),
    ("bitrate", "Débit (Mbps)", "2,5", 2_500_000),
    ("bitrate", "Bit rate [kbit/s]", "4096", 4_096_000),
    ("latitude", "Lat", "34,0331", 34.0331),
    ("longitude", "Lon", "-5.0003°", -5.0003),
]
WRONG = [
    ("address", "IP", "192.168.1.300", "no IPv4"),
    ("address", "IP", "192168110", "no IPv4"),
    ("address", "IP", "10.21", "no IPv4"),
    ("address", "IP", "fe80::1", "IPv6"),
    ("address", "IP", "http://[fe80::1]/", "IPv6"),
    ("address", "IP", "http://[", "no IPv4"),
    ("address", "IP", "0.0.0.0", "no address of a device"),
    ("address", "IP", "239.1.1.1", "no address of a device"),
    ("channel", "Voie", "0", "no number"),
    ("channel", "Voie", "1-2", "no number"),
    ("resolution", "R", "grande", "no picture size"),
    ("codec", "C", "MJPEG", "no codec"),
    ("fps", "F", "12,5", "no whole number"),
    ("bitrate", "Débit", "4", "with a unit"),
    ("bitrate", "Bit rate", "4", "with a unit"),
    ("bitrate", "Débit", "4 MB/s", "bytes or bits"),
    ("bitrate", "Débit (kbps)", "4,096", "which no camera"),
    ("latitude", "Lat", "134,0331", "outside"),
    ("mac", "MAC", "00-40-8C", "no MAC"),
]


@pytest.mark.parametrize(("field", "heading", "text", "value"), CELLS)
def test_a_cell_is_read(field: str, heading: str, text: str, value: object) -> None:
    assert reader(field, heading)(text).value == value


@pytest.mark.parametrize(("field", "heading", "text", "says"), WRONG)
def test_a_wrong_cell_says_why_and_what_to_do(field: str, heading: str, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as error:
        reader(field, heading)(text)
    assert "; " in str(error.value)


def test_passwords_stand_in_no_message() -> None:
    with pytest.raises(ValueError, match="IPv4") as error:
        reader("address", "")("rtsp://root:s3cret@camera/")
    assert "s3cret" not in str(error.value)
    assert "password" in reader("address", "")("rtsp://root:s3cret@10.0.0.1/").note


@given(st.sampled_from(NAMES), st.text(max_size=60), st.text(max_size=60))
def test_no_cell_crashes_a_reader(field: str, heading: str, text: str) -> None:
    try:
        assert isinstance(reader(field, heading)(text), Read)
    except ValueError as error:
        assert len(str(error)) < 400  # noqa: PT017 - both are right: ``raises`` cannot say this


@given(st.text(max_size=100))
def test_a_slug_is_an_id_or_nothing(text: str) -> None:
    """Whatever a name holds, `../` included, no path comes of it."""
    assert slug(text) == "" or ID_PATTERN.fullmatch(slug(text))
    assert slug(slug(text)) == slug(text)


@given(
    st.sampled_from(["cam-{name}", "{site}-{channel}", "{address}", "x{name}{name}"]),
    st.text(max_size=90),
    st.integers(1, 400),
)
def test_ids_are_labels_and_free(rule: str, name: str, used: int) -> None:
    parts = {"name": name, "site": name[:5], "channel": "3", "address": "10.0.0.1"}
    wanted = derive(rule, parts, 50)
    if not wanted:
        return
    taken = {wanted} | {f"{wanted}-{number}" for number in range(2, used)}
    found = free(wanted, taken, 50, {})
    assert found not in taken
    assert len(found) <= 50
    assert ID_PATTERN.fullmatch(found)


def test_a_name_that_says_camera_says_it_once() -> None:
    assert derive("cam-{name}", {"name": "Caméra n° 3: Place Batha"}, 63) == "cam-n-3-place-batha"
    assert derive("cam-{name}", {"name": "CAM"}, 63) == "cam-cam"


def test_every_heading_means_one_field() -> None:
    """A word in two lists would make the mapping a matter of chance."""
    seen: dict[str, str] = {}
    for field in FIELDS:
        for word in map(words, field.words):
            assert seen.setdefault(word, field.name) == field.name, word
    assert set(BY_NAME) == set(NAMES)


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("NOM CAMERA", "name"),
        ("Nom de la caméra :", "name"),
        ("Adresse  IP", "address"),
        ("Adresse IP caméra", "address"),
        ("N° de série", "serial"),
        ("Débit moyen (Mbit/s)", "bitrate"),
        ("Modéle", "model"),
        ("Emplacements", "description"),
        ("Camera Name", "name"),
        ("Recording Server", "recorder"),
        ("عنوان IP", "address"),
        ("الموقع", "site"),
        ("العلامة التجارية", "vendor"),
    ],
)
def test_a_heading_is_nearest_to_its_field(heading: str, field: str) -> None:
    best = max(NAMES, key=lambda name: likeness(heading, name))
    assert best == field
    assert likeness(heading, field) > 0.6


@pytest.mark.parametrize("heading", ["Mot de passe", "MDP caméra", "Password", "login/mdp", "كلمة السر"])
def test_columns_of_passwords_are_known(heading: str) -> None:
    assert is_secret(heading)


@given(st.text(max_size=50))
def test_no_text_of_a_list_is_a_formula(text: str) -> None:
    assert not re.match(r"[=+\-@\t\r]", harmless(plain(text)))
    assert harmless(harmless(text)) == harmless(text)
