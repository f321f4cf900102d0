"""Plans of Vigie versions before are read: a city that runs is not planned as if it were not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cities import DEMO
from vigie.city import load_city
from vigie.plan import load_plan, plan
from vigie.plan.document import FORMAT, MIGRATIONS, dump_plan, parse_plan

FORMAT_1 = Path(__file__).with_name("format1.json")  # the demo's plan as the first version wrote it, byte for byte


def test_every_format_before_has_a_way_to_this_one() -> None:
    assert set(MIGRATIONS) == set(range(1, FORMAT))


def test_a_plan_of_the_first_version_is_read() -> None:
    old = load_plan(FORMAT_1)
    assert old.format == FORMAT
    assert {camera.id: camera.identities for camera in old.cameras} == {
        camera["id"]: (camera["identity"],) for camera in json.loads(FORMAT_1.read_bytes())["cameras"]
    }
    assert parse_plan(dump_plan(old).encode(), "again") == old


def test_planning_upon_it_moves_nothing() -> None:
    """An upgrade that moved cameras or addresses would interrupt what runs."""
    old = load_plan(FORMAT_1)
    new = plan(load_city(DEMO), old)
    assert {camera.id: camera.identities for camera in new.cameras} == {c.id: c.identities for c in old.cameras}
    assert {host.name: host.address for host in new.hosts} == {host.name: host.address for host in old.hosts}
    assert [(one.id, one.host, one.address, one.api_port, one.metrics_port) for one in new.identities] == [
        (one.id, one.host, one.address, one.api_port, one.metrics_port) for one in old.identities
    ]


def test_one_that_was_edited_is_refused() -> None:
    edited = FORMAT_1.read_text("utf-8").replace('"10.77.1.11"', '"10.77.1.99"', 1)
    with pytest.raises(ValueError, match="it was edited"):
        parse_plan(edited.encode(), "plan.json")


@pytest.mark.parametrize("number", [0, FORMAT + 1, 99])
def test_one_of_another_version_is_refused_with_what_can_be_read(number: int) -> None:
    newer = json.dumps(json.loads(FORMAT_1.read_bytes()) | {"format": number})
    with pytest.raises(ValueError, match=f"plan format {number}, this Vigie reads 1, {FORMAT}"):
        parse_plan(newer.encode(), "plan.json")
