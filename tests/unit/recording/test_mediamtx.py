"""MediaMTX's configuration and words without MediaMTX."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vigie.recording.mediamtx import (
    PathStatus,
    RecordedCamera,
    RecorderSettings,
    hash_password,
    parse_metrics,
    render_configuration,
    render_yaml,
)
from vigie.recording.mediamtx.confirm import confirm, differences, seconds
from vigie.recording.mediamtx.secrecy import redact

CAMERA = RecordedCamera("cam-1", "10.77.1.5", 554, "/ch1/main", "viewer", "p@ss/w:rd%")
SETTINGS = RecorderSettings(
    "rec-1", 9997, 9998, PurePosixPath("/srv/recordings"), 60, hash_password("m"), hash_password("a"), [CAMERA]
)


def test_the_recorder_records_and_serves_nothing_but_loopback() -> None:
    configuration = yaml.safe_load(render_yaml(render_configuration(SETTINGS)))
    assert not any(configuration[server] for server in ("rtsp", "rtmp", "hls", "webrtc", "srt", "pprof", "playback"))
    assert configuration["apiAddress"] == "127.0.0.1:9997"
    assert configuration["metricsAddress"] == "127.0.0.1:9998"
    rights = {
        user["user"]: [entry["action"] for entry in user["permissions"]] for user in configuration["authInternalUsers"]
    }
    assert rights == {"exporter": ["metrics"], "operator": ["api"]}
    defaults = configuration["pathDefaults"]
    assert (defaults["record"], defaults["recordDeleteAfter"], defaults["rtspTransport"]) == (True, "0s", "tcp")
    assert list(configuration["paths"]) == ["cam-1"]


@given(st.text(min_size=1), st.text())
def test_any_password_survives_the_url(username: str, password: str) -> None:
    url = urlsplit(replace(CAMERA, username=username, password=password).source())
    assert (unquote(url.username or ""), unquote(url.password or "")) == (username, password)
    assert (url.hostname, url.port, url.path) == ("10.77.1.5", 554, "/ch1/main")


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_credential_is_seen_after_redaction(username: str, password: str) -> None:
    source = replace(CAMERA, username=username, password=password).source()
    said = redact(f"path cam-1: invalid source: '{source}' and {hash_password(password)} end")
    assert said == "path cam-1: invalid source: 'rtsp://***@10.77.1.5:554/ch1/main' and *** end"


def test_redaction_of_an_unencoded_url() -> None:
    assert redact("dial rtsp://a:b@c:d@host/x failed") == "dial rtsp://***@host/x failed"


def test_the_password_is_not_in_the_representation() -> None:
    assert CAMERA.password not in repr(SETTINGS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cameras": [CAMERA, CAMERA]},
        {"cameras": [replace(CAMERA, id="../x")]},
        {"cameras": [replace(CAMERA, path="ch1")]},
        {"api_password_hash": "clear"},
        {"segment_seconds": 1},
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        render_configuration(replace(SETTINGS, **wrong))


def test_known_hash() -> None:
    assert hash_password("testpass") == "sha256:E9JJ8stBJ7QM+nV4ZoUCeHk/gU3tPFh/5YieiJp6n2w="


def test_words_on_paths() -> None:
    text = (
        'paths{name="cam-1",state="ready"} 1\npaths_bytes_received{name="cam-1",state="ready"} 4711\n'
        'paths_readers{name="cam-1",state="ready"} 0\npaths{name="cam-2",state="notReady"} 1\n'
        'paths_bytes_received{name="cam-2",state="notReady"} 0\nrtsp_conns 0\nnonsense\n'
    )
    assert parse_metrics(text) == {"cam-1": PathStatus(True, 4711), "cam-2": PathStatus(False, 0)}
    assert parse_metrics("paths 0\npaths_bytes_received 0\n") == {}


@given(st.text())
def test_any_words_are_survived(text: str) -> None:
    parse_metrics(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10s", 10),
        ("1m0s", 60),
        ("1d", 86400),
        ("1h2m3.5s", 3723.5),
        ("100ms", 0.1),
        ("", None),
        ("tcp", None),
        ("5", None),
    ],
)
def test_durations(text: str, value: float | None) -> None:
    assert seconds(text) == value


class Running:
    """Answers as the control API of v1.14 does: spelled-out durations, all defaults, pages."""

    def __init__(self, configuration: dict[str, Any], page_size: int = 1) -> None:
        self.configuration = json.loads(json.dumps(configuration))
        self.page_size = page_size

    def __call__(self, path: str) -> Any:
        defaults = self.configuration["pathDefaults"] | {"recordSegmentDuration": "1m0s", "recordDeleteAfter": ""}
        if path == "/config/global/get":
            return {k: v for k, v in self.configuration.items() if k != "paths"} | {"hlsAddress": ":8888"}
        if path == "/config/pathdefaults/get":
            return defaults
        items = [{"name": name} | defaults | own for name, own in self.configuration["paths"].items()]
        page = int(path.rpartition("=")[2])
        pages = -(-len(items) // self.page_size)
        return {"pageCount": pages, "items": items[page * self.page_size : (page + 1) * self.page_size]}


def test_the_same_configuration_has_no_differences() -> None:
    wanted = render_configuration(replace(SETTINGS, cameras=[replace(CAMERA, id=f"cam-{n}") for n in range(3)]))
    assert list(differences(wanted, Running(wanted))) == []


def test_each_difference_is_named_without_its_value() -> None:
    wanted = render_configuration(SETTINGS)
    running = Running(wanted)
    running.configuration["writeQueueSize"] = 512
    running.configuration["pathDefaults"]["rtspTransport"] = "udp"
    running.configuration["paths"] = {"cam-1": {"source": "rtsp://other:secret@h/"}, "cam-9": {"source": "publisher"}}
    found = list(differences(wanted | {"paths": wanted["paths"] | {"cam-2": {}}}, running))
    assert found == [
        "writeQueueSize differs",
        "pathDefaults.rtspTransport differs",
        "path cam-2 is missing",
        "path cam-9 is too much",
        "paths.cam-1.rtspTransport differs",
        "paths.cam-1.source differs",
    ]


def test_credentials_that_others_can_read_are_refused(tmp_path: Path) -> None:
    file, credentials = tmp_path / "rec.yml", tmp_path / "c.json"
    file.write_text(render_yaml(render_configuration(SETTINGS)))
    credentials.write_text('{"username": "operator", "password": "a"}')
    credentials.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        confirm(file, credentials, 0)


def test_a_file_that_is_not_yaml_does_not_show_its_secrets(tmp_path: Path) -> None:
    file = tmp_path / "rec.yml"
    file.write_text("paths: {cam-1: {source: rtsp://u:secret@h/ \n]")
    with pytest.raises(ValueError) as caught:
        confirm(file, tmp_path / "c.json", 0)
    assert "secret" not in str(caught.value)
