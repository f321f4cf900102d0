"""Modules that run on hosts: what they decide, and what they refuse to lay down."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.unit.playbooks.plugins import plugin

STARTED = "Tue 2026-11-24 08:00:00.250000 UTC"
STARTED_SECONDS = 1795507200.25


def unit(**changes: Any) -> dict[str, Any]:
    return {"name": "a.service", "enabled": True, "active": True, "restart_on": [], "reload_on": []} | changes


def seen(**changes: str) -> dict[str, str]:
    running = {"ActiveState": "active", "UnitFileState": "enabled", "FragmentPath": "", "DropInPaths": ""}
    return running | {"ActiveEnterTimestamp": STARTED, "StateChangeTimestamp": STARTED} | changes


def laid(path: Path, seconds_after_start: float) -> str:
    path.write_text("x")
    os.utime(path, (STARTED_SECONDS + seconds_after_start,) * 2)
    return str(path)


def step(wanted: dict[str, Any], found: dict[str, str]) -> str:
    verb, _ = plugin("modules", "systemd_units").step_for(wanted, found)
    assert isinstance(verb, str)
    return verb


def test_time_stamps_are_read_to_the_microsecond() -> None:
    parse_time = plugin("modules", "systemd_units").parse_time
    assert parse_time(STARTED) == STARTED_SECONDS
    assert parse_time("") == 0


def test_a_running_unit_with_older_files_is_left_alone(tmp_path: Path) -> None:
    old = laid(tmp_path / "old", -1)
    assert step(unit(restart_on=[old], reload_on=[old, str(tmp_path / "absent")]), seen(FragmentPath=old)) == ""


@pytest.mark.parametrize("state", ["inactive", "failed", "activating", ""])
def test_a_unit_that_does_not_run_is_started(state: str) -> None:
    assert step(unit(), seen(ActiveState=state)) == "start"


def test_a_unit_that_should_not_run_is_stopped() -> None:
    assert step(unit(active=False), seen()) == "stop"
    assert step(unit(active=False), seen(ActiveState="activating")) == "stop"
    assert step(unit(active=False), seen(ActiveState="failed")) == ""


def test_a_file_that_a_broken_off_run_left_newer_is_taken_up(tmp_path: Path) -> None:
    new = laid(tmp_path / "new", 1)
    assert step(unit(restart_on=[new]), seen()) == "restart"
    assert step(unit(reload_on=[new]), seen()) == "reload"
    assert step(unit(), seen(FragmentPath=new)) == "restart"
    assert step(unit(), seen(DropInPaths=f"/absent {new}")) == "restart"


def test_a_reload_counts_for_what_is_reloaded_only(tmp_path: Path) -> None:
    new = laid(tmp_path / "new", 1)
    reloaded = seen(StateChangeTimestamp="Tue 2026-11-24 08:00:05.000000 UTC")
    assert step(unit(reload_on=[new]), reloaded) == ""
    assert step(unit(restart_on=[new]), reloaded) == "restart"


def test_a_link_counts_as_itself(tmp_path: Path) -> None:
    target = laid(tmp_path / "target", 100)
    link = tmp_path / "current"
    link.symlink_to(target)
    os.utime(link, (STARTED_SECONDS - 1,) * 2, follow_symlinks=False)
    assert step(unit(restart_on=[str(link)]), seen()) == ""
    os.utime(link, (STARTED_SECONDS + 1,) * 2, follow_symlinks=False)
    assert step(unit(restart_on=[str(link)]), seen()) == "restart"


@pytest.mark.parametrize(
    ("wanted", "state", "verb"),
    [
        (True, "enabled", ""),
        (True, "enabled-runtime", ""),
        (True, "disabled", "enable"),
        (False, "enabled", "disable"),
        (False, "disabled", ""),
        (None, "static", ""),
        (None, "disabled", ""),
    ],
)
def test_units_start_at_boot_as_asked(wanted: bool | None, state: str, verb: str) -> None:
    assert plugin("modules", "systemd_units").enabling_for(unit(enabled=wanted), seen(UnitFileState=state)) == verb


CONTENT = b"recorder"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def fetch(source: Path, target: Path, sha256: str) -> None:
    opener = urllib.request.build_opener()
    plugin("modules", "bundle_files").fetch(opener, source.as_uri(), str(target), sha256)


def test_a_file_with_its_checksum_is_laid(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "host" / "mediamtx"
    target.parent.mkdir()
    source.write_bytes(CONTENT)
    fetch(source, target, SHA256)
    assert target.read_bytes() == CONTENT
    assert plugin("modules", "bundle_files").digests(str(target))[0] == SHA256


def test_a_file_with_another_checksum_leaves_the_old_one(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "host" / "mediamtx"
    target.parent.mkdir()
    target.write_bytes(b"old")
    source.write_bytes(b"tampered")
    with pytest.raises(ValueError, match="build the bundle again"):
        fetch(source, target, SHA256)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_a_missing_file_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        fetch(tmp_path / "absent", tmp_path / "mediamtx", SHA256)
    assert list(tmp_path.iterdir()) == []
