"""The process as its unit runs it, and the commands that drills run over ssh."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.encoder import control
from simulators.encoder.control import ControlError, call
from tests.unit.simulators.synthetic import configuration, device


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


CONTROL_PORT = free_port("127.0.0.1")


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    """A simulator that told its service manager that it is ready."""
    folder = tmp_path_factory.mktemp("s")
    rtsp_port = free_port("127.0.42.1")
    config = configuration(folder, [device("dome", "127.0.42.1", rtsp_port, ["cam-1"])], CONTROL_PORT)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.settimeout(30)
        supervisor.bind(str(folder / "n"))
        command = [sys.executable, "-m", "simulators.encoder", "--config", str(config)]
        environment = {**os.environ, "NOTIFY_SOCKET": str(folder / "n")}
        run = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        try:
            assert supervisor.recv(1_000) == b"READY=1\nSTATUS=1 devices, 1 cameras"
            socket.create_connection(("127.0.42.1", rtsp_port)).close()  # ready means that all sockets listen
            yield run
            run.send_signal(signal.SIGTERM)
            assert supervisor.recv(1_000) == b"STOPPING=1"
            assert run.communicate(timeout=10)[1].count("ERROR") == 0
            assert run.returncode == 0
        finally:
            run.kill()


@pytest.mark.usefixtures("simulator")
class TestRunningSimulator:
    """Orders by the API and by the command line."""

    def run(self, *arguments: str) -> int:
        return control.main(["--port", str(CONTROL_PORT), *arguments])

    def test_a_fault_is_given_listed_and_cleared(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run("fault", "cam-1", "low_fps") == 0
        assert capsys.readouterr().out.count("low_fps") == 2
        assert self.run("list", "--json") == 0
        (camera,) = json.loads(capsys.readouterr().out)["cameras"]
        assert (camera["id"], camera["device"]) == ("cam-1", "dome")
        assert [(stream["role"], stream["fault"]) for stream in camera["streams"]] == [
            ("main", "low_fps"),
            ("sub", "low_fps"),
        ]
        assert self.run("fault", "cam-1", "ok", "--role", "main") == 0
        assert [stream["fault"] for stream in call(CONTROL_PORT, "GET", "/cameras/cam-1")["streams"]] == [
            "ok",
            "low_fps",
        ]
        assert self.run("fault", "cam-1", "ok") == 0

    def test_an_unknown_camera_ends_with_2_and_a_hint(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run("fault", "cam-7", "ok") == 2
        assert "no camera cam-7 on this host; did you mean cam-1?" in capsys.readouterr().err
        assert self.run("fault", "../x y", "ok") == 2

    def test_an_unknown_fault_ends_with_2_before_anything_is_sent(self) -> None:
        with pytest.raises(SystemExit) as refused:
            self.run("fault", "cam-1", "melt")
        assert refused.value.code == 2

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"fault": "melt"}, "fault: .*Faults: ok, freeze, stall, drop, auth, low_fps, black"),
            ({"fault": "ok", "colour": "red"}, "colour: Extra inputs"),
            ({"role": "main"}, "fault: Field required"),
            (None, "the body is not JSON"),
        ],
    )
    def test_wrong_orders_are_explained(self, body: dict[str, str] | None, message: str) -> None:
        with pytest.raises(ControlError, match=message) as refused:
            call(CONTROL_PORT, "PUT", "/cameras/cam-1/fault", body)
        assert refused.value.status == 400

    def test_a_path_that_is_not_there(self) -> None:
        with pytest.raises(ControlError) as refused:
            call(CONTROL_PORT, "GET", "/nothing")
        assert refused.value.status == 404


def test_without_a_simulator_the_command_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert control.main(["--port", str(free_port("127.0.0.1")), "list"]) == 1
    assert "is its service running?" in capsys.readouterr().err


def test_the_clips_need_no_ffmpeg_to_be_read(tmp_path: Path) -> None:
    """Hosts have none: the simulator must start with an empty PATH."""
    config = configuration(
        tmp_path, [device("dome", "127.0.42.2", free_port("127.0.42.2"), ["cam-1"])], free_port("127.0.0.1")
    )
    command = [sys.executable, "-m", "simulators.encoder", "--config", str(config)]
    with subprocess.Popen(command, env={"PATH": ""}, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert "1 devices with 1 cameras are listening" in run.stderr.readline()
        run.terminate()
