"""Names and paths of the lab: unique, within the kernel's limits, derived in one place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.lab.layout import BRIDGE, INTERFACE_NAME_LENGTH, NAME, Lab, bridge_port, hardware_address, namespace_path
from infra.lab.mounts import parse

LABELS = st.from_regex(NAME, fullmatch=True).filter(lambda name: len(name) <= 63)


@given(LABELS)
def test_bridge_ports_fit_the_kernel(host: str) -> None:
    port = bridge_port(host)
    assert len(port) <= INTERFACE_NAME_LENGTH
    assert port != BRIDGE


@given(LABELS, LABELS)
def test_hosts_do_not_share_a_bridge_port(one: str, other: str) -> None:
    assert (bridge_port(one) == bridge_port(other)) == (one == other)


def test_long_names_that_begin_alike_have_different_ports() -> None:
    assert bridge_port("recorder-north-1") != bridge_port("recorder-north-2")


@given(LABELS, LABELS, LABELS)
def test_no_host_of_a_city_is_mistaken_for_another_city(city: str, host: str, other: str) -> None:
    """`demo` with host `2` is not the city `demo-2`: what `down` removes is told apart by name."""
    folder = Path("/var/lib/vigie/x")
    assert Lab(city, folder).host_namespace(host) != Lab(other, folder).namespace


def test_the_control_namespace_has_one_name() -> None:
    assert namespace_path("demo").name == Lab("demo", Path("/s")).namespace


def test_hardware_addresses_follow_addresses() -> None:
    assert hardware_address("10.77.255.1") == "02:00:0a:4d:ff:01"


@pytest.mark.parametrize("city", ["", "Demo", "a.b", "-a", "a/b", "a b"])
def test_a_city_id_that_could_escape_its_names_is_refused(city: str) -> None:
    with pytest.raises(ValueError, match="city id"):
        Lab(city, Path("/s"))


def test_a_relative_state_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        Lab("demo", Path("state"))


def test_mountinfo_is_read_with_spaces_and_propagation() -> None:
    text = (
        "66 27 254:0 /a /var/lib/a\\040city/lab rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "67 66 0:50 / /var/lib/a\\040city/lab/hosts/h1/root rw master:3 - overlay vigie-a.h1 rw,lowerdir=/x\n"
    )
    shared, overlay = parse(text)
    assert (shared.point, shared.shared) == (Path("/var/lib/a city/lab"), True)
    assert (overlay.kind, overlay.source, overlay.shared) == ("overlay", "vigie-a.h1", False)
