"""What must hold of every plan, and the same numbers counted a second time by plain arithmetic."""

from __future__ import annotations

from fractions import Fraction
from ipaddress import IPv4Address, IPv4Network
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings

from tests.unit.cities import DEMO, city_of, committed, demo_values, roomy_cities
from vigie.city import City, load_city
from vigie.city.model import StorageUnit
from vigie.plan import Plan, PlanRefused, constants, host_variables, plan
from vigie.plan.capacity import bytes_recorded, usable_bytes, volume_bytes
from vigie.plan.model import GiveUp

GB = 10**9


@pytest.fixture(scope="module", name="demo")
def _demo() -> Plan:
    return plan(load_city(DEMO))


@pytest.mark.parametrize("name", ["fes", "metropolis"])
def test_each_loss_in_the_committed_cities_is_served(name: str) -> None:
    """Each recorder in turn, as issue 5 asks."""
    city, made = committed(name)
    _each_loss_is_served(city, made)
    assert all(group.losses == 1 for group in made.capacity.groups)


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
    # 2 % for the filesystem, 5 % kept free, and of the rest 5 % for locked evidence.
    assert loads["recorder-1"].usable_bytes == 16 * GB * 93 * 95 // 10_000
    assert loads["recorder-1"].evidence_bytes == 16 * GB * 93 * 5 // 10_000
    assert demo.capacity.raw_bytes == 3 * 16 * GB


@given(roomy_cities())
@settings(deadline=None, max_examples=80)
def test_invariants(city: City) -> None:
    """Each camera has one recorder, no recorder breaks a bound, no two things share an address or a port."""
    try:
        made = plan(city)
    except PlanRefused as refusal:
        assert refusal.shortfalls  # noqa: PT017 - most cities of the strategy fit: ``raises`` cannot say this
        return
    _each_camera_once(city, made)
    _bounds_hold_when_counted_anew(city, made)
    _each_loss_is_served(city, made)
    _what_is_not_exercised_is_not_made(made)
    _lots_add_up(made)
    _addresses_are_unique_and_inside(made)
    _ports_on_a_host_are_unique(made)


def _each_camera_once(city: City, made: Plan) -> None:
    """Once, or twice on different hosts where the profile is mirrored; identities list what is deployed, both ways."""
    assert [camera.id for camera in made.cameras] == sorted(camera.id for camera in city.cameras)
    mirrored = {entry.id for entry in city.cameras if city.profile(entry.profile).mirrored}
    hosts = {identity.id: identity.host for identity in made.identities}
    listed: dict[str, set[str]] = {camera.id: set() for camera in made.cameras}
    for identity in made.identities:
        assert len(set(identity.cameras)) == len(identity.cameras)
        for name in identity.cameras:
            listed[name].add(identity.id)
    lots = {lot.id: lot for lot in city.file.lots}
    for camera in made.cameras:
        assert camera.identity == camera.identities[0]
        assert len({hosts[identity] for identity in camera.identities}) == len(camera.identities)
        assert len(camera.identities) == (2 if camera.id in mirrored else 1)
        assert camera.deployed == (lots[camera.lot].kind == "firm" or lots[camera.lot].exercised)
        assert listed[camera.id] == (set(camera.identities) if camera.deployed else set())
        if camera.deployed:
            assert all(made.host(hosts[identity]).deployed for identity in camera.identities)
    played = [stream.camera for device in made.lab_devices for stream in device.streams]
    assert sorted(played) == sorted([camera.id for camera in made.deployed_cameras] * 2)


def _factor(city: City) -> Fraction:
    """2026-01-01 to 2028-07-01 at 12.5 %: two whole years and 182 days."""
    return Fraction(9, 8) ** 2 * (1 + Fraction(1, 8) * Fraction(182, 365)) if city.file.capacity.growth else Fraction(1)


