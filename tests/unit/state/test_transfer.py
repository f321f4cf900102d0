"""Export and import: a state moves whole, and one that is there is never lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.unit.cities import DEMO
from tests.unit.state.test_archive import PASSPHRASE, seen
from vigie.city import load_city
from vigie.cli.app import app
from vigie.plan import Plan, dump_plan, plan
from vigie.state import IMPORT_MARK, State, StateBusy, archive, transfer
from vigie.state.archive import ArchiveError


@pytest.fixture(scope="module")
def demo() -> Plan:
    return plan(load_city(DEMO))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scrypt's second: ``test_archive`` is about the encryption."""
    monkeypatch.setattr(archive, "encrypt", lambda packed, passphrase: passphrase.encode() + packed)
    monkeypatch.setattr(archive, "decrypt", lambda content, passphrase: content.removeprefix(passphrase.encode()))


def deployed(home: Path, demo: Plan) -> State:
    state = State(home / "demo")
    state.prepare()
    state.plan.write_text(dump_plan(demo), "utf-8")
    (state.folder / "ca").mkdir()
    (state.folder / "ca" / "ca.key").write_text("secret", "utf-8")
    return state


def control(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in archive.carried(folder)}


def exported(state: State, tmp_path: Path) -> bytes:
    transfer.export_state(state, PASSPHRASE, tmp_path / "demo.age")
    return (tmp_path / "demo.age").read_bytes()


def test_a_new_machine_gets_the_whole_state(tmp_path: Path, demo: Plan) -> None:
    state = deployed(tmp_path / "old", demo)
    content = exported(state, tmp_path)
    assert (tmp_path / "demo.age").stat().st_mode & 0o077 == 0
    done = transfer.import_state(content, PASSPHRASE, tmp_path / "new")
    assert (done.folder, done.kept, done.contents.plan) == (tmp_path / "new" / "demo", None, demo.digest)
    assert control(done.folder) == control(state.folder)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["demo"]


def test_hosts_that_live_in_the_folder_stay(tmp_path: Path, demo: Plan) -> None:
    """In a lab the state folder holds the hosts: losing the control machine there means losing all but them."""
    state = deployed(tmp_path, demo)
    content, before = exported(state, tmp_path), control(state.folder)
    for path in state.folder.iterdir():
        subprocess.run(["rm", "-r", path], check=True)
    (state.folder / "lab").mkdir()
    (state.folder / "lab" / "image").write_text("footage", "utf-8")
    transfer.import_state(content, PASSPHRASE, tmp_path)
    assert control(state.folder) == before
    assert (state.folder / "lab" / "image").read_text("utf-8") == "footage"


def test_a_state_that_is_there_is_not_overwritten(tmp_path: Path, demo: Plan) -> None:
    state = deployed(tmp_path, demo)
    content = exported(state, tmp_path)
    (state.folder / "ca" / "ca.key").write_text("newer", "utf-8")
    before = seen(state.folder)
    with pytest.raises(ArchiveError, match=r"holds a state .*--replace"):
        transfer.import_state(content, PASSPHRASE, tmp_path)
    assert {name: content for name, content in seen(state.folder).items() if name != "lock"} == before


def test_replacing_keeps_the_one_before_aside(tmp_path: Path, demo: Plan) -> None:
    state = deployed(tmp_path, demo)
    content, before = exported(state, tmp_path), control(state.folder)
    (state.folder / "ca" / "ca.key").write_text("newer", "utf-8")
    changed = control(state.folder)
    done = transfer.import_state(content, PASSPHRASE, tmp_path, replace=True)
    assert done.kept is not None
    assert control(state.folder) == before
    assert control(done.kept) == changed


def test_importing_again_is_no_mistake(tmp_path: Path, demo: Plan) -> None:
    state = deployed(tmp_path, demo)
    content = exported(state, tmp_path)
    assert transfer.import_state(content, PASSPHRASE, tmp_path).kept is None


KILLED_AT = range(1, 14)  # renames; the last of them are never reached


