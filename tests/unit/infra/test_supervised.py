"""The Pulumi CLI as a child: its result, its failure, and its end when we are interrupted or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pulumi.automation as auto
import pytest

from infra.supervised import SupervisedCommand

ROOT = Path(__file__).parents[3]

CLI = """#!/bin/sh
[ "$1" = version ] && { echo v3.259.0; exit 0; }
case "$2" in
  fail) echo broken >&2; exit 3 ;;
  wait) trap 'echo saved > "$SAVED"; exit 0' INT; echo $$ > "$STARTED"; while :; do sleep 0.05; done ;;
  *) echo "$@" ;;
esac
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A stand-in for the CLI's folder."""
    (tmp_path / "bin").mkdir()
    cli = tmp_path / "bin" / "pulumi"
    cli.write_text(CLI, encoding="utf-8")
    cli.chmod(0o755)
    return tmp_path


def test_output_and_arguments_pass_through(home: Path) -> None:
    lines: list[str] = []
    result = SupervisedCommand(str(home)).run(["up", "--yes"], str(home), {}, lines.append)
    assert result.stdout.strip() == "--non-interactive up --yes"
    assert lines == ["--non-interactive up --yes"]


def test_a_failure_is_a_command_error_with_what_was_said(home: Path) -> None:
    with pytest.raises(auto.CommandError, match="broken"):
        SupervisedCommand(str(home)).run(["fail"], str(home), {})


def waiting(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    """A process that runs a CLI that waits; and the CLI's own process id."""
    code = (
        "import sys; from infra.supervised import SupervisedCommand as C;"
        "C(sys.argv[1]).run(['wait'], sys.argv[1], {'SAVED': sys.argv[1] + '/saved', 'STARTED': sys.argv[1] + '/pid'})"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(home)], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (home / "pid").exists() or not (home / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return parent, int((home / "pid").read_text())


def gone(pid: int) -> bool:
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def test_an_interrupt_lets_the_cli_save_its_state(home: Path) -> None:
    parent, child = waiting(home)
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=20) != 0
    assert gone(child)
    assert (home / "saved").read_text().strip() == "saved"


def test_the_cli_dies_with_us(home: Path) -> None:
    """Killed outright, we cannot tell it; the kernel does, and it saves nothing."""
    parent, child = waiting(home)
    assert os.getsid(child) != os.getsid(parent.pid)
    parent.kill()
    parent.wait(timeout=20)
    assert gone(child)
    assert not (home / "saved").exists()
