"""Packages of the layers and the repository are those the roles name, read from the roles."""

from pathlib import Path

import pytest

from infra.bundle import BundleError, bake, repository, schedule
from infra.bundle.roles import collect_packages


def _role(root: Path, name: str, text: str) -> None:
    defaults = root / "playbooks" / "roles" / name / "defaults"
    defaults.mkdir(parents=True)
    (defaults / "main.yml").write_text(text)


def test_names_of_every_role_are_collected_once(tmp_path: Path) -> None:
    _role(tmp_path, "base", "---\nbase_packages:\n  - sudo\n  - chrony\nbase_other: 1\n")
    _role(tmp_path, "noc", "---\nnoc_packages: [prometheus, chrony]\nbase_packages: [not-mine]\n")
    _role(tmp_path, "lab_encoder", "---\n")
    assert collect_packages(tmp_path) == ("chrony", "prometheus", "sudo")


def test_checkout_without_roles_has_no_packages(tmp_path: Path) -> None:
    assert collect_packages(tmp_path) == ()


@pytest.mark.parametrize(
    "text",
    [
        "base_packages: sudo",
        "base_packages: [1]",
        "base_packages: ['--option']",
        "base_packages: [Ünï]",
        "- a",
        "a: [}",
    ],
)
def test_what_is_no_list_of_names_is_refused(tmp_path: Path, text: str) -> None:
    _role(tmp_path, "base", text)
    with pytest.raises(BundleError, match=r"base/defaults/main\.yml"):
        collect_packages(tmp_path)


def test_packages_change_the_repository_and_the_baked_layer_only() -> None:
    def keys(*packages: str) -> dict[str, str]:
        from infra.bundle import rootfs

        parts = [rootfs.component(), repository.component(packages), bake.component(packages)]
        return schedule.keys(parts)

    before, after = keys("sudo"), keys("sudo", "chrony")
    assert {name for name in before if before[name] != after[name]} == {"apt", "layer-baked"}


def test_file_names_lose_apts_epoch() -> None:
    assert repository.without_epoch("ffmpeg_7%3a7.1-1_amd64.deb") == "ffmpeg_7.1-1_amd64.deb"
    assert repository.without_epoch("sudo_1.9-1_amd64.deb") == "sudo_1.9-1_amd64.deb"