@pytest.mark.parametrize("step", KILLED_AT)
@pytest.mark.parametrize("replace", [False, True])
def test_one_killed_at_any_rename_loses_nothing_and_can_be_finished(
    tmp_path: Path, demo: Plan, monkeypatch: pytest.MonkeyPatch, step: int, replace: bool
) -> None:
    state = deployed(tmp_path, demo)
    content, before = exported(state, tmp_path), control(state.folder)
    if replace:
        (state.folder / "ca" / "ca.key").write_text("newer", "utf-8")
    else:
        for path in state.folder.iterdir():
            subprocess.run(["rm", "-r", path], check=True)
    rename, done = Path.rename, 0

    def dying(self: Path, target: Path) -> Path:
        nonlocal done
        done += 1
        if done == step:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", dying)
    try:
        transfer.import_state(content, PASSPHRASE, tmp_path, replace=replace)
    except KeyboardInterrupt:
        broken = (state.folder / IMPORT_MARK).exists()
        monkeypatch.undo()
        monkeypatch.setattr(archive, "decrypt", lambda content, passphrase: content.removeprefix(passphrase.encode()))
        if broken:
            with pytest.raises(StateBusy, match="was broken off"), state.locked():
                pass
        # Broken off before the mark, the state before is whole, and replacing it takes the same word again.
        transfer.import_state(content, PASSPHRASE, tmp_path, replace=replace and not broken)
    monkeypatch.undo()
    assert control(state.folder) == before
    aside = [path for path in tmp_path.iterdir() if ".replaced-" in path.name]
    assert [(path / "ca" / "ca.key").read_text("utf-8") for path in aside] == (["newer"] if replace else [])
    with state.locked():
        pass


def test_a_plan_that_this_version_cannot_read_is_refused(tmp_path: Path, demo: Plan) -> None:
    state = deployed(tmp_path / "old", demo)
    state.plan.write_text('{"format": 99}', "utf-8")
    with pytest.raises(ValueError, match="plan format 99"):
        transfer.export_state(state, PASSPHRASE, tmp_path / "demo.age")
    assert not (tmp_path / "demo.age").exists()
    broken = archive.pack(state.folder, "demo", demo.digest)
    with pytest.raises(ArchiveError, match="its plan cannot be used here"):
        transfer.import_state(PASSPHRASE.encode() + broken, PASSPHRASE, tmp_path / "new")
    state.plan.write_text(dump_plan(demo), "utf-8")
    other = archive.pack(state.folder, "other", demo.digest)
    with pytest.raises(ArchiveError, match=r"plan is of 'demo'"):
        transfer.import_state(PASSPHRASE.encode() + other, PASSPHRASE, tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def vigie(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["state", *arguments], env={"VIGIE_STATE_HOME": str(home)})


def test_the_command_carries_a_state_and_refuses_in_words(tmp_path: Path, demo: Plan) -> None:
    state = deployed(tmp_path / "old", demo)
    (state.folder / "history").mkdir()
    secret, output = tmp_path / "secret", tmp_path / "demo.age"
    secret.write_text(PASSPHRASE + "\n", "utf-8")
    secret.chmod(0o644)
    argv = ["export", "demo", "--output", str(output), "--passphrase-file", str(secret)]
    refused = vigie(tmp_path / "old", *argv)
    assert (refused.exit_code, output.exists()) == (2, False)
    assert "chmod 600" in refused.stderr
    secret.chmod(0o600)
    done = vigie(tmp_path / "old", *argv)
    assert done.exit_code == 0, done.stderr
    assert PASSPHRASE not in done.output
    new = tmp_path / "new"
    output.write_bytes(output.read_bytes()[: output.stat().st_size // 2])
    cut = vigie(new, "import", str(output), "--passphrase-file", str(secret))
    assert cut.exit_code == 2, cut.output
    assert "Nothing was changed" in cut.stderr
    assert seen(new) == {}
    assert vigie(tmp_path / "old", *argv).exit_code == 0
    moved = vigie(new, "import", str(output), "--passphrase-file", str(secret))
    assert moved.exit_code == 0, moved.stderr
    assert control(new / "demo") == control(state.folder)
    assert vigie(new, "export", "nowhere", "--output", str(output)).exit_code == 2
