"""Pinned versions and sums: each typed once, or compared with where it must agree."""

import base64
import hashlib
import re
import tomllib
from pathlib import Path

import pytest

from infra.bundle import BundleError, clips, golang, mediamtx, pins, pulumi
from infra.bundle.prerequisites import CONTROL_PACKAGES, missing

ROOT = Path(__file__).parents[3]
GO_MOD = (pulumi.TOOLS / "go.mod").read_text()


def test_pulumi_has_one_version_in_modules_package_and_pins() -> None:
    assert f"{pins.PULUMI_MODULE} v{pins.PULUMI_VERSION}\n" in GO_MOD
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"pulumi=={pins.PULUMI_VERSION}" in project["optional-dependencies"]["control"]


def test_every_required_module_has_a_sum() -> None:
    required = re.findall(r"^(?:require )?\s*(\S+\.\S+/?\S*) (v\S+)", GO_MOD, re.MULTILINE)
    sums = (pulumi.TOOLS / "go.sum").read_text()
    assert len(required) > 200
    assert [f"{module} {version}" for module, version in required if f"{module} {version}" not in sums] == []


def test_go_of_the_fallback_is_new_enough_for_the_tools() -> None:
    distribution = golang.parse_version("go" + pins.GO_DISTRIBUTION.partition("==")[2])
    assert distribution is not None
    assert distribution >= golang.needed_version(GO_MOD)


def test_build_of_our_wheel_is_pinned_like_the_project_says() -> None:
    (requirement,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert f"{requirement} " in (ROOT / "infra/bundle/build-constraints.txt").read_text()


@pytest.mark.parametrize(
    ("printed", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26, 8)), ("go version go1.19 linux/arm64", (1, 19, 0)), ("devel", None)],
)
def test_go_version_is_compared_as_numbers(printed: str, version: tuple[int, int, int] | None) -> None:
    assert golang.parse_version(printed) == version


def test_module_file_without_go_directive_is_refused() -> None:
    assert golang.needed_version("module a\n\ngo 1.26\n") == (1, 26, 0)
    with pytest.raises(BundleError):
        golang.needed_version("module a\n")


@pytest.mark.parametrize(
    ("proxies", "kept"),
    [
        ("https://proxy.example,direct", "https://proxy.example"),
        ("https://a.example|https://b.example|direct", "https://a.example|https://b.example"),
        ("direct", "off"),
        ("https://direct.example", "https://direct.example"),
    ],
)
def test_modules_come_from_the_machines_proxy_and_never_from_their_origin(proxies: str, kept: str) -> None:
    assert golang.without_direct(proxies) == kept


def test_integrity_is_checked_against_the_content() -> None:
    content = b"script"
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    assert mediamtx.has_integrity(content, integrity)
    assert not mediamtx.has_integrity(content + b"!", integrity)


def test_pulumi_version_is_read_with_and_without_v() -> None:
    assert pulumi.reported_version("v3.259.0\n") == pulumi.reported_version("3.259.0") == "3.259.0"


def test_clips_depend_on_every_module_that_makes_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "__init__.py").write_text("")
    (tmp_path / "a" / "main.py").write_text(
        "import os\n\ndef run():\n    from a.part import x\n    from a import other\n"
    )
    (tmp_path / "a" / "part.py").write_text("import a.deep\n")
    (tmp_path / "a" / "unused.py").write_text("")
    for name in ("deep", "other"):
        (tmp_path / "a" / f"{name}.py").write_text("")
    found = {path.name for path in clips.module_files(tmp_path, "a.main")}
    assert found == {"__init__.py", "main.py", "part.py", "deep.py", "other.py"}
    with pytest.raises(BundleError, match=r"no module a\.absent"):
        clips.module_files(tmp_path, "a.absent")


def test_missing_prerequisites_are_those_not_installed() -> None:
    installed = "ffmpeg installed\nmmdebstrap deinstall\n"
    assert missing(["ffmpeg", "mmdebstrap", "nftables"], installed) == ["mmdebstrap", "nftables"]
    assert {"mmdebstrap", "apt-utils", "systemd-container"} <= CONTROL_PACKAGES.keys()
