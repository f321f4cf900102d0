"""The committed cities are what they say they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import metropolis
from tests.unit.cities import FILES, REPOSITORY, committed

INVENTORIES = REPOSITORY / "inventories"


def test_the_metropolis_is_as_its_script_writes_it(tmp_path: Path) -> None:
    """It is measured and talked about: nobody may have touched one file only."""
    written = metropolis.write(tmp_path)
    for name in FILES:
        assert (written / name).read_bytes() == (INVENTORIES / "metropolis" / name).read_bytes()


def test_the_metropolis_is_the_contracts_ceiling() -> None:
    """5,000 encoders, 100,000 cameras, no tier counted by hand."""
    city, _ = committed("metropolis")
    tiers = city.file.tiers
    assert (len(city.encoders), len(city.cameras)) == (5_000, 100_000)
    assert tiers.streaming is not None
    assert tiers.analytics is not None
    assert (tiers.recorder.count, tiers.streaming.count, tiers.analytics.count) == (None, None, None)


def test_fes_is_the_reference_contract() -> None:
    """One firm lot and three conditional ones, about 1,200 cameras of four megapixels, disks of 16 TB, 30 days."""
    city, _ = committed("fes")
    assert [lot.kind for lot in city.file.lots] == ["firm", "conditional", "conditional", "conditional"]
    assert 1_150 <= len(city.cameras) <= 1_250
    assert {unit.disk for unit in city.file.storage_units} == {16 * 10**12}
    assert city.file.retention.floor == 30 * 86_400
    assert {profile.main.resolution for profile in city.file.profiles} == {(2560, 1440)}
    districts = {site.district for site in city.file.sites}
    assert districts >= {"Fès el-Bali", "Fès el-Jdid", "Ville Nouvelle", "Agdal", "Saïss", "Zouagha", "Jnan El Ward"}


@pytest.mark.parametrize("name", ["demo", "fes", "metropolis"])
def test_every_cameras_csv_keeps_its_columns(name: str) -> None:
    """A city is a folder of three files, whatever its size."""
    assert all((INVENTORIES / name / file).is_file() for file in FILES)
