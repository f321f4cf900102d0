"""What each exporter really exposes over HTTP is the metric contract: no more, no less."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr

from exporters.camera.collector import DISK_STAGE, CameraCollector
from exporters.camera.configuration import CameraConfiguration, Credentials, Login
from exporters.camera.watch import STAGE
from exporters.recording.collector import build as build_recording
from exporters.recording.configuration import RecordingConfiguration
from exporters.storage import collector as storage
from exporters.storage import volume
from exporters.storage.configuration import StorageConfiguration
from exporters.storage.devices import Devices, Writes
from exporters.web import Exporter
from tests.unit.exporters.archive import DAY, Books
from tests.unit.exporters.cameras import PASSWORD, USER, FakeRecorder, footage
from tests.unit.exporters.serving import exposed, get, run, serving
from tests.unit.exporters.test_command import CAMERA, CAMERA_ENTRY, RECORDING
from vigie.metrics import MetricType, metrics_of
from vigie.metrics.thresholds import TREND_MINIMUM

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg on the PATH")


LOGINS = Credentials(
    cameras=Login(username=USER, password=SecretStr(PASSWORD)),
    metrics=Login(username="exporter", password=SecretStr("m")),
)


def compare(name: str, text: str) -> None:
    """Fails naming what the contract lacks or the exporter does not expose."""
    found = exposed(text)
    contract = {metric.name: metric for metric in metrics_of(name)}
    assert set(found) == set(contract)
    for family, (kind, labels) in found.items():
        metric = contract[family]
        assert labels == set(metric.labels), family
        assert kind == ("counter" if metric.type is MetricType.COUNTER else "gauge"), family
        assert f"# HELP {family} {metric.help}" in text


def camera_configuration(folder: Path, recorder: int, rtsp: int = 554) -> CameraConfiguration:
    content = CAMERA | {
        "recordings": str(folder),
        "identities": [{"id": "rec-1", "metrics_url": f"http://127.0.0.1:{recorder}/metrics"}],
        "cameras": [CAMERA_ENTRY | {"address": "127.0.0.1", "port": rtsp}],
    }
    return CameraConfiguration.model_validate(content)


async def text_of(name: str, exporter: Exporter, samples: int = 1) -> str:
    async with serving(name, exporter) as (sampler, _, port):
        for _ in range(samples):
            await sampler.once()
        return (await get(port))[1]


@needs_ffmpeg
def test_camera(tmp_path: Path) -> None:
    footage(tmp_path, "cam-1")
    recorder = FakeRecorder()
    recorder.paths["cam-1"] = (True, 1000)

    async def test() -> None:
        async with recorder.serve() as port:
            collector = CameraCollector(camera_configuration(tmp_path, port), LOGINS)
            exporter = Exporter(5, collector.measure, collector.errors, (DISK_STAGE, STAGE))
            async with serving("camera", exporter) as (sampler, _, web):
                await sampler.once()
                assert await collector.pictures.check(collector.pictures.states[0])
                recorder.paths["cam-1"] = (True, 2000)
                await sampler.once()
                compare("camera", (await get(web))[1])

    run(test())


@needs_ffmpeg
def test_recording(tmp_path: Path) -> None:
    footage(tmp_path, "cam-1")
    configuration = RecordingConfiguration.model_validate(RECORDING | {"recordings": str(tmp_path)})
    compare("recording", run(text_of("recording", build_recording(configuration))))


def test_retention(tmp_path: Path) -> None:
    books = Books.open(tmp_path)
    books.record(4.5 * DAY, 0)
    books.pass_all()
    compare("retention", books.page())


def test_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = StorageConfiguration.model_validate({"volumes": [{"name": "root", "mount": "/"}]})
    clock = iter((0.0, TREND_MINIMUM.value + 1))
    monkeypatch.setattr(storage, "monotonic", lambda: next(clock))
    # The machine of a test has neither an array nor SMART values, and perhaps no block device of its own.
    devices = Devices(Writes(1, 2, 0.1), {"md0": 0}, {"sda": True})
    monkeypatch.setattr(volume, "read_devices", lambda _: devices)
    compare("storage", run(text_of("storage", storage.build(configuration), samples=2)))


def test_a_contract_that_differs_is_noticed() -> None:
    """The comparison can fail: a family too much, and one too few."""
    configuration = StorageConfiguration.model_validate({"volumes": [{"name": "root", "mount": "/"}]})
    text = run(text_of("storage", storage.build(configuration)))
    with pytest.raises(AssertionError):
        compare("storage", text)  # no trend yet
    with pytest.raises(AssertionError):
        compare("camera", text)


def test_secrets_do_not_print() -> None:
    assert PASSWORD not in repr(LOGINS)
