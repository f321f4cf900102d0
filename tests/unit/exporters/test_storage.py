"""Volumes: mount table, trend, read-only."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.storage import collector as storage
from exporters.storage.configuration import StorageConfiguration
from exporters.storage.devices import Devices, Writes, read_devices
from exporters.storage.trend import FillTrend
from exporters.storage.volume import NotMountedError, VolumeState, find_mount, read_volume
from tests.unit.exporters.serving import get, run, serving, values
from vigie.metrics.thresholds import SMART_OLD, TREND_HORIZON, TREND_MINIMUM

TABLE = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
40 22 7:3 / /srv/recordings rw,noatime - ext4 /dev/loop3 rw
41 22 7:4 / /srv/with\\040space rw - xfs /dev/loop4 rw
42 22 7:5 / /srv/broken rw,relatime - ext4 /dev/loop5 rw,errors=remount-ro,emergency_ro
43 22 7:6 / /srv/sandboxed ro,relatime - ext4 /dev/loop6 rw
45 22 7:8 / /srv/ro ro,relatime - ext4 /dev/loop8 ro
44 40 7:7 / /srv/recordings rw - xfs /dev/loop7 ro
"""


@pytest.mark.parametrize(
    ("mount", "number", "read_only"),
    [
        ("/", "8:1", False),
        ("/srv/with space", "7:4", False),
        ("/srv/broken", "7:5", True),
        ("/srv/sandboxed", "7:6", False),
        ("/srv/ro", "7:8", True),
        ("/srv/recordings", "7:7", True),
    ],
)
def test_mounts_are_found_and_read_only_is_seen(mount: str, number: str, read_only: bool) -> None:
    found = find_mount(TABLE, Path(mount))
    assert found is not None
    assert (found.number, found.read_only) == (number, read_only)


def test_a_folder_is_not_a_mount(tmp_path: Path) -> None:
    assert find_mount(TABLE, Path("/srv")) is None
    with pytest.raises(NotMountedError):
        read_volume(tmp_path)


def test_the_root_volume_is_measured() -> None:
    state = read_volume(Path("/"))
    assert 0 < state.free <= state.size
    assert state.used <= state.size


def _until_full(points: list[tuple[float, int]], free: int) -> float | None:
    trend = FillTrend()
    for now, used in points:
        trend.add(now, used)
    now, used = points[-1]
    return trend.seconds_until_full(now, used, free)


def test_a_steady_fill_is_extrapolated() -> None:
    assert _until_full([(30.0 * n, 1000 * 30 * n) for n in range(20)], 1_000_000) == pytest.approx(1000)


def test_a_round_of_deletion_does_not_tip_the_trend() -> None:
    points = [(30.0 * n, 1000 * 30 * n - (200_000 if n > 15 else 0)) for n in range(20)]
    until_full = _until_full(points, 1_000_000)
    assert until_full is not None
    assert until_full == pytest.approx(1000, rel=0.2)


def test_a_short_history_says_nothing_but_a_full_volume_is_full() -> None:
    short = [(0.0, 0), (TREND_MINIMUM.value - 1, 1000)]
    assert _until_full(short, 1000) is None
    assert _until_full(short, 0) == 0


def test_a_volume_that_does_not_fill_reaches_the_horizon() -> None:
    assert _until_full([(30.0 * n, 5000) for n in range(20)], 1) == TREND_HORIZON.value


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.integers(0, 1 << 50)), min_size=1, max_size=100), st.integers(0, 1 << 50)
)
def test_the_answer_is_always_within_its_limits(points: list[tuple[float, int]], free: int) -> None:
    answer = _until_full(sorted(points), free)
    assert answer is None or 0 <= answer <= TREND_HORIZON.value


def test_unmounted_is_said_and_unreadable_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = [{"name": "missing", "mount": str(tmp_path)}, {"name": "root", "mount": "/"}]
    exporter = storage.build(StorageConfiguration.model_validate({"volumes": volumes}))

    async def page() -> str:
        async with serving("storage", exporter) as (sampler, _, port):
            await sampler.once()
            return (await get(port))[1]

    text = run(page())
    assert values(text, "vigie_storage_mounted", "volume") == {"missing": 0, "root": 1}
    assert set(values(text, "vigie_storage_size_bytes", "volume")) == {"root"}

    def unreadable(_: Path) -> VolumeState:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(storage, "read_volume", unreadable)
    assert values(run(page()), "vigie_exporter_errors_total", "stage")["volume"] == 2


