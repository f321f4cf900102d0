"""The provider's judgement: what is refused, what is replaced, what is repaired, what a preview promises."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.provider.experimental import provider as pulumi
from pulumi.provider.experimental.property_value import PropertyValue

from infra.lab.kinds import KINDS, ForwardKind, HostKind, NetworkKind, VolumeKind
from infra.provider import Provider, kind_of
from infra.values import UNKNOWN, known, plain, to_plain, wrapped

LAB = {"city": "demo", "directory": "/var/lib/vigie/demo"}
HOST: dict[str, Any] = LAB | {
    "name": "h1",
    "address": "10.77.0.11",
    "prefix_length": 16,
    "layers": ["/cache/upper", "/cache/base"],
    "authorized_key": "ssh-ed25519 AAAA",
    "extra_addresses": ["10.77.1.1"],
    "mounts": [{"source": "/v", "mount": "/srv/recordings"}],
}
VOLUME: dict[str, Any] = LAB | {"host": "h1", "name": "recordings", "size_bytes": 64 * 1024 * 1024}
KIND = pulumi.PropertyDiffKind


def urn(token: str, name: str = "h1") -> str:
    return f"urn:pulumi:demo::vigie::vigie:infra:Host${token}::{name}"


def diff(token: str, old: dict[str, Any], new: dict[str, Any]) -> pulumi.DiffResponse:
    request = pulumi.DiffRequest(urn(token), "id", wrapped(old), wrapped(new), [])
    return asyncio.run(Provider(KINDS, "").diff(request))


def failures(token: str, old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    request = pulumi.CheckRequest(urn(token), wrapped(old), wrapped(new), b"")
    response = asyncio.run(Provider(KINDS, "").check(request))
    return {failure.property: failure.reason for failure in response.failures or []}


def test_a_running_host_as_planned_is_left_alone() -> None:
    response = diff(HostKind.token, HOST | {"condition": "running", "ssh_host_key": "k"}, HOST)
    assert response.changes is False
    assert response.detailed_diff == {}


@pytest.mark.parametrize("condition", ["stopped", "cut_off", "unreachable"])
def test_a_host_in_bad_condition_is_repaired_not_replaced(condition: str) -> None:
    response = diff(HostKind.token, HOST | {"condition": condition}, HOST)
    assert response.changes is True
    assert response.replaces == []
    assert response.detailed_diff["condition"].kind is KIND.UPDATE
    assert response.detailed_diff["condition"].input_diff is False


@pytest.mark.parametrize(
    ("key", "value"),
    [("layers", ["/cache/new", "/cache/base"]), ("address", "10.77.0.12"), ("mounts", []), ("name", "h2")],
)
def test_what_makes_another_host_replaces_it_after_deletion(key: str, value: Any) -> None:
    response = diff(HostKind.token, HOST | {"condition": "running"}, HOST | {key: value})
    assert response.replaces == [key]
    assert response.detailed_diff[key].kind is KIND.UPDATE_REPLACE
    assert response.delete_before_replace is True


@pytest.mark.parametrize(("key", "value"), [("extra_addresses", []), ("authorized_key", "ssh-ed25519 BBBB")])
def test_what_a_running_host_can_take_updates_it(key: str, value: Any) -> None:
    response = diff(HostKind.token, HOST | {"condition": "running"}, HOST | {key: value})
    assert response.replaces == []
    assert list(response.detailed_diff) == [key]


def test_a_volume_grows_in_place_and_never_shrinks() -> None:
    larger = VOLUME | {"size_bytes": VOLUME["size_bytes"] * 2}
    assert diff(VolumeKind.token, VOLUME | {"condition": "ready"}, larger).replaces == []
    assert failures(VolumeKind.token, VOLUME, larger) == {}
    assert "lose recordings" in failures(VolumeKind.token, larger, VOLUME)["size_bytes"]
    assert "at least" in failures(VolumeKind.token, {}, VOLUME | {"size_bytes": 1000})["size_bytes"]


def test_names_that_would_escape_the_lab_are_refused() -> None:
    assert "name" in failures(HostKind.token, {}, HOST | {"name": "../etc"})
    assert "city" in failures(NetworkKind.token, {}, LAB | {"city": "a.b", "control_address": "", "prefix_length": 1})
    assert "layers" in failures(HostKind.token, {}, HOST | {"layers": ["/a:b"]})
    assert "layers" in failures(HostKind.token, {}, HOST | {"layers": []})
    forward = LAB | {"name": "Web", "listen_port": 1, "address": "10.77.0.1", "port": 1}
    assert "name" in failures(ForwardKind.token, {}, forward)
    assert failures(HostKind.token, {}, HOST) == {}


def test_what_a_preview_cannot_know_is_not_judged() -> None:
    unknown = HOST | {"mounts": [{"source": UNKNOWN, "mount": "/srv"}], "name": "Bad"}
    assert failures(HostKind.token, {}, unknown) == {}


def test_a_preview_creates_nothing_and_promises_a_running_host() -> None:
    request = pulumi.CreateRequest(urn(HostKind.token), wrapped(HOST), 0, preview=True)
    promised = plain(asyncio.run(Provider(KINDS, "").create(request)).properties)
    assert promised["condition"] == "running"
    assert promised["address"] == HOST["address"]
    assert promised["ssh_host_key"] is UNKNOWN


def test_previewing_a_larger_volume_does_not_seem_to_move_it() -> None:
    """Else the preview would show its host replaced."""
    old, larger = VOLUME | {"path": "/volumes/h1", "condition": "ready"}, VOLUME | {"size_bytes": 2**30}
    request = pulumi.UpdateRequest(urn(VolumeKind.token), "id", wrapped(old), wrapped(larger), 0, [], preview=True)
    promised = plain(asyncio.run(Provider(KINDS, "").update(request)).properties)
    assert promised == larger | {"path": "/volumes/h1", "condition": "ready"}


def test_a_cancelled_provider_begins_nothing() -> None:
    async def create() -> None:
        provider = Provider(KINDS, "")
        await provider.cancel()
        await provider.create(pulumi.CreateRequest(urn(HostKind.token), wrapped(HOST), 0, preview=False))

    with pytest.raises(RuntimeError, match="cancelled"):
        asyncio.run(create())


def test_each_kind_is_found_by_its_type_and_no_other() -> None:
    assert {kind_of(KINDS, f"vigie:infra:Host${token}") for token in KINDS} == set(KINDS.values())
    with pytest.raises(ValueError, match="no type"):
        kind_of(KINDS, "vigielab:index:Router")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
def test_values_survive_the_way_to_pulumi_and_back(values: dict[str, Any]) -> None:
    assert plain(wrapped(values)) == values
    assert known(values)


def test_unknown_values_stay_unknown() -> None:
    assert to_plain(PropertyValue.computed()) is UNKNOWN
    assert not known({"a": [UNKNOWN]})
    assert plain(wrapped({"a": UNKNOWN}))["a"] is UNKNOWN
