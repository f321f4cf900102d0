"""The parts of the lab that need no host: seeds, forwards' sockets, records, condition of what is absent."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from infra.lab import forward, host, network, seed, volume
from infra.lab.commands import locked, read_record, run, wait_until, write, write_record
from infra.lab.errors import LabError
from infra.lab.kinds import VolumeKind
from infra.lab.layout import Lab

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0
   1: 0100007F:0BB9 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0
   2: 00000000:0BBA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0
   3: 0202000A:0BBB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1 0
"""


@pytest.mark.parametrize(("port", "inode"), [(3000, "111"), (3001, None), (3002, "333"), (3003, None), (1, None)])
def test_who_listens_is_read_from_the_kernels_table(port: int, inode: str | None) -> None:
    """A connected socket is no listener, nor is one on another address."""
    assert forward.listening_inode(port, TCP) == inode


def test_a_real_listener_is_found() -> None:
    table = Path("/proc/thread-self/net/tcp")
    with socket.create_server(("127.0.0.1", 0)) as server:
        inode = forward.listening_inode(server.getsockname()[1], table.read_text(encoding="ascii"))
        assert inode == str(os.fstat(server.fileno()).st_ino)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The merged root of a host with the administration user, and host keys that a package left in its layer."""
    for folder in ("etc/ssh", "home/vigie"):
        (tmp_path / folder).mkdir(parents=True)
    account = f"vigie:x:{os.getuid()}:{os.getgid()}::/home/vigie:/bin/bash\n"
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n" + account, encoding="utf-8")
    (tmp_path / "etc/ssh/ssh_host_rsa_key").write_text("shared by every host", encoding="utf-8")
    return tmp_path


@pytest.mark.skipif(os.getuid() != 0, reason="the seed gives files to their owners")
def test_a_seeded_host_has_a_key_of_its_own_and_lets_one_key_in(root: Path) -> None:
    seed.seed(root, "vigie-demo.h1", "h1", "ssh-ed25519 AAAA operator")
    assert [path.name for path in sorted((root / "etc/ssh").glob("ssh_host_*"))] == [
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
    ]
    assert (root / "etc/ssh/ssh_host_ed25519_key").stat().st_mode & 0o777 == 0o600
    assert seed.host_key(root).split()[0] == "ssh-ed25519"
    keys = root / "home/vigie/.ssh/authorized_keys"
    assert keys.read_text(encoding="utf-8") == "ssh-ed25519 AAAA operator\n"
    assert keys.stat().st_mode & 0o777 == 0o600
    assert (root / "etc/hostname").read_text(encoding="utf-8") == "h1\n"


@pytest.mark.skipif(os.getuid() != 0, reason="the seed gives files to their owners")
def test_the_machine_id_is_valid_and_follows_the_host(root: Path) -> None:
    seed.seed(root, "vigie-demo.h1", "h1", "k")
    first = (root / "etc/machine-id").read_text(encoding="ascii")
    seed.seed(root, "vigie-demo.h2", "h2", "k")
    second = (root / "etc/machine-id").read_text(encoding="ascii")
    assert first != second
    assert len(first.strip()) == 32
    assert int(first, 16)


def test_a_layer_without_the_user_is_refused(root: Path) -> None:
    (root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n", encoding="utf-8")
    with pytest.raises(LabError, match="no user 'vigie'"):
        seed.authorize(root, "k")


def test_nothing_that_was_never_made_is_seen_as_there(tmp_path: Path) -> None:
    lab = Lab("never-made", tmp_path)
    spec = host.HostSpec("h1", "10.77.0.11", 16, ("/x",), "k")
    assert host.condition(lab, spec) == "absent"
    assert network.condition(lab, network.NetworkSpec("10.77.0.1", 16)) == "absent"
    assert volume.condition(lab, volume.VolumeSpec("h1", "recordings", 2**23)) == "absent"
    assert forward.condition(lab, forward.ForwardSpec("web", 1, "10.77.0.11", 1)) == "absent"


def test_a_volume_too_small_for_a_filesystem_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="at least"):
        volume.create(Lab("demo", tmp_path), volume.VolumeSpec("h1", "recordings", 1000))


def test_the_first_address_is_the_source_and_the_others_are_host_routes() -> None:
    spec = host.HostSpec("h1", "10.77.0.11", 16, ("/x",), "k", ("10.77.1.1", "10.77.1.2"))
    assert spec.addresses == {"10.77.0.11": 16, "10.77.1.1": 32, "10.77.1.2": 32}


@pytest.mark.parametrize(("limit", "after", "raised"), [("128", "1024", True), ("4096", "4096", False)])
def test_the_inotify_limit_is_raised_and_never_lowered(tmp_path: Path, limit: str, after: str, raised: bool) -> None:
    setting = tmp_path / "max_user_instances"
    setting.write_text(limit, encoding="ascii")
    assert network.raise_inotify_limit(setting) is raised
    assert setting.read_text(encoding="ascii") == after


def test_a_record_cut_short_counts_as_never_written(tmp_path: Path) -> None:
    path = tmp_path / "a" / "record.json"
    assert read_record(path) is None
    write_record(path, {"name": "h1"})
    assert read_record(path) == {"name": "h1"}
    path.write_text('{"name": "h', encoding="utf-8")
    assert read_record(path) is None


@pytest.mark.skipif(os.getuid() != 0, reason="files are given to root")
def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    write(tmp_path / "f", "old", 0o600)
    write(tmp_path / "f", "new", 0o600)
    assert (tmp_path / "f").read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_tool_that_fails_is_quoted() -> None:
    with pytest.raises(LabError, match="No such file"):
        run(["ls", "/nowhere-at-all"])


def test_waiting_ends_at_the_deadline() -> None:
    assert wait_until(lambda: True, 0)
    assert not wait_until(lambda: False, 0.05, 0.01)


def test_a_lock_is_not_inherited_by_what_is_started_under_it(tmp_path: Path) -> None:
    """A host that boots while a lock is held must not hold it for its whole life."""
    with locked(tmp_path / "lock"):
        shown = run(["sh", "-c", "ls -l /proc/self/fd"])
    assert "lock" not in shown.replace(str(Path.cwd()), "")


def test_a_volume_that_leaves_the_plan_keeps_its_footage_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/decisions/006: only ``down --purge`` deletes what was recorded."""
    monkeypatch.setattr(volume, "attached_devices", lambda _: [])
    lab, spec = Lab("demo", tmp_path), volume.VolumeSpec("h1", "recordings", 2**23)
    file = volume.image(lab, spec)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"footage")
    said: list[str] = []
    state = {"city": "demo", "directory": str(tmp_path), "host": "h1", "name": "recordings", "size_bytes": 2**23}
    VolumeKind().delete(state, said.append)
    assert file.read_bytes() == b"footage"
    assert said == [f"kept: {file} holds what was recorded; `vigie down --purge` alone deletes it"]
