"""Which Debian packages the roles install: read from the roles themselves, so that no name is written twice."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from infra.bundle.errors import BundleError

#: Debian policy 5.6.7: lower case letters, digits, plus, minus, dots; at least two; an alphanumeric first.
_PACKAGE_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")

_COMPONENT = "apt"


def defaults_files(root: Path) -> list[Path]:
    """List the defaults of every role below the checkout ``root``, sorted."""
    return sorted(root.glob("playbooks/roles/*/defaults/main.yml"))


def collect_packages(root: Path) -> tuple[str, ...]:
    """Collect the variable ``<role>_packages`` of every role's defaults: sorted names, each once.

    A role without the variable installs no package. Raises `BundleError` for one that is not a list of names.
    """
    names: set[str] = set()
    for path in defaults_files(root):
        names.update(_role_packages(path, path.parents[1].name))
    return tuple(sorted(names))


def _role_packages(path: Path, role: str) -> list[str]:
    """The packages of one role."""
    try:
        defaults = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise BundleError(_COMPONENT, f"{path} is not YAML: {error}", fix="correct the file") from error
    variable = f"{role}_packages"
    packages = defaults.get(variable, []) if isinstance(defaults, dict) else None
    if not isinstance(packages, list) or not all(_is_name(package) for package in packages):
        raise BundleError(
            _COMPONENT, f"{path}: {variable} is not a list of Debian package names", fix="write it as a list of names"
        )
    return packages


def _is_name(package: object) -> bool:
    """Whether a value is the name of a Debian package."""
    return isinstance(package, str) and _PACKAGE_NAME.fullmatch(package) is not None
