"""The Pulumi program against mocks: which resources a plan becomes, whatever the machine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, settings, stack

from infra.lab.layout import Lab
from infra.lab.target import LabTarget
from infra.program import program
from infra.settings import TARGET_FILE
from infra.targets import store, stored
from vigie.plan.model import Capacity, Forward, Host, Monitoring, Network, Plan, RetentionPolicy, Volume
from vigie.state import State

TARGET = LabTarget(
    Lab("demo", Path("/var/lib/vigie/demo")),
    {"bare": ("/cache/base",), "baked": ("/cache/upper", "/cache/base")},
    "ssh-ed25519 AAAA operator",
)


def host(name: str, address: str, layer: Any = "baked", volumes: tuple[Volume, ...] = ()) -> Host:
    return Host(name, "recorder", address, 16, ("10.77.1.1",), layer, (), volumes, ())


PLAN = Plan(
    format=1,
    city="demo",
    title="Demo",
    target="lab",
    network=Network("10.77.0.0/16", "10.77.0.0/24", "10.77.0.1"),
    segment_seconds=60,
    retention=RetentionPolicy(14_400, 18_000),
    time_sources=(),
    hosts=(
        host("recorder-1", "10.77.0.11", volumes=(Volume("recordings", 2**30, "/srv/recordings"),)),
        host("witness", "10.77.0.12", layer="bare"),
    ),
    identities=(),
    cameras=(),
    lab_devices=(),
    flows=(),
    targets=(),
    forwards=(Forward("grafana", 3000, "noc", "10.77.0.20", 3000),),
    monitoring=Monitoring(15, 5, 15),
    capacity=Capacity((), (), 0, 0, 0),
    digest="d1",
)


@dataclass
class Recorder(mocks.Mocks):
    """Stands in for the engine and notes what is registered."""

    seen: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        assert args.typ is not None
        self.seen[args.typ, args.name] = dict(args.inputs)
        made = {"path": f"/volumes/{args.name}", "ssh_host_key": f"key of {args.name}", "namespace": "vigie-demo"}
        return f"{args.name}-id", {**made, **args.inputs}

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError("the program calls no function")


def run(plan: Plan) -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, Any]]:
    """Run the program; the inputs by type and name, and the exports."""
    recorder = Recorder()
    exports: dict[str, Any] = {}
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.set_root_resource(None)  # type: ignore[arg-type]  # that of an earlier test
    mocks.set_mocks(recorder, project="vigie", stack="demo", preview=False)

    def declare() -> None:
        program(plan, TARGET)
        root = pulumi.runtime.get_root_resource()
        assert isinstance(root, stack.Stack)
        for name, value in root.outputs.items():
            pulumi.Output.from_input(value).apply(partial(exports.__setitem__, name))

    loop.run_until_complete(stack.run_pulumi_func(declare))
    loop.close()
    return recorder.seen, exports


def test_each_host_becomes_one_component_with_its_machine_and_volumes() -> None:
    seen, _ = run(PLAN)
    types = sorted((token, name) for token, name in seen if token != "pulumi:pulumi:Stack")
    assert types == [
        ("vigie:infra:Host", "recorder-1"),
        ("vigie:infra:Host", "witness"),
        ("vigielab:index:Forward", "grafana"),
        ("vigielab:index:Host", "recorder-1"),
        ("vigielab:index:Host", "witness"),
        ("vigielab:index:Network", "demo"),
        ("vigielab:index:Volume", "recorder-1-recordings"),
    ]


def test_a_host_gets_its_layer_and_mounts_where_the_volume_is() -> None:
    seen, _ = run(PLAN)
    recorder, witness = seen["vigielab:index:Host", "recorder-1"], seen["vigielab:index:Host", "witness"]
    assert recorder["layers"] == ["/cache/upper", "/cache/base"]
    assert witness["layers"] == ["/cache/base"]
    assert recorder["mounts"] == [{"source": "/volumes/recorder-1-recordings", "mount": "/srv/recordings"}]
    assert recorder["extra_addresses"] == ["10.77.1.1"]
    assert (recorder["volume_bytes"], witness["volume_bytes"]) == (2**30, 0)


def test_the_network_spans_the_city() -> None:
    seen, _ = run(PLAN)
    network = seen["vigielab:index:Network", "demo"]
    assert (network["control_address"], network["prefix_length"]) == ("10.77.0.1", 16)


def test_what_is_exported_is_what_the_command_line_needs_and_not_the_plan() -> None:
    _, exports = run(PLAN)
    assert exports["plan"] == "d1"
    assert exports["hosts"]["witness"] == {"address": "10.77.0.12", "ssh_host_key": "key of witness"}
    assert exports.keys() == {"plan", "hosts"}


def test_a_layer_that_the_bundle_lacks_fails_loudly() -> None:
    lacking = replace(PLAN, hosts=(host("x", "10.77.0.13", layer="golden"),))
    with pytest.raises(KeyError, match="golden"):
        run(lacking)


def test_the_target_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Also one of an earlier version, which named no target."""
    here = replace(TARGET, lab=Lab("demo", tmp_path))
    store("lab", here, State(tmp_path))
    assert stored(tmp_path / TARGET_FILE) == ("lab", here)
    (tmp_path / TARGET_FILE).write_text(here.dump(), encoding="utf-8")
    assert stored(tmp_path / TARGET_FILE) == ("lab", here)