def _bounds_hold_when_counted_anew(city: City, made: Plan) -> None:
    """Exact fractions of the profile's bit rate; the plan rounds each camera up, by less than a byte each."""
    server, retention, settings = city.file.server_classes[0], city.file.retention, city.file.capacity
    kept = retention.floor + city.file.recording.segment
    factor = _factor(city)
    read = Fraction(settings.live_share + settings.playback_share, 10_000)
    disk = Fraction(city.file.storage_units[0].disk * 93, 100) * (1 - Fraction(settings.evidence_reserve, 10_000))
    held: dict[str, list[int]] = {identity.host: [] for identity in made.identities}
    hosts = {identity.id: identity.host for identity in made.identities}
    rate_of = {entry.id: city.profile(entry.profile).main.bitrate for entry in city.cameras}
    for camera in made.cameras:
        for identity in camera.identities:
            held[hosts[identity]].append(rate_of[camera.id])
    assert {load.host for load in made.capacity.recorders} == set(held)
    for load in made.capacity.recorders:
        rates = held[load.host]
        exact = sum((Fraction(rate, 8) * kept * Fraction(106, 100) for rate in rates), Fraction(0))
        assert exact <= load.needed_bytes < exact + len(rates) + 1
        assert load.needed_bytes * factor <= disk
        assert load.ingest_bits_per_second == sum(rates)
        assert sum(rates) * factor <= (server.max_ingest or 0)
        assert sum(rates) * read * factor <= (server.max_read or 0)
        assert load.cameras == len(rates)
        assert len(rates) * factor <= (server.max_cameras or 0)
    for site in made.capacity.sites:
        profiles = [city.profile(entry.profile) for entry in city.cameras if entry.site == site.site]
        sent = sum((1 + p.mirrored) * p.main.bitrate + p.analysed * p.sub.bitrate for p in profiles)
        assert site.bits_per_second == sent <= site.uplink_bits_per_second


def _each_loss_is_served(city: City, made: Plan) -> None:
    """For each recorder in turn: a spare of its group, empty until then, could take all it records within every bound."""
    tier = city.file.tiers.recorder
    loads = {load.host: load for load in made.capacity.recorders}
    groups = {group.group: group for group in made.capacity.groups}
    spares = {host.name for host in made.hosts if host.tier == "recorder"} - set(loads)
    assert sorted(spare for group in groups.values() for spare in group.spares) == sorted(spares)
    for identity in made.identities:
        group, load = groups[identity.group], loads[identity.host]
        assert identity.standby == group.spares
        assert len(group.spares) == tier.spare
        assert len(group.members) <= tier.group_size
        assert identity.host in group.members
        assert load.needed_bytes <= group.needed_bytes <= group.usable_bytes
        assert load.cameras <= group.cameras <= group.cameras_limit
        assert load.ingest_bits_per_second <= group.ingest_bits_per_second <= group.ingest_limit_bits_per_second
        assert load.read_bits_per_second <= group.read_bits_per_second <= group.read_limit_bits_per_second
        for spare in identity.standby:
            assert made.host(spare).volumes == made.host(identity.host).volumes
            assert made.host(spare).deployed or not made.host(identity.host).deployed


def _what_is_not_exercised_is_not_made(made: Plan) -> None:
    """It is in the plan, counted, and nowhere in what is configured, allowed or measured."""
    absent = {host.name for host in made.hosts} - {host.name for host in made.deployed_hosts}
    assert not any(host.firewall for host in made.hosts if host.name in absent)
    assert not {target.host for target in made.targets} & absent
    assert not {flow.source for flow in made.flows} & absent
    assert not {flow.destination for flow in made.flows} & absent
    hidden = {camera.id for camera in made.cameras if not camera.deployed}
    for host in made.hosts:
        if host.deployed:
            known = repr(host_variables(made, host.name))
            assert not any(repr(camera) in known for camera in hidden)
        else:
            with pytest.raises(KeyError):
                host_variables(made, host.name)


def _lots_add_up(made: Plan) -> None:
    recorders = sum(host.tier == "recorder" for host in made.hosts)
    assert sum(lot.recorders for lot in made.lots) == recorders
    assert sum(lot.cameras for lot in made.lots) == len(made.cameras)
    assert sum(lot.sites for lot in made.lots) == len(made.capacity.sites)
    assert sum(lot.raw_bytes for lot in made.lots) == made.capacity.raw_bytes
    for name in ("streaming", "analytics"):
        assert sum(getattr(lot, name) for lot in made.lots) == sum(host.tier == name for host in made.hosts)


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
    for host in made.deployed_hosts:
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


def test_what_is_given_up_under_pressure_is_in_the_plan() -> None:
    """The keeper reads it there; without the city's word nothing goes below the floor."""
    values = demo_values()
    values["retention"]["pressure"] = {"give_up": ["street-h265"], "keep_at_least": "2 h"}
    city, default = committed("demo")
    planned = plan(city_of(values, list(city.encoders), []))
    assert default.retention.give_up is None
    assert planned.retention.give_up == GiveUp(("street-h265",), 7200)
    assert {camera.profile for camera in planned.cameras} <= {"street-h264", "street-h265"}