def test_growth_counts_as_written_where_there_is_no_block_device(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter((100, 300, 250, 350))

    def volume(_: Path) -> VolumeState:
        return VolumeState(1000, 500, next(used), False, "tmpfs", "tmpfs")

    monkeypatch.setattr(storage, "read_volume", volume)
    configuration = StorageConfiguration.model_validate({"volumes": [{"name": "v", "mount": "/v"}]})
    exporter = storage.build(configuration)

    async def page() -> str:
        async with serving("storage", exporter) as (sampler, _, port):
            for _ in range(4):
                await sampler.once()
            return (await get(port))[1]

    assert values(run(page()), "vigie_storage_written_bytes_total", "volume") == {"v": 300}


STAT = "  11 0 88 5 400 0 80000 2500 0 3 4 0 0 0 0\n"


def disk(sys: Path, name: str, number: str, stat: str = STAT) -> Path:
    """A disk as /sys shows it."""
    folder = sys / "devices/pci0/block" / name
    (folder / "slaves").mkdir(parents=True)
    (folder / "stat").write_text(stat)
    (sys / "dev/block").mkdir(parents=True, exist_ok=True)
    (sys / "dev/block" / number).symlink_to(folder)
    return folder


def array(sys: Path) -> None:
    """A partition of an array of two disks, one of which is gone."""
    folder = disk(sys, "md0", "9:0")
    (folder / "md").mkdir()
    (folder / "md/degraded").write_text("1\n")
    part = disk(sys, "sda", "8:0") / "sda1"
    part.mkdir()
    (part / "partition").write_text("1\n")
    (folder / "slaves/sda1").symlink_to(part)
    disk(sys, "sdb", "8:16")
    whole = folder / "md0p1"
    whole.mkdir()
    (whole / "partition").write_text("1\n")
    (whole / "stat").write_text(STAT)
    (sys / "dev/block/259:1").symlink_to(whole)


def test_the_devices_below_a_volume_are_found(tmp_path: Path) -> None:
    array(tmp_path)
    smart = tmp_path / "smartmon.prom"
    smart.write_text(
        "# TYPE smartmon_device_smart_healthy gauge\n"
        'smartmon_device_smart_healthy{disk="/dev/sda",type="sat"} 0\n'
        'smartmon_device_smart_healthy{disk="/dev/sdb",type="sat"} 1\n'
        'smartmon_device_active{disk="/dev/sda",type="sat"} 1\n'
    )
    found = read_devices("259:1", tmp_path, smart)
    assert found.writes == Writes(400, 80000 * 512, 2.5)
    assert found.missing == {"md0": 1}
    assert found.healthy == {"sda": False}  # sdb is no part of this volume
    old = time.time() - SMART_OLD.value - 10
    os.utime(smart, (old, old))
    assert read_devices("259:1", tmp_path, smart).healthy == {}


@pytest.mark.parametrize("stat", ["", "1 2 3", "a b c d e f g h"])
def test_what_cannot_be_read_of_a_device_is_absent(tmp_path: Path, stat: str) -> None:
    smart = tmp_path / "smartmon.prom"
    disk(tmp_path, "sda", "8:0", stat)
    assert read_devices("8:0", tmp_path, smart) == Devices()
    assert read_devices("9:9", tmp_path, smart) == Devices()
    smart.write_text("smartmon_device_smart_healthy{disk= 1\n")
    assert read_devices("8:0", tmp_path, smart) == Devices()


def test_the_state_of_devices_is_exposed_and_absent_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = Devices(Writes(400, 4000, 2.5), {"md0": 1}, {"sda": False})
    state = VolumeState(1000, 500, 1, False, "/dev/md0", "ext4", 100, 40, devices)
    exporter = storage.build(StorageConfiguration.model_validate({"volumes": [{"name": "v", "mount": "/v"}]}))

    async def page() -> str:
        async with serving("storage", exporter) as (sampler, _, port):
            await sampler.once()
            return (await get(port))[1]

    monkeypatch.setattr(storage, "read_volume", lambda _: state)
    text = run(page())
    assert values(text, "vigie_storage_array_missing_disks", "device") == {"md0": 1}
    assert values(text, "vigie_storage_disk_healthy", "device") == {"sda": 0}
    assert values(text, "vigie_storage_write_seconds_total", "volume") == {"v": 2.5}
    assert values(text, "vigie_storage_writes_total", "volume") == {"v": 400}
    assert values(text, "vigie_storage_free_inodes", "volume") == {"v": 40}
    monkeypatch.setattr(storage, "read_volume", lambda _: VolumeState(1000, 500, 1, False, "tmpfs", "tmpfs"))
    text = run(page())
    for name in ("array_missing_disks", "disk_healthy", "write_seconds_total", "writes_total", "inodes"):
        assert values(text, f"vigie_storage_{name}", "volume") == {}
