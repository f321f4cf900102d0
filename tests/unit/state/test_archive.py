"""An archive brings back exactly what went in, or nothing at all."""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vigie.state import archive
from vigie.state.archive import CONTENTS, FILES, ArchiveError

PASSPHRASE = "correct horse battery"
TREE = {"plan.json": b"{}", "ca/ca.key": b"secret", "ssh/id_ed25519": b"key", "pulumi/.pulumi/stacks/a.json": b"[]"}

names = st.text("abcXYZ-_. é", min_size=1, max_size=8).filter(lambda name: name.strip(". ") == name)
trees = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join), st.binary(max_size=300), min_size=1, max_size=8
).filter(lambda tree: not any(other.startswith(f"{name}/") for name in tree for other in tree))


def grow(folder: Path, tree: dict[str, bytes]) -> Path:
    for name, content in tree.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def seen(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def crafted(
    *members: tuple[str, bytes],
    kind: bytes = tarfile.REGTYPE,
    change: Callable[[dict[str, object]], object] = lambda head: head,
) -> bytes:
    """An archive whose list names every member rightly: only their names, or kind, are evil."""
    with tempfile.TemporaryDirectory() as scratch:
        packed = archive.pack(grow(Path(scratch), {"x": b""}), "demo", "0" * 64)
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        stream = tar.extractfile(CONTENTS)
        assert stream is not None
        head = json.load(stream)
    head["files"] = {name.removeprefix(FILES): vars_of(content) for name, content in members}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        listed = json.dumps(change(head) or head).encode()
        for name, content in ((CONTENTS, listed), *members):
            member = tarfile.TarInfo(name)
            if name != CONTENTS and kind != tarfile.REGTYPE:
                member.type, member.linkname = kind, "/etc/passwd"
                tar.addfile(member)
                continue
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def vars_of(content: bytes) -> dict[str, object]:
    import hashlib

    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "mode": 0o600}


@settings(max_examples=40, deadline=None)
@given(tree=trees)
@example(tree=TREE)
def test_a_state_comes_back_byte_for_byte(tree: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source, target = Path(scratch, "source"), Path(scratch, "target")
        source.mkdir()
        target.mkdir()
        grow(source, tree)
        (source / next(iter(tree))).chmod(0o640)
        contents = archive.unpack(archive.pack(source, "demo", "0" * 64), target)
        carried = {name: content for name, content in tree.items() if name.split("/")[0] not in archive.LEFT_OUT}
        assert seen(target) == carried
        assert set(contents.files) == set(carried)
        assert all(path.stat().st_mode & 0o077 == 0 for path in target.rglob("*"))


def test_what_belongs_to_hosts_or_is_made_anew_stays_behind(tmp_path: Path) -> None:
    grow(
        tmp_path,
        TREE
        | {
            "lab/volumes/a/image": b"footage",
            "lock": b"",
            "events/verify.log": b"",
            "pulumi/tmp/x": b"",
            "pulumi/.pulumi/backups/a.json": b"",
            "lab.lock": b"",
            ".plan.x": b"",
        },
    )
    assert list(archive.carried(tmp_path)) == sorted(TREE)


def test_a_link_is_refused_rather_than_left_behind(tmp_path: Path) -> None:
    (grow(tmp_path, TREE) / "ca" / "old.key").symlink_to("/root/old.key")
    with pytest.raises(ArchiveError, match=r"old\.key is neither file nor folder"):
        archive.pack(tmp_path, "demo", "")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return archive.pack(grow(tmp_path_factory.mktemp("state"), TREE), "demo", "0" * 64)


@pytest.fixture(scope="module")
def encrypted(packed: bytes) -> bytes:
    return archive.encrypt(packed, PASSPHRASE)


@pytest.fixture(scope="module")
def keyed(packed: bytes) -> tuple[Any, bytes]:
    """A key, and the archive encrypted for it."""
    identity = pyrage.x25519.Identity.generate()
    return identity, pyrage.encrypt(packed, [identity.to_public()])


def test_the_passphrase_opens_it(packed: bytes, encrypted: bytes) -> None:
    assert archive.decrypt(encrypted, PASSPHRASE) == packed
    assert b"secret" not in encrypted


def test_another_passphrase_does_not(encrypted: bytes) -> None:
    with pytest.raises(ArchiveError, match="the passphrase is wrong"):
        archive.decrypt(encrypted, PASSPHRASE + " ")


@pytest.mark.parametrize("passphrase", ["", "short", "elevenchars"])
def test_a_weak_passphrase_is_refused(packed: bytes, passphrase: str) -> None:
    with pytest.raises(ArchiveError, match="take at least 12"):
        archive.encrypt(packed, passphrase)


def test_a_changed_byte_is_noticed_under_a_passphrase(encrypted: bytes) -> None:
    changed = bytearray(encrypted)
    changed[-1] ^= 1
    with pytest.raises(ArchiveError, match="changed or cut off"):
        archive.decrypt(bytes(changed), PASSPHRASE)


def test_a_cut_file_is_noticed(encrypted: bytes) -> None:
    with pytest.raises(ArchiveError, match="changed or cut off"):
        archive.decrypt(encrypted[:-1], PASSPHRASE)
    with pytest.raises(ArchiveError, match="no age file"):
        archive.decrypt(encrypted[:10], PASSPHRASE)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_the_format_is_noticed(data: st.DataObject, keyed: tuple[Any, bytes]) -> None:
    """The same format with a key in place of a passphrase, whose second of work at each try forbids many tries."""
    identity, sealed = keyed[0], bytearray(keyed[1])
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((pyrage.DecryptError, ValueError)):
        pyrage.decrypt(bytes(sealed), [identity])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_byte_inside_is_refused_or_without_effect(data: st.DataObject, packed: bytes) -> None:
    """Below the encryption stands the list of checksums: what is accepted is what went in."""
    changed = bytearray(packed)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as scratch:
        try:
            archive.unpack(bytes(changed), Path(scratch))
        except ArchiveError:
            return
        assert seen(Path(scratch)) == TREE  # a byte of gzip's header, such as its time


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "files/../../escaped",
        "/escaped",
        "files//escaped",
        "files/a/../../../escaped",
        "files/./a",
        "files/",
        "other/a",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    with pytest.raises(ArchiveError):
        archive.unpack(crafted((name, b"evil")), inside)
    assert seen(tmp_path) == {}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_only_files_come_out(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(ArchiveError, match="no file of a state"):
        archive.unpack(crafted((FILES + "link", b""), kind=kind), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="holds twice"):
        archive.unpack(crafted((FILES + "a", b"one"), (FILES + "a", b"one")), tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2, "vigie": "9.0"}, "archive format 2 of Vigie 9.0"),
        ({"format": None}, "archive format None"),
        ({"city": "../../etc"}, "is no city id"),
        ({"files": {"gone": {"sha256": "0" * 64, "size": 1, "mode": 384}}}, "does not name"),
        ({"files": "none"}, "is not what `vigie state export` writes"),
    ],
)
def test_a_list_of_another_kind_is_refused(tmp_path: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(ArchiveError, match=says):
        archive.unpack(crafted((FILES + "a", b"one"), change=lambda head: head | change), tmp_path)


def test_what_the_list_names_and_the_archive_lacks_is_refused(tmp_path: Path) -> None:
    def promise(head: dict[str, object]) -> object:
        return head | {"files": {"a": vars_of(b"one"), "b": vars_of(b"two")}}

    with pytest.raises(ArchiveError, match="the archive lacks b"):
        archive.unpack(crafted((FILES + "a", b"one"), change=promise), tmp_path)
