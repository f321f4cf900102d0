"""The wheelhouse holds what a host's Python takes, each wheel by its hash, and our wheel from this checkout."""

import zipfile
from pathlib import Path

import pytest

from infra.bundle import BundleError, pins, schedule, store, wheels
from infra.bundle.component import Entry

EXPORTED = """\
# This file was made by a command:
aiohttp==3.14.5 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:cc
backport==1.0 ; python_full_version < '3.13' \\
    --hash=sha256:dd
cffi==2.1.1 ; platform_python_implementation != 'PyPy' \\
    --hash=sha256:ee
"""


def test_requirements_are_those_of_a_host_not_of_this_machine() -> None:
    assert wheels.for_hosts(EXPORTED) == (
        "aiohttp==3.14.5 --hash=sha256:aa --hash=sha256:bb\ncffi==2.1.1 --hash=sha256:ee\n"
    )


def test_platform_tags_end_at_the_hosts_c_library() -> None:
    tags = wheels.platform_tags("x86_64")
    assert tags[0] == f"manylinux_2_{pins.HOST_GLIBC_MINOR}_x86_64"
    assert "manylinux_2_28_x86_64" in tags
    assert f"manylinux_2_{pins.HOST_GLIBC_MINOR + 1}_x86_64" not in tags


def _checkout(root: Path, source: str = "x = 1\n") -> Path:
    (root / "vigie" / "__pycache__").mkdir(parents=True)
    (root / "vigie" / "__init__.py").write_text(source)
    (root / "vigie" / "__pycache__" / "cache.pyc").write_text("cache")
    (root / "infra").mkdir()
    (root / "infra" / "control.py").write_text("y = 1\n")
    (root / wheels.LOCK).parent.mkdir()
    for name in ("pyproject.toml", wheels.LOCK, "README.md"):
        (root / name).write_text(name)
    return root


def _keys(root: Path) -> dict[str, str]:
    return schedule.keys([wheels.locked_component(root), wheels.component(root)])


def test_own_source_changes_the_wheelhouse_and_leaves_the_locked_wheels(tmp_path: Path) -> None:
    root = _checkout(tmp_path)
    before = _keys(root)
    (root / "vigie" / "__init__.py").write_text("x = 2\n")
    after = _keys(root)
    assert before[wheels.LOCKED] == after[wheels.LOCKED]
    assert before[wheels.NAME] != after[wheels.NAME]


def test_lock_changes_both(tmp_path: Path) -> None:
    root = _checkout(tmp_path)
    before = _keys(root)
    (root / wheels.LOCK).write_text("other")
    after = _keys(root)
    assert before[wheels.LOCKED] != after[wheels.LOCKED]
    assert before[wheels.NAME] != after[wheels.NAME]


def test_caches_and_the_control_hosts_rooms_change_nothing(tmp_path: Path) -> None:
    root = _checkout(tmp_path)
    before = _keys(root)
    (root / "vigie" / "__pycache__" / "cache.pyc").write_text("other")
    (root / "infra" / "control.py").write_text("y = 2\n")
    assert _keys(root) == before


def test_wheel_is_built_from_exactly_what_the_key_says(tmp_path: Path) -> None:
    root, target = _checkout(tmp_path / "root"), tmp_path / "copy"
    wheels.copy_sources(root, target)
    copied = [path for path in target.rglob("*") if path.is_file()]
    assert store.files_digest(target, copied) == store.files_digest(root, wheels.own_sources(root))
    assert {path.stat().st_mode & 0o777 for path in copied} == {0o644}


def _wheel(path: Path, metadata: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a-1.0.dist-info/METADATA", metadata)
    return path


@pytest.mark.parametrize(
    ("stated", "licence"),
    [
        ("License-Expression: MIT\nLicense: other\n", "MIT"),
        ("License: long text\nClassifier: License :: OSI Approved :: BSD License\n", "BSD License"),
        ("License: Apache 2\n", "Apache 2"),
        ("Classifier: Topic :: Other\n", "not stated"),
    ],
)
def test_wheel_is_described_by_its_own_metadata(tmp_path: Path, stated: str, licence: str) -> None:
    path = _wheel(tmp_path / "a-1.0-py3-none-any.whl", f"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n{stated}")
    entry = wheels.wheel_entry(path)
    assert (entry.name, entry.version, entry.licence) == ("a", "1.0", licence)
    assert entry.path == "/wheels/a-1.0-py3-none-any.whl"
    assert entry.sha256 == store.file_digest(path)


def test_archive_without_metadata_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        archive.writestr("other", "")
    with pytest.raises(BundleError, match="not a wheel"):
        wheels.wheel_entry(tmp_path / "a.whl")


def test_requirements_pin_version_and_hash() -> None:
    assert wheels.requirements_of([Entry("a", "1.0", "MIT", "abc")]) == "a==1.0 --hash=sha256:abc\n"


def test_links_escape_what_a_version_may_hold() -> None:
    page = wheels.links_of([Entry("a", "1+x", "MIT", "abc", "/wheels/a-1+x-py3-none-any.whl")])
    assert '<a href="a-1%2Bx-py3-none-any.whl#sha256=abc">a-1+x-py3-none-any.whl</a>' in page
