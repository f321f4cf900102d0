"""The state folder: private, whole or not at all, and held by one command at a time."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vigie.state import State, StateBusy, read_json, write_json, write_private


def test_what_the_folder_holds_is_for_its_owner_alone(tmp_path: Path) -> None:
    state = State(tmp_path / "demo")
    state.prepare()
    assert stat.S_IMODE(state.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(state.passphrase.stat().st_mode) == 0o600


def test_preparing_again_keeps_the_passphrase(tmp_path: Path) -> None:
    state = State(tmp_path / "demo")
    state.prepare()
    before = state.passphrase.read_text()
    state.prepare()
    assert state.passphrase.read_text() == before


def test_a_second_command_is_refused_while_the_first_works(tmp_path: Path) -> None:
    state = State(tmp_path)
    with state.locked(), pytest.raises(StateBusy), state.locked():
        pass
    with state.locked():
        pass


def test_a_killed_command_leaves_no_lock(tmp_path: Path) -> None:
    code = f"import os,signal\nfrom pathlib import Path\nfrom vigie.state import State\nwith State(Path({str(tmp_path)!r})).locked(): os.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    with State(tmp_path).locked():
        pass


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_json(target, {"kept": True})
    with pytest.raises(UnicodeEncodeError):
        write_private(target, "\ud800")
    assert read_json(target, None) == {"kept": True}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
