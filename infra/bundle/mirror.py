"""Where Debian packages of the hosts come from: derived from this machine's own apt configuration.

No mirror is written in the project. A control host on Debian already knows the mirror it may use (the public one, a
company's, a local disk), so the hosts' release is asked of the same places, with the same proxy and certificates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.bundle.commands import Commands
from infra.bundle.errors import BundleError

#: apt settings that say how to reach a mirror; they hold for the hosts' release too.
_TRANSPORT_SETTINGS = ("proxy", "cainfo", "capath", "sslcert", "sslkey", "verify-peer", "verify-host")

#: Debian's keys, from its package debian-archive-keyring.
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_COMPONENT = "layer-bare"


@dataclass(frozen=True, order=True)
class Archive:
    """One line of an apt source list: where (``uri``), which release (``suite``), which area (``area``)."""

    suite: str
    uri: str
    area: str = "main"

    def source_line(self) -> str:
        """The line for ``sources.list`` (sources.list(5)), signed by Debian's keys where this machine has them."""
        signed = f"[signed-by={_KEYRING}] " if _KEYRING.is_file() else ""
        return f"deb {signed}{self.uri} {self.suite} {self.area}"


def parse_index_targets(text: str) -> list[dict[str, str]]:
    """Parse what ``apt-get indextargets`` prints: RFC 822 paragraphs, as one dictionary each."""
    return [dict(_fields(paragraph)) for paragraph in text.split("\n\n") if paragraph.strip()]


def _fields(paragraph: str) -> Iterator[tuple[str, str]]:
    """The fields of one paragraph."""
    for line in paragraph.splitlines():
        name, colon, value = line.partition(":")
        if colon and not line.startswith(" "):
            yield name, value.strip()


def derive_archives(targets: Sequence[dict[str, str]], suite: str) -> list[Archive]:
    """Derive the archives of release ``suite`` from those this machine uses for its own release.

    The main archive is needed; ``-updates`` and ``-security`` are taken where this machine has them. Raises
    `BundleError` when no Debian archive is known.
    """
    own = [target for target in targets if target.get("Component") == "main"]
    found: dict[str, str] = {}
    for target in own:
        suffix = _pocket(target)
        if suffix is not None:
            found.setdefault(f"{suite}{suffix}", target["Repo-URI"])
    if suite not in found:
        raise BundleError(
            _COMPONENT,
            "this machine's apt knows no Debian archive",
            fix="run 'apt-get update' on a Debian machine whose sources name a Debian mirror (see 'apt-get indextargets')",
        )
    return [Archive(name, uri) for name, uri in sorted(found.items())]


def _pocket(target: dict[str, str]) -> str | None:
    """The part of an archive's name after the release: empty, ``-updates``, ``-security``; None for any other."""
    release, label = target.get("Release", ""), target.get("Label")
    if target.get("Origin") != "Debian" or label not in ("Debian", "Debian-Security"):
        return None
    if label == "Debian-Security":
        return "-security"
    if release.endswith("-updates"):
        return "-updates"
    return "" if "-" not in release else None


def parse_transport(text: str) -> list[str]:
    """Pick, from what ``apt-config dump Acquire`` prints, the settings that say how to reach a mirror."""
    chosen = []
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name.rsplit("::", 1)[-1].lower() in _TRANSPORT_SETTINGS and value.strip('";'):
            chosen.append(line)
    return chosen


def query_archives(commands: Commands, suite: str) -> list[Archive]:
    """Ask this machine's apt and derive the archives of ``suite``."""
    return derive_archives(
        parse_index_targets(commands.run(["apt-get", "indextargets", "Created-By: Packages"], parsed=True)), suite
    )


def query_transport(commands: Commands) -> list[str]:
    """Ask this machine's apt how it reaches mirrors: lines of apt.conf(5)."""
    return parse_transport(commands.run(["apt-config", "dump", "Acquire"], parsed=True))
