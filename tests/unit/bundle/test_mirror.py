"""The hosts' archives come from the machine's own apt configuration, whatever mirror that names."""

import pytest

from infra.bundle import BundleError
from infra.bundle.mirror import derive_archives, parse_index_targets, parse_transport


def _target(release: str, uri: str, label: str = "Debian", origin: str = "Debian", component: str = "main") -> str:
    """One paragraph as apt-get indextargets prints it."""
    return (
        f"MetaKey: {component}/binary-amd64/Packages\nShortDesc: Packages\nURI: {uri}dists/{release}/Packages\n"
        f"Codename: {release}\nLabel: {label}\nOrigin: {origin}\nSuite: oldstable\nComponent: {component}\n"
        f"Fallback-Of: \nRelease: {release}\nRepo-URI: {uri}\n"
    )


OWN = "mirror+file:/srv/debian/"
SECURITY = "https://mirror.example/debian-security/"


def _derive(*paragraphs: str) -> list[tuple[str, str]]:
    targets = parse_index_targets("\n".join(paragraphs))
    return [(archive.suite, archive.uri) for archive in derive_archives(targets, "trixie")]


def test_three_archives_are_derived_from_the_previous_release() -> None:
    derived = _derive(
        _target("bookworm", OWN),
        _target("bookworm-updates", OWN),
        _target("bookworm-security", SECURITY, label="Debian-Security"),
    )
    assert derived == [("trixie", OWN), ("trixie-security", SECURITY), ("trixie-updates", OWN)]


def test_same_release_and_no_security_archive() -> None:
    assert _derive(_target("trixie", OWN)) == [("trixie", OWN)]


def test_other_origins_backports_and_areas_are_left_out() -> None:
    derived = _derive(
        _target("nodistro", "https://other.example/", label="Other", origin="Other"),
        _target("bookworm-backports", "https://backports.example/", label="Debian Backports"),
        _target("bookworm", "https://contrib.example/", component="contrib"),
        _target("bookworm", OWN),
    )
    assert derived == [("trixie", OWN)]


@pytest.mark.parametrize("paragraphs", [(), (_target("jammy", OWN, label="Ubuntu", origin="Ubuntu"),)])
def test_without_a_debian_archive_the_fix_is_said(paragraphs: tuple[str, ...]) -> None:
    with pytest.raises(BundleError, match="apt-get update"):
        _derive(*paragraphs)


def test_source_line_is_one_that_apt_reads() -> None:
    (archive,) = derive_archives(parse_index_targets(_target("bookworm", OWN)), "trixie")
    words = archive.source_line().split()
    assert words[0] == "deb"
    assert words[-3:] == [OWN, "trixie", "main"]


def test_transport_keeps_proxy_and_certificates_only() -> None:
    dump = (
        'Acquire "";\nAcquire::AllowInsecureRepositories "0";\nAcquire::http::Proxy "http://127.0.0.1:3142";\n'
        'Acquire::https::CaInfo "/etc/ssl/company.pem";\nAcquire::ftp::Proxy "";\nAcquire::Retries "3";\n'
    )
    assert parse_transport(dump) == [
        'Acquire::http::Proxy "http://127.0.0.1:3142";',
        'Acquire::https::CaInfo "/etc/ssl/company.pem";',
    ]
