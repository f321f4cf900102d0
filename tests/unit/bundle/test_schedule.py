"""Components are built in the order of their needs; a failure stops the rest and says what to do."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import BuildEvent, BundleError, Stage, schedule, store
from infra.bundle.component import Component, Workshop


def _component(name: str, *needs: str, value: str = "1") -> Component:
    def make(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        below = sorted(path.joinpath("name").read_text() for path in workshop.needed.values())
        (folder / "name").write_text(f"{name}({','.join(below)})")
        return {"entries": []}

    return Component(name, {"value": value}, make, needs)


def test_products_are_made_from_what_they_need(tmp_path: Path) -> None:
    chain = [_component("a"), _component("b", "a"), _component("c"), _component("d", "b", "c")]
    folders = schedule.build_all(chain, tmp_path, lambda _: None)
    assert (folders["d"] / "name").read_text() == "d(b(a()),c())"


def test_second_build_reuses_everything(tmp_path: Path) -> None:
    chain = [_component("a"), _component("b", "a")]
    schedule.build_all(chain, tmp_path, lambda _: None)
    events: list[BuildEvent] = []
    schedule.build_all(chain, tmp_path, events.append)
    assert [(event.component, event.stage) for event in events] == [("a", Stage.REUSED), ("b", Stage.REUSED)]


def test_changed_input_changes_every_key_above_and_no_other() -> None:
    before = schedule.keys([_component("a"), _component("b", "a"), _component("c", "b"), _component("d")])
    after = schedule.keys([_component("a", value="2"), _component("b", "a"), _component("c", "b"), _component("d")])
    assert {name for name in before if before[name] != after[name]} == {"a", "b", "c"}


def test_only_takes_what_is_named_and_needed() -> None:
    chain = [_component("a"), _component("b", "a"), _component("c", "b"), _component("d")]
    assert [component.name for component in schedule.with_needs(chain, {"b"})] == ["a", "b"]
    with pytest.raises(BundleError, match="no such component"):
        schedule.with_needs(chain, {"e"})


def test_failure_names_component_command_output_and_fix(tmp_path: Path) -> None:
    def make(workshop: Workshop, _: Path) -> Mapping[str, Any]:
        workshop.commands.run(["sh", "-c", "echo before; echo why >&2; exit 3"], fix="do this")
        return {}

    events: list[BuildEvent] = []
    with pytest.raises(BundleError) as caught:
        schedule.build_all([Component("a", {}, make), _component("b", "a")], tmp_path, events.append)

    assert caught.value.component == "a"
    assert caught.value.command[0] == "sh"
    assert set(caught.value.output) == {"before", "why"}
    assert "exit code 3" in str(caught.value)
    assert "fix: do this" in str(caught.value)
    assert events[-1].stage is Stage.FAILED
    assert not (tmp_path / "b").exists()


def test_missing_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)

    def make(workshop: Workshop, _: Path) -> Mapping[str, Any]:
        workshop.commands.run(["mmdebstrap"])
        return {}

    with pytest.raises(BundleError, match="mmdebstrap is not installed") as caught:
        schedule.build_all([Component("a", {}, make)], tmp_path, lambda _: None)
    assert caught.value.fix == "apt-get install mmdebstrap"


def test_failure_ends_a_running_command_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    started = threading.Event()

    def run_long(workshop: Workshop, folder: Path) -> Mapping[str, Any]:
        (folder / "half").write_text("half")
        started.set()
        workshop.commands.run(["sleep", "600"])
        return {}

    def fail(_: Workshop, __: Path) -> Mapping[str, Any]:
        assert started.wait(10)
        raise OSError("disk gone")

    with pytest.raises(BundleError, match="disk gone"):
        schedule.build_all([Component("long", {}, run_long), Component("bad", {}, fail)], tmp_path, lambda _: None)
    assert [path.name for path in (tmp_path / "long").iterdir()] == [".lock"]


def test_progress_passes_on_lines_of_output(tmp_path: Path) -> None:
    def make(workshop: Workshop, _: Path) -> Mapping[str, Any]:
        workshop.commands.run(["echo", "for people"])
        assert workshop.commands.run(["echo", "for us"], parsed=True) == "for us\n"
        return {}

    events: list[BuildEvent] = []
    folder = schedule.build_all([Component("a", {}, make)], tmp_path, events.append)["a"]
    assert [event.message for event in events if event.stage is Stage.PROGRESS] == ["for people"]
    assert [event.stage for event in events] == [Stage.START, Stage.PROGRESS, Stage.DONE]
    assert store.find(tmp_path, "a", folder.name) == folder
    assert (tmp_path / "log" / "a.log").read_text() == "for people\n"
