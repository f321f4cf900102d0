"""Every mistake an integrator can make is answered with file, line, field and fix, and never with a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.unit.cities import DEMO, FILES, copy_of_demo, line_of
from vigie.city import CityError, Problem, load_city
from vigie.city.load import CAMERAS_FILE, CITY_FILE, ENCODERS_FILE
from vigie.cli.app import app


@dataclass(frozen=True)
class Mistake:
    """In ``file``, ``right`` (standing once) is replaced by ``wrong``; ``field`` and ``says`` are what must come back.

    The line must be the one where ``right`` stood, or the one that holds ``at``.
    """

    name: str
    file: str
    right: str
    wrong: str
    field: str
    says: str
    at: str = ""


CITY_MISTAKES = [
    ("misspelt_key", "  floor: 4 h", "  flor: 4 h", "retention.flor", "unknown key"),
    ("missing_key", "  floor: 4 h\n", "", "retention.floor", "missing", "retention:"),
    ("no_unit", "uplink: 50 Mbit/s", "uplink: 50", "sites[1].uplink", "not a quantity"),
    ("wrong_unit", "disk: 16 GB", "disk: 16 Gb", "storage_units[0].disk", "not a quantity"),
    ("negative", "uplink: 50 Mbit/s", "uplink: -50 Mbit/s", "sites[1].uplink", "not a quantity"),
    ("negative_bitrate", "gop: 30, bitrate: 1.5 Mbit/s", "gop: 30, bitrate: -1.5 Mbit/s", "profiles[0].main.bitrate", "not a quantity"),
    ("zero", "disk: 16 GB", "disk: 0 GB", "storage_units[0].disk", "greater than 0"),
    ("beyond_all_disks", "disk: 16 GB", "disk: 99999 PB", "storage_units[0].disk", "less than or equal"),
    ("part_of_a_second", "segment: 60 s", "segment: 0.5 s", "recording.segment", "whole number"),
    ("unknown_target", "target: lab", "target: cloud", "city.target", "'lab'"),
    ("city_id_too_long", "id: demo", "id: a-city-with-a-long-name", "city.id", "at most 20"),
    ("upper_case_id", "- id: station", "- id: Station", "sites[1].id", "not an id"),
    ("id_with_path", "- id: station", "- id: ../station", "sites[1].id", "not an id"),
    ("unknown_lot", "lot: lot-1\n    district: Ville Nouvelle", "lot: lot-9\n    district: Ville Nouvelle", "sites[1].lot", "'lot-9'", "lot-9"),
    ("unknown_kind_of_lot", "kind: firm", "kind: perhaps", "lots[0].kind", "'firm' or 'conditional'"),
    ("latitude_off_the_globe", "latitude: 34.0470", "latitude: 134.0470", "sites[1].latitude", "90"),
    ("latitude_that_is_no_number", "latitude: 34.0470", "latitude: yes", "sites[1].latitude", "not a number"),
    ("site_outside_the_city", "network: 10.77.2.0/24", "network: 10.78.2.0/24", "sites[1].network", "not inside"),
    ("sites_overlap", "network: 10.77.2.0/24", "network: 10.77.1.128/25", "sites[1].network", "overlaps sites[0].network"),
    ("platform_overlaps", "network: 10.77.2.0/24", "network: 10.77.0.128/25", "sites[1].network", "overlaps network.platform"),
    ("host_bits_set", "network: 10.77.2.0/24", "network: 10.77.2.1/24", "sites[1].network", "host bits"),
    ("number_for_a_network", "network: 10.77.2.0/24", "network: 10", "sites[1].network", "not an IPv4"),
    ("ipv6", "network: 10.77.2.0/24", "network: fd00::/64", "sites[1].network", "fd00::/64"),
    ("path_without_slash", "main_path: /main", "main_path: main", "models[2].main_path", "not a stream path"),
    ("path_with_space", "main_path: /main", "main_path: /ma in", "models[2].main_path", "not a stream path"),
    ("path_with_password", "main_path: /main", "main_path: /user:secret@main", "models[2].main_path", "not a stream path"),
    ("same_path_twice", "main_path: /main", "main_path: /sub", "models[2]", "the sub-stream would be recorded", "- id: sim-camera"),
    ("channels_not_told_apart", "  - id: sim-camera\n    vendor: Vigie simulator\n    channels: 1", "  - id: sim-camera\n    vendor: Vigie simulator\n    channels: 8", "models[2]", "told apart", "- id: sim-camera"),
    ("no_channels", "channels: 4", "channels: 0", "models[0].channels", "greater than or equal to 1"),
    ("fps_that_is_yes", "gop: 30, bitrate: 1.5 Mbit/s", "gop: yes, bitrate: 1.5 Mbit/s", "profiles[0].main.gop", "not a number"),
    ("unknown_codec", "main: {codec: h265", "main: {codec: mjpeg", "profiles[1].main.codec", "'h264' or 'h265'"),
    ("resolution_with_star", "h265, resolution: 2560x1440", "h265, resolution: 2560*1440", "profiles[1].main.resolution", "not a resolution"),
    ("resolution_that_no_lab_plays", "h265, resolution: 2560x1440", "h265, resolution: 1920x1080", "profiles[1].main.resolution", "plays h265-1920x1080-15"),
    ("rate_that_no_lab_plays", "h265, resolution: 2560x1440, fps: 15", "h265, resolution: 2560x1440, fps: 25", "profiles[1].main.resolution", "plays h265-2560x1440-25"),
    ("path_that_no_lab_serves", "main_path: /main", "main_path: /main?a=1", "models[2].main_path", "serves /main?a=1"),
    ("ceiling_below_floor", "ceiling: 5 h", "ceiling: 3 h", "retention.ceiling", "less than a segment"),
    ("ceiling_within_a_segment", "ceiling: 5 h", "ceiling: 14459 s", "retention.ceiling", "less than a segment"),
    ("gives_up_what_is_not_there", "  ceiling: 5 h", "  ceiling: 5 h\n  pressure: {give_up: [park], keep_at_least: 1 h}", "retention.pressure.give_up[0]", "'park'", "pressure:"),
    ("gives_up_twice", "  ceiling: 5 h", "  ceiling: 5 h\n  pressure: {give_up: [street-h264, street-h264], keep_at_least: 1 h}", "retention.pressure.give_up[1]", "twice", "pressure:"),
    ("gives_up_nothing", "  ceiling: 5 h", "  ceiling: 5 h\n  pressure: {give_up: [street-h264], keep_at_least: 4 h}", "retention.pressure.keep_at_least", "below the floor", "pressure:"),
    ("no_such_storage", "storage: lab-disk", "storage: san", "server_classes[0].storage", "'san'"),
    ("no_such_class", "{class: lab-recorder", "{class: cheap", "tiers.recorder.class", "'cheap'"),
    ("class_without_its_bound", "    max_read: 400 Mbit/s\n", "", "server_classes[0].max_read", "tiers.recorder uses", "- id: lab-recorder"),
    ("streaming_without_its_bound", "  noc: {count: 1}", "  noc: {count: 1}\n  streaming: {class: lab-recorder, count: auto}", "server_classes[0].max_streams", "tiers.streaming uses", "- id: lab-recorder"),
    ("class_bound_on_the_tier", "count: 2, spare: 1}", "count: 2, spare: 1, max_cameras: 4}", "tiers.recorder.max_cameras", "unknown key"),
    ("tier_without_class", "{class: lab-recorder, count: 2", "{count: 2", "tiers.recorder.class", "missing"),
    ("automatic_misspelt", "count: 2, spare: 1}", "count: automatic, spare: 1}", "tiers.recorder.count", "not a number"),
    ("count_left_empty", "count: 2, spare: 1}", "count: , spare: 1}", "tiers.recorder.count", "or auto"),
    ("group_of_none", "count: 2, spare: 1}", "count: 2, spare: 1, group_size: 0}", "tiers.recorder.group_size", "greater than or equal to 1"),
    ("spare_below_zero", "spare: 1}", "spare: -1}", "tiers.recorder.spare", "greater than or equal to 0"),
    ("firm_lot_exercised", "    kind: firm", "    kind: firm\n    exercised: true", "lots[0]", "always deployed", "- id: lot-1"),
    ("exercised_perhaps", "    kind: firm", "    kind: conditional\n    exercised: 1", "lots[0].exercised", "boolean", "exercised: 1"),
    ("mirrored_as_a_word", "  - id: street-h265", "  - id: street-h265\n    mirrored: both", "profiles[1].mirrored", "boolean", "mirrored: both"),
    ("sets_that_do_not_divide", "raid: none", "raid: none\n    raid_sets: 2", "storage_units[0]", "2 sets", "- id: lab-disk"),
    ("same_class_twice", "    storage: lab-disk", "    storage: lab-disk\n  - id: lab-recorder  # again", "server_classes[1].id", "is also server_classes[0]", "  - id: lab-recorder  # again"),
    ("reserve_of_everything", "monitoring:\n", "capacity: {evidence_reserve: 95 %}\nmonitoring:\n", "capacity.evidence_reserve", "less than or equal", "evidence_reserve"),
    ("share_without_per_cent", "monitoring:\n", "capacity: {live_share: 0.1}\nmonitoring:\n", "capacity.live_share", "not a quantity", "live_share"),
    ("share_above_all", "monitoring:\n", "capacity: {live_share: 101 %}\nmonitoring:\n", "capacity.live_share", "less than or equal", "live_share"),
    ("growth_backwards", "monitoring:\n", "capacity: {growth: {from: 2028-01-01, until: 2026-01-01, per_year: 8 %}}\nmonitoring:\n", "capacity.growth", "is not after", "growth"),
    ("growth_until_no_day", "monitoring:\n", "capacity: {growth: {from: 2028-01-01, until: soon, per_year: 8 %}}\nmonitoring:\n", "capacity.growth.until", "not a date", "growth"),
    ("currency_that_is_a_sign", "  target: lab", "  target: lab\n  currency: €", "city.currency", "ISO 4217", "currency"),
    ("price_below_zero", "    storage: lab-disk", "    storage: lab-disk\n    price: -1", "server_classes[0].price", "greater than or equal to 0", "price: -1"),
    ("raid_without_disks", "raid: none", "raid: raid6", "storage_units[0]", "at least 4 disks", "- id: lab-disk"),
    ("no_recorder", "recorder: {class: lab-recorder, count: 2", "recorder: {class: lab-recorder, count: 0", "tiers.recorder.count", "greater than or equal to 1"),
    ("too_many_recorders", "recorder: {class: lab-recorder, count: 2", "recorder: {class: lab-recorder, count: 2000000000", "tiers.recorder.count", "2000000000"),
    ("half_a_recorder", "recorder: {class: lab-recorder, count: 2", "recorder: {class: lab-recorder, count: 2.5", "tiers.recorder.count", "2.5"),
    ("same_site_twice", "- id: station", "- id: centre", "sites[1].id", "is also sites[0]"),
    ("empty_list", "lots:\n  - id: lot-1\n    title: Centre and station\n    kind: firm\n", "lots: []\n", "lots", "at least 1", "lots: []"),
    ("list_for_a_mapping", "retention:\n  floor: 4 h\n  ceiling: 5 h", "retention: [4 h, 5 h]", "retention", "keys and values"),
]  # fmt: skip
ROW_MISTAKES = [
    ("encoder_of_unknown_model", ENCODERS_FILE, "enc-centre-2,sim-encoder-1", "enc-centre-2,acme", "model", "'acme'"),
    ("encoder_at_unknown_site", ENCODERS_FILE, "sim-encoder-1,station", "sim-encoder-1,moon", "site", "'moon'"),
    ("encoder_of_unknown_profile", ENCODERS_FILE, "10.77.2.11,street-h265", "10.77.2.11,hd", "profile", "'hd'"),
    ("encoder_elsewhere", ENCODERS_FILE, "10.77.2.11", "10.77.1.50", "address", "no host address of station"),
    ("encoder_on_broadcast", ENCODERS_FILE, "10.77.2.11", "10.77.2.255", "address", "no host address"),
    ("same_address_twice", ENCODERS_FILE, "10.77.1.12", "10.77.1.11", "address", "belongs to 'enc-centre-1'"),
    ("same_encoder_twice", ENCODERS_FILE, "enc-centre-2,", "enc-centre-1,", "id", "already in line 2"),
    ("no_address", ENCODERS_FILE, "10.77.1.12", "", "address", "not an IPv4 address"),
    ("address_that_is_a_name", ENCODERS_FILE, "10.77.1.12", "encoder.local", "address", "IPv4"),
    ("encoder_id_too_long", ENCODERS_FILE, "enc-centre-2,", "e" * 51 + ",", "id", "at most 50"),
    ("cell_too_many", ENCODERS_FILE, "10.77.1.12,street-h265", "10.77.1.12,street-h265,x", "", "6 cells"),
    ("column_unknown", ENCODERS_FILE, "address,profile", "address,profil", "profil", "unknown column"),
    ("semicolons", ENCODERS_FILE, "id,model,site,address,profile", "id;model;site;address;profile", "", "semicolons"),
    ("camera_id_with_path", CAMERAS_FILE, "cam-station-hall,", "../../etc/cron.d/x,", "id", "not an id"),
    ("open_quote", CAMERAS_FILE, "Station hall", '"Station hall', "", "not valid CSV"),
    ("camera_without_profile", CAMERAS_FILE, "street-h264,Station hall", ",Station hall", "profile", "missing"),
    ("camera_of_unknown_encoder", CAMERAS_FILE, "enc-centre-1,1", "enc-nowhere,1", "encoder", "'enc-nowhere'"),
    ("channel_that_is_not_there", CAMERAS_FILE, "enc-centre-1,1", "enc-centre-1,5", "channel", "5 is no channel"),
    ("channel_with_underscore", CAMERAS_FILE, "enc-centre-1,1", "enc-centre-1,1_0", "channel", "not a number"),
    ("channel_without_encoder", CAMERAS_FILE, "10.77.2.21,,", "10.77.2.21,,1", "channel", "without an encoder"),
    ("channel_with_own_address", CAMERAS_FILE, "centre,,,enc-centre-1", "centre,,10.77.1.60,enc-centre-1", "address", "encoder's"),
    ("channel_at_another_site", CAMERAS_FILE, "cam-centre-plaza,centre", "cam-centre-plaza,station", "site", "stands at 'centre'"),
    ("encoder_as_a_camera", CAMERAS_FILE, "sim-camera,10.77.2.21", "sim-encoder-4,10.77.2.21", "model", "4 channels"),
    ("camera_named_as_a_channel", CAMERAS_FILE, "cam-station-hall", "enc-centre-1-ch2", "id", "name of an encoder channel"),
    ("camera_named_as_an_encoder", CAMERAS_FILE, "cam-station-hall", "enc-station-1", "id", "is an encoder"),
    ("camera_on_an_encoders_address", CAMERAS_FILE, "10.77.2.21", "10.77.2.11", "address", "belongs to 'enc-station-1'"),
]  # fmt: skip
MISTAKES = [Mistake(name, CITY_FILE, *rest) for name, *rest in CITY_MISTAKES]
MISTAKES += [Mistake(*values) for values in ROW_MISTAKES]


def _excel(raw: bytes) -> bytes:
    """As Excel saves 'CSV' where the comma is the decimal sign."""
    return b"\xef\xbb\xbf" + raw.replace(b",", b";").replace(b"\n", b"\r\n")


BOMB = b"a0: &a0 [x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)
)
# What a whole file can be: its bytes made wrong, the line and the field named, and what must be said.
FILE_MISTAKES: list[tuple[str, str, Callable[[bytes], bytes], int, str, str]] = [
    ("excel", CAMERAS_FILE, _excel, 1, "", "semicolons"),
    ("latin_1", CAMERAS_FILE, lambda raw: raw + "cam-é".encode("latin-1"), 5, "", "not UTF-8"),
    ("utf_16", CITY_FILE, lambda raw: raw.decode().encode("utf-16"), 1, "", "not UTF-8"),
    ("ten_megabytes_in_a_line", CAMERAS_FILE, lambda raw: raw + b"x" * 10**7, 5, "", "10000000 characters"),
    ("ten_megabytes_of_a_name", CITY_FILE, lambda raw: raw.replace(b"Vigie", b"V" * 10**7), 5, "", "characters"),
    ("yaml_bomb", CITY_FILE, lambda _: BOMB, 2, "*a0", "aliases"),
    ("yaml_cycle", CITY_FILE, lambda raw: b"lots: &lots [*lots]\n" + raw, 1, "*lots", "aliases"),
    ("yaml_object", CITY_FILE, lambda raw: b"a: !!python/object/apply:os.system [x]\n" + raw, 1, "", "tag"),
    ("yaml_depth", CITY_FILE, lambda _: b"a: " + b"[" * 50_000, 1, "", "nested too deeply"),
    ("key_twice", CITY_FILE, lambda raw: b"lab: {}\nlab: {}\n" + raw, 2, "lab", "written twice"),
    ("nul", ENCODERS_FILE, lambda raw: raw.replace(b"enc-centre-2", b"enc-\0"), 3, "", "NUL"),
    ("empty_yaml", CITY_FILE, lambda _: b"", 0, "", "not a mapping"),
    ("empty_csv", ENCODERS_FILE, lambda _: b"", 1, "id", "missing column"),
    ("column_twice", ENCODERS_FILE, lambda raw: raw.replace(b"profile", b"site", 1), 1, "site", "named twice"),
]


def problems_of(folder: Path) -> list[Problem]:
    """The problems of the city in ``folder``, which must be refused and left as it was."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CityError) as caught:
        load_city(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    return caught.value.problems


@pytest.fixture(name="deployed")
def _deployed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the demo, as if it were deployed."""
    home = tmp_path_factory.mktemp("state")
    (home / "demo").mkdir()
    (home / "demo" / "plan.json").write_text("a plan that nobody may touch")
    monkeypatch.setenv("VIGIE_STATE_HOME", str(home))
    return home


def refused_by_command(folder: Path, problem: Problem, state: Path) -> None:
    """``vigie plan`` says the same, leaves with 2 and changes nothing: neither the city nor what is deployed."""
    before = {path: path.stat() for root in (folder, state) for path in (root, *root.rglob("*"))}
    result = CliRunner().invoke(app, ["plan", str(folder)])
    assert result.exit_code == 2
    assert str(problem) in result.stderr
    assert "nothing was changed" in result.stderr
    assert not result.stdout
    assert {path: path.stat().st_mtime_ns for root in (folder, state) for path in (root, *root.rglob("*"))} == {
        path: found.st_mtime_ns for path, found in before.items()
    }


@pytest.mark.parametrize(
    ("file", "spoil", "line", "field", "says"),
    [rest for _, *rest in FILE_MISTAKES],
    ids=[name for name, *_ in FILE_MISTAKES],
)
def test_a_file_that_is_no_file_of_a_city(
    tmp_path: Path, deployed: Path, file: str, spoil: Callable[[bytes], bytes], line: int, field: str, says: str
) -> None:
    """What spreadsheets, editors and attackers leave: named by file, line and fix, and quickly."""
    path = copy_of_demo(tmp_path) / file
    path.write_bytes(spoil(path.read_bytes()))
    matching = [one for one in problems_of(tmp_path) if one.field == field and says in one.message]
    assert len(matching) == 1
    assert (matching[0].file, matching[0].line) == (file, line)
    assert matching[0].fix
    refused_by_command(tmp_path, matching[0], deployed)


def test_each_kind_of_mistake_of_the_issue_is_here() -> None:
    """At least forty, and those that are named there."""
    names = {mistake.name for mistake in MISTAKES} | {name for name, *_ in FILE_MISTAKES}
    assert len(names) == len(MISTAKES) + len(FILE_MISTAKES) >= 100
    assert names >= {
        "missing_key", "misspelt_key", "same_encoder_twice", "encoder_of_unknown_profile", "negative_bitrate",
        "sites_overlap", "ceiling_within_a_segment", "excel", "latin_1", "ten_megabytes_in_a_line", "yaml_bomb",
        "id_with_path", "yaml_cycle",
    }  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_named_with_file_line_field_and_fix(tmp_path: Path, deployed: Path, mistake: Mistake) -> None:
    """A person mends the city from the message alone: it must point at the very line and say what would do."""
    path = copy_of_demo(tmp_path) / mistake.file
    text = path.read_text("utf-8")
    assert text.count(mistake.right) == 1, "the demo changed: this mistake is no longer made in one place"
    path.write_text(text.replace(mistake.right, mistake.wrong), "utf-8")
    line = line_of(path, mistake.at) if mistake.at else text[: text.index(mistake.right)].count("\n") + 1
    found = problems_of(tmp_path)
    matching = [problem for problem in found if problem.field == mistake.field and mistake.says in problem.message]
    assert matching, f"no problem of {mistake.field!r} says {mistake.says!r}: {[str(problem) for problem in found]}"
    assert (matching[0].file, matching[0].line) == (mistake.file, line)
    assert matching[0].fix
    assert len(str(matching[0])) < 400
    refused_by_command(tmp_path, matching[0], deployed)


def test_elsewhere_any_profile_and_path_will_do(tmp_path: Path) -> None:
    """Real devices play more than the clips of the lab."""
    path = copy_of_demo(tmp_path) / CITY_FILE
    text = path.read_text("utf-8").replace(
        "h265, resolution: 2560x1440, fps: 15", "h265, resolution: 3840x2160, fps: 25"
    )
    path.write_text(text.replace("main_path: /main", "main_path: /main?a=1").replace("target: lab", "target: metal"))
    assert load_city(tmp_path).file.profiles[1].main.fps == 25


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    """Ten mistakes in three files are one round of mending, not ten."""
    folder = copy_of_demo(tmp_path)
    for name, right, wrong in (
        (CITY_FILE, "  floor: 4 h", "  flor: 4 h"),
        (ENCODERS_FILE, "10.77.1.12", "encoder.local"),
        (CAMERAS_FILE, "enc-centre-1,1", "enc-centre-1,x"),
    ):
        path = folder / name
        path.write_text(path.read_text("utf-8").replace(right, wrong), "utf-8")
    assert {problem.file for problem in problems_of(folder)} == set(FILES)


def test_a_broken_file_does_not_hide_the_others(tmp_path: Path) -> None:
    """YAML that cannot be parsed at all still leaves the spreadsheets to be checked."""
    folder = copy_of_demo(tmp_path)
    (folder / CITY_FILE).write_text("a: [", "utf-8")
    (folder / CAMERAS_FILE).unlink()
    assert {problem.file for problem in problems_of(folder)} == {CITY_FILE, CAMERAS_FILE}


def test_no_such_folder() -> None:
    """The first word of a new user is often a wrong path."""
    with pytest.raises(CityError, match="no such city folder"):
        load_city(DEMO / "nowhere")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(st.data())
def test_a_city_with_random_edits_loads_or_is_refused_by_name(tmp_path: Path, data: st.DataObject) -> None:
    """Random cuts, swaps and insertions in the demo's files: only ``CityError`` escapes, and it names one of them."""
    folder = copy_of_demo(tmp_path)
    for _ in range(data.draw(st.integers(1, 3))):
        path = folder / data.draw(st.sampled_from(FILES))
        text = path.read_text("utf-8")
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 30))
        piece = data.draw(
            st.sampled_from(["", "0", "yes", "~", "null", '"', ",", ":", "\n", "- ", "-1", "99999999", "é"])
        )
        path.write_text(text[:start] + piece + text[start + length :], "utf-8")
    try:
        load_city(folder)
        found = []
    except CityError as error:
        found = error.problems or [Problem("", 0, "", "an error without a problem", "")]
    assert all(problem.file in FILES and problem.fix for problem in found)
