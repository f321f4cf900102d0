"""Command line and configuration files: wrong input ends with 2 and says file, field and fix."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from exporters.camera.collector import build as build_camera
from exporters.camera.configuration import CameraConfiguration
from exporters.recording.collector import build as build_recording
from exporters.recording.configuration import RecordingConfiguration
from exporters.retention.collector import build as build_retention
from exporters.retention.configuration import RetentionConfiguration
from exporters.storage.collector import build as build_storage
from exporters.storage.configuration import StorageConfiguration
from exporters.web import ConfigurationError, main
from vigie.web.configuration import load_web_configuration, parse_listen_address

STORAGE: dict[str, Any] = {"volumes": [{"name": "recordings", "mount": "/srv/recordings"}]}
RECORDING: dict[str, Any] = {
    "recordings": "/srv/recordings",
    "segment_seconds": 60,
    "cameras": [{"id": "cam-1", "site": "medina", "identity": "rec-1"}],
}
CAMERA_ENTRY: dict[str, Any] = {
    "id": "cam-1",
    "site": "medina",
    "identity": "rec-1",
    "address": "10.77.1.5",
    "port": 554,
    "main_path": "/ch1/main",
    "codec": "h265",
    "width": 2560,
    "height": 1440,
    "frames_per_second": 15,
    "keyframe_interval_seconds": 2,
    "bits_per_second": 4_000_000,
}
CAMERA: dict[str, Any] = {
    "recordings": "/srv/recordings",
    "credentials_file": "credentials.json",
    "identities": [{"id": "rec-1", "metrics_url": "http://127.0.0.1:9998/metrics"}],
    "cameras": [CAMERA_ENTRY],
}
RETENTION: dict[str, Any] = {
    "ledger_url": "https://10.77.0.21:9611",
    "keeper_url": "https://10.77.0.21:9612",
    "tls": {"certificate": "cert.pem", "key": "key.pem", "authority": "ca.pem"},
    "segment_seconds": 60,
    "evidence_bytes": 1000,
    "cameras": [{"id": "cam-1", "site": "medina", "floor_seconds": 86_400, "ceiling_seconds": 172_800}],
}
BUILDERS: dict[str, Any] = {
    "storage": (StorageConfiguration, build_storage, STORAGE),
    "recording": (RecordingConfiguration, build_recording, RECORDING),
    "camera": (CameraConfiguration, build_camera, CAMERA),
    "retention": (RetentionConfiguration, build_retention, RETENTION),
}


def check(name: str, folder: Path, content: object) -> int:
    """Exit code of `--config.check`."""
    credentials = folder / "credentials.json"
    credentials.write_text(json.dumps({kind: {"username": "u", "password": "p"} for kind in ("cameras", "metrics")}))
    file = folder / "config.json"
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text.replace("credentials.json", str(credentials)))
    model, build, _ = BUILDERS[name]
    return main(name, model, build, [f"--config.file={file}", "--config.check"])


@pytest.mark.parametrize("name", BUILDERS)
def test_the_documented_configuration_is_accepted(name: str, tmp_path: Path) -> None:
    assert check(name, tmp_path, BUILDERS[name][2]) == 0


def _with(path: str, value: object, base: dict[str, Any] = CAMERA) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(base))
    *parents, last = path.split(".")
    inner: Any = copy
    for key in parents:
        inner = inner[int(key)] if key.isdigit() else inner[key]
    inner[int(last) if last.isdigit() else last] = value
    return copy


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "camera",
            _with("colour", 1),
            "colour: extra inputs are not permitted; fix: remove it or correct its spelling",
        ),
        ("camera", _with("cameras.0.colour", 1), "cameras.0.colour: extra inputs"),
        ("camera", _with("cameras.0.identity", "rec-9"), "identity 'rec-9' is not among identities"),
        ("camera", _with("cameras.0.id", "../etc"), "cameras.0.id:"),
        ("camera", _with("cameras.0.codec", "mjpeg"), "cameras.0.codec:"),
        ("camera", _with("cameras", CAMERA["cameras"] * 2), "listed twice"),
        ("camera", _with("sample_interval_seconds", 60), "sample_interval_seconds:"),
        ("camera", _with("identities.0.metrics_url", "http://u:p@127.0.0.1/metrics"), "metrics_url:"),
        ("camera", _with("credentials_file", "/nowhere.json"), "/nowhere.json: cannot be read: No such file"),
        (
            "recording",
            _with("cameras.0", {"id": "cam-1", "site": "a"}, RECORDING),
            "cameras.0.identity: field required; fix: add it",
        ),
        ("storage", _with("volumes", [], STORAGE), "volumes:"),
        ("storage", _with("volumes.0.mount", "srv", STORAGE), "absolute"),
        ("storage", _with("volumes", STORAGE["volumes"] * 2, STORAGE), "name of its own"),
        ("retention", _with("ledger_url", "http://10.77.0.21:9611", RETENTION), "ledger_url:"),
        ("retention", _with("cameras.0.floor_seconds", 172_800, RETENTION), "above floor_seconds"),
        ("retention", _with("cameras", RETENTION["cameras"] * 2, RETENTION), "listed once"),
        ("storage", "{", "line 1: not JSON or YAML"),
        ("storage", "", "volumes: field required"),
        ("storage", "[1]", "the whole file:"),
    ],
)
def test_wrong_configurations_name_file_field_and_fix(
    name: str, content: object, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(name, tmp_path, content) == 2
    error = capsys.readouterr().err
    assert said in error
    assert ".json: " in error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("basic_auth_users: {prometheus: secret}", "basic_auth_users.prometheus"),
        ('basic_auth_users: {"a:b": "$2b$04$' + "a" * 53 + '"}', "colon"),
        ("tls_server_config: {cert_file: c}", "tls_server_config.key_file: field required; fix: add it"),
        ("tls_server_config: {cert_file: c, key_file: k, client_ca_file: x}", "go together"),
        (
            "tls_server_config: {cert_file: c, key_file: k, client_auth_type: RequireAndVerifyClientCert}",
            "go together",
        ),
        ("tls_server_config: {cert_file: c, key_file: k, min_version: TLS10}", "min_version"),
        ("http_server_config: {http2: true}", "http_server_config: extra inputs"),
    ],
)
def test_wrong_web_configurations(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_web_configuration(file)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_missing_certificate_is_found_by_the_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(STORAGE))
    (tmp_path / "web.yml").write_text("tls_server_config: {cert_file: c.pem, key_file: k.pem}")
    arguments = [f"--config.file={tmp_path}/config.json", f"--web.config.file={tmp_path}/web.yml", "--config.check"]
    assert main("storage", StorageConfiguration, build_storage, arguments) == 2
    assert f"cert_file {tmp_path}/c.pem" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "address"),
    [(":9601", (None, 9601)), ("10.77.0.5:1", ("10.77.0.5", 1)), ("[::1]:65535", ("::1", 65535))],
)
def test_listen_addresses(text: str, address: tuple[str | None, int]) -> None:
    assert parse_listen_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "9601", "::1:9601", "host:9601", "10.77.0.5:65536", "10.0.0.1:x", "[::1]", "[x]:1"]
)
def test_wrong_listen_addresses(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_listen_address(text)


def test_the_program_serves_and_ends_well_on_sigterm(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"volumes": [{"name": "root", "mount": "/"}]}))
    arguments = [f"--config.file={tmp_path}/config.json", "--web.listen-address=127.0.0.1:0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "exporters.storage", *arguments], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        port = int(process.stderr.readline().rsplit(" ", 1)[1])
        deadline = time.monotonic() + 10
        text = ""
        while "vigie_storage_size_bytes{" not in text and time.monotonic() < deadline:
            text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        assert 'vigie_storage_mounted{volume="root"} 1.0' in text
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_an_address_in_use_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text(json.dumps(STORAGE))
    arguments = [f"--config.file={tmp_path}/config.json", "--web.listen-address=192.0.2.1:1"]
    assert main("storage", StorageConfiguration, build_storage, arguments) == 2
    assert "--web.listen-address 192.0.2.1:1: Cannot assign" in capsys.readouterr().err
