"""What must hold of every plan, and the same numbers counted a second time by plain arithmetic."""

from __future__ import annotations

from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings

from tests.unit.cities import DEMO, roomy_cities
from vigie.city import City, load_city
from vigie.city.model import StorageUnit
from vigie.plan import Plan, PlanRefused, constants, host_variables, plan
from vigie.plan.capacity import bytes_recorded, usable_bytes, volume_bytes

GB = 10**9


@pytest.fixture(scope="module", name="demo")
def _demo() -> Plan:
    return plan(load_city(DEMO))


def test_the_hosts_of_the_demo(demo: Plan) -> None:
    """Nine hosts: what the lab boots, what the README draws."""
    tiers = {host.name: host.tier for host in demo.hosts}
    assert tiers == {
        "central-1": "central",
        "central-2": "central",
        "witness-1": "witness",
        "noc-1": "noc",
        "recorder-1": "recorder",
        "recorder-2": "recorder",
        "recorder-spare-1": "recorder",
        "lab-centre": "lab_encoder",
        "lab-station": "lab_encoder",
    }


def test_the_bytes_of_the_demo_counted_by_hand(demo: Plan) -> None:
    """1.5 Mbit/s with 1 % for boxes and 5 % for busy scenes is 17.172 GB a day; rec-1 has four of them and one of 1."""
    by_id = {camera.id: camera for camera in demo.cameras}
    assert by_id["cam-centre-plaza"].bytes_per_day == 1_500_000 // 8 * 86_400 * 106 // 100 == 17_172_000_000
    kept = 4 * 3600 + 60  # a segment of 60 s is kept whole
    loads = {load.host: load for load in demo.capacity.recorders}
    assert loads["recorder-1"].needed_bytes == (4 * 1_500_000 + 1_000_000) * kept * 106 // 800
    assert loads["recorder-2"].needed_bytes == (1 * 1_500_000 + 2 * 1_000_000) * kept * 106 // 800
    assert loads["recorder-1"].usable_bytes == 16 * GB * 93 // 100
    assert demo.capacity.raw_bytes == 3 * 16 * GB


@given(roomy_cities())
@settings(deadline=None, max_examples=60)
def test_invariants(city: City) -> None:
    """Each camera has one recorder, no recorder breaks a bound, no two things share an address or a port."""
    try:
        made = plan(city)
    except PlanRefused as refusal:
        assert refusal.shortfalls  # noqa: PT017 - most cities of the strategy fit: ``raises`` cannot say this
        return
    _each_camera_once(city, made)
    _bounds_hold_when_counted_anew(city, made)
    _addresses_are_unique_and_inside(made)
    _ports_on_a_host_are_unique(made)


def _each_camera_once(city: City, made: Plan) -> None:
    held = [camera for identity in made.identities for camera in identity.cameras]
    assert sorted(held) == sorted(camera.id for camera in city.cameras) == [camera.id for camera in made.cameras]
    assert {camera.id: camera.identity for camera in made.cameras} == {
        camera: identity.id for identity in made.identities for camera in identity.cameras
    }
    assert sorted(stream.camera for device in made.lab_devices for stream in device.streams) == sorted(held * 2)


def _bounds_hold_when_counted_anew(city: City, made: Plan) -> None:
    """Exact fractions of the profile's bit rate; the plan rounds each camera up, by less than a byte each."""
    tier, retention = city.file.tiers.recorder, city.file.retention
    kept = retention.floor + city.file.recording.segment
    entries = {camera.id: camera for camera in city.cameras}
    for identity in made.identities:
        rates = [city.profile(entries[camera].profile).main.bitrate for camera in identity.cameras]
        exact = sum((Fraction(rate, 8) * kept * Fraction(106, 100) for rate in rates), Fraction(0))
        load = next(load for load in made.capacity.recorders if load.host == identity.host)
        assert exact <= load.needed_bytes < exact + len(rates) + 1
        assert load.needed_bytes <= load.usable_bytes
        assert load.ingest_bits_per_second == sum(rates) <= tier.max_ingest
        assert load.cameras == len(rates) <= tier.max_cameras
    for site in made.capacity.sites:
        rates = [city.profile(entry.profile).main.bitrate for entry in city.cameras if entry.site == site.site]
        assert site.bits_per_second == sum(rates) <= site.uplink_bits_per_second


