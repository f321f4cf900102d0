"""`vigie status` compares a host with its manifest: every kind of drift must be named."""

from __future__ import annotations

from typing import Any

import pytest

from vigie.cli.inspection import compare

SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
MANIFEST: dict[str, Any] = {
    "files": {"/etc/vigie/ca.pem": {"sha1": SHA1, "mode": "0644", "owner": "root", "group": "root"}},
    "units": {
        "chrony": {"active": True, "enabled": True},
        "recorder@rec-1": {"active": True, "enabled": True},
        "apt-daily.timer": {"active": False, "enabled": None},
    },
}
SHOWN = (
    "Id=chrony.service\nActiveState=active\nUnitFileState=enabled\n\n"
    "Id=recorder@rec-1.service\nActiveState=active\nUnitFileState=enabled\n\n"
    "Id=apt-daily.timer\nActiveState=inactive\nUnitFileState=masked\n"
)


def _seen(file: list[str] | None = None, units: str = SHOWN) -> dict[str, Any]:
    return {"files": {"/etc/vigie/ca.pem": file or [SHA1, "0644", "root", "root"]}, "units": units}


def test_a_host_as_deployed_differs_in_nothing() -> None:
    assert compare(MANIFEST, _seen()) == []


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (["0" * 40, "0644", "root", "root"], "was edited"),
        (["No such file or directory", "", "", ""], "No such file"),
        ([SHA1, "0666", "root", "root"], "0666"),
        ([SHA1, "0644", "nobody", "root"], "nobody"),
    ],
)
def test_each_change_of_a_file_is_named(file: list[str], words: str) -> None:
    (difference,) = compare(MANIFEST, _seen(file))
    assert "/etc/vigie/ca.pem" in difference
    assert words in difference


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Id=chrony.service\nActiveState=active", "Id=chrony.service\nActiveState=failed", "unit chrony: failed"),
        ("Id=chrony.service", "Id=other.service", "unit chrony: not found"),
        (
            "Id=apt-daily.timer\nActiveState=inactive",
            "Id=apt-daily.timer\nActiveState=active",
            "unit apt-daily.timer: active",
        ),
        (
            "rec-1.service\nActiveState=active\nUnitFileState=enabled",
            "rec-1.service\nActiveState=active\nUnitFileState=disabled",
            "unit recorder@rec-1: disabled",
        ),
    ],
)
def test_each_change_of_a_unit_is_named(old: str, new: str, words: str) -> None:
    assert old in SHOWN
    assert words in compare(MANIFEST, _seen(units=SHOWN.replace(old, new)))[0]
