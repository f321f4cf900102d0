"""A wrong configuration is refused with file, field and fix, and no secret in the message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulators.encoder.__main__ import main
from simulators.encoder.config import ConfigError, load_config
from tests.unit.simulators.synthetic import PASSWORD, USER, configuration, device


@pytest.fixture
def path(tmp_path: Path) -> Path:
    devices = [device("enc-1", "127.0.0.1", 8554, ["cam-1", "cam-2"]), device("enc-2", "127.0.0.2", 8554, ["cam-3"])]
    return configuration(tmp_path, devices)


def test_the_shape_of_the_contract_is_read(path: Path) -> None:
    config, credentials = load_config(path)
    assert [device.id for device in config.devices] == ["enc-1", "enc-2"]
    assert config.devices[0].streams[0].path == "/ch1/main"
    assert (credentials.username, credentials.password) == (USER, PASSWORD)
    assert PASSWORD not in repr(credentials)


def test_the_port_of_a_device_is_that_of_rtsp_unless_given(path: Path) -> None:
    content = json.loads(path.read_text())
    del content["devices"][0]["port"]
    path.write_text(json.dumps(content))
    assert load_config(path)[0].devices[0].port == 554


def edit(*keys: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def apply(content: Any) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return apply


STREAM = ("devices", 0, "streams", 0)
MISTAKES = [
    (edit("clip", value="x"), r"clip: unknown key: remove it or correct its spelling"),
    (edit(*STREAM, "codec", value="h264"), r"devices\.0\.streams\.0\.codec: unknown key"),
    (edit(*STREAM, "clip", value="h264-1x1-1"), r"devices\.0\.streams\.0\.clip: no such clip: the grid has h264-2560"),
    (edit(*STREAM, "role", value="third"), r"devices\.0\.streams\.0\.role: .*'main' or 'sub'"),
    (edit(*STREAM, "path", value="ch1"), r"devices\.0\.streams\.0\.path: "),
    (edit(*STREAM, "path", value="/ch1/sub"), r"devices\.0: path /ch1/sub occurs twice: give each its own"),
    (edit(*STREAM, "role", value="sub"), r"role of a camera cam-1/sub occurs twice"),
    (edit(*STREAM, "camera", value="cam-3"), r"cam-3(/main)? occurs twice"),
    (edit("devices", 0, "id", value="enc-2"), r"device id enc-2 occurs twice"),
    (edit("devices", 0, "address", value="127.0.0.2"), r"address and port 127\.0\.0\.2:8554 occurs twice"),
    (edit("devices", 0, "address", value="camera.example"), r"devices\.0\.address: "),
    (edit("devices", 0, "port", value=0), r"devices\.0\.port: "),
    (edit("devices", value=[]), r"devices: "),
    (edit("control", "address", value="10.0.0.1"), r"control\.address: must be a loopback address"),
    (lambda content: content.pop("control"), r"control: is missing: add it"),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_a_mistake_is_named(path: Path, mistake: Callable[[dict[str, Any]], None], message: str) -> None:
    content = json.loads(path.read_text())
    mistake(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=message) as refused:
        load_config(path)
    assert all(line.startswith(f"{path}: ") for line in str(refused.value).splitlines())


@pytest.mark.parametrize(
    ("content", "message"), [(b"{", r":1: is not JSON"), (b"\xff", "is not UTF-8"), (b"[]", "whole file")]
)
def test_what_is_no_json_object_is_named(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_config(path)


def test_a_wrong_credentials_file_is_named_without_its_secrets(path: Path) -> None:
    secret = path.parent / "credentials.json"
    secret.write_text(json.dumps({"username": "a:b", "password": 31337}))
    with pytest.raises(ConfigError, match=r"credentials\.json: username: ") as refused:
        load_config(path)
    assert "31337" not in str(refused.value)
    secret.unlink()
    with pytest.raises(ConfigError, match=r"credentials\.json: cannot be read"):
        load_config(path)


def test_the_command_ends_with_2_on_wrong_input(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(path.parent / "nowhere.json")]) == 2
    assert "nowhere.json: cannot be read" in capsys.readouterr().err
    (path.parent / "clips" / "h264-640x360-15.black.clip").unlink()
    assert main(["--config", str(path)]) == 2
    assert "h264-640x360-15.black.clip" in capsys.readouterr().err


def test_the_command_ends_with_1_if_an_address_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """192.0.2.0/24 is for documentation (RFC 5737): no host has it, and nothing is sent to it."""
    path = configuration(tmp_path, [device("enc-1", "192.0.2.1", 8554, ["cam-1"])])
    assert main(["--config", str(path)]) == 1
    assert "device enc-1: cannot listen on 192.0.2.1:8554" in capsys.readouterr().err