def _addresses_are_unique_and_inside(made: Plan) -> None:
    hosts = [host.address for host in made.hosts] + [identity.address for identity in made.identities]
    devices = [device.address for device in made.lab_devices]
    every = [made.network.control_address, *hosts, *devices]
    assert len(set(every)) == len(every)
    city, platform = IPv4Network(made.network.city), IPv4Network(made.network.platform)
    usable = set(every) - {str(platform.network_address), str(platform.broadcast_address)}
    assert len(usable) == len(every)
    assert all(IPv4Address(address) in city for address in every)
    assert all(IPv4Address(address) in platform for address in [made.network.control_address, *hosts])
    assert sorted(a for host in made.hosts for a in host.extra_addresses) == sorted(set(devices))


def _ports_on_a_host_are_unique(made: Plan) -> None:
    for host in made.hosts:
        variables = host_variables(made, host.name)
        ports = list(variables["vigie_ports"].values())
        for identity in variables.get("vigie_identities", []):
            ports += [identity["api_port"], identity["metrics_port"]]
        assert len(set(ports)) == len(ports)
        assert all(0 < port < 65_536 for port in ports)
    names = [host.name for host in made.hosts]
    assert len(set(names)) == len(names)
    assert max(len(name) for name in names) <= 63


def test_a_later_recorder_moves_no_host(demo: Plan) -> None:
    """Growth must not renumber what runs: addresses of hosts and identities stay."""
    city = load_city(DEMO)
    tiers = city.file.tiers
    wider = tiers.model_copy(update={"recorder": tiers.recorder.model_copy(update={"count": 5})})
    grown = plan(city.model_copy(update={"file": city.file.model_copy(update={"tiers": wider})}))
    assert {host.name: host.address for host in demo.hosts}.items() <= {h.name: h.address for h in grown.hosts}.items()
    assert [i.address for i in demo.identities] == [i.address for i in grown.identities][:2]


def test_every_service_with_metrics_is_a_target(demo: Plan) -> None:
    """What is not scraped fails unseen."""
    wanted = {("node", host.name, constants.NODE_EXPORTER_PORT) for host in demo.hosts}
    for host in demo.hosts:
        wanted |= {
            (name, host.name, port)
            for name, port in constants.EXPORTER_PORTS.items()
            if f"exporter_{name}" in host.services
        }
    wanted |= {("prometheus", "noc-1", 9090), ("alertmanager", "noc-1", 9093)}
    assert {(target.job, target.host, target.port) for target in demo.targets} == wanted
    assert len(demo.targets) == len(wanted)


@pytest.mark.parametrize(
    ("raid", "disks", "data"), [("none", 3, 3), ("raid1", 2, 1), ("raid5", 4, 3), ("raid6", 12, 10), ("raid10", 6, 3)]
)
def test_raid_loses_what_it_must(raid: str, disks: int, data: int) -> None:
    """The textbook's data disks; then 2 % for the filesystem and 5 % kept free."""
    unit = StorageUnit.model_validate({"id": "u", "disk": "16 TB", "disks": disks, "raid": raid})
    assert volume_bytes(unit) == data * 16 * 1000 * GB
    assert usable_bytes(unit) == data * 16 * 1000 * GB * 93 // 100


def test_a_four_megapixel_camera_of_the_reference_contract() -> None:
    """4 Mbit/s for a day is 43.2 GB before overhead, as the design says; rounding is upwards."""
    assert bytes_recorded(4_000_000, 86_400) == 43_200_000_000 * 106 // 100
    assert bytes_recorded(1, 1) == 1


def test_a_host_learns_only_what_it_needs(demo: Plan) -> None:
    """A secretless host that knows every camera is a map for a burglar, and its fingerprint would never rest."""
    text = repr(host_variables(demo, "central-1"))
    assert not any(camera.id in text or f"'{camera.address}'" in text for camera in demo.cameras)
    mine = {camera for identity in demo.identities if identity.host == "recorder-1" for camera in identity.cameras}
    theirs = {camera.id for camera in demo.cameras} - mine
    recorder = repr(host_variables(demo, "recorder-1"))
    assert all(repr(camera) in recorder for camera in mine)
    assert not any(repr(camera) in recorder for camera in theirs)
    with pytest.raises(KeyError):
        host_variables(demo, "no-such-host")


def test_paths_of_the_platform_are_absolute() -> None:
    """A relative path in a template would depend on where a service starts."""
    paths = [value for value in vars(constants).values() if isinstance(value, PurePosixPath)]
    assert len(paths) > 5
    assert all(path.is_absolute() for path in paths)
