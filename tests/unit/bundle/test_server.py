"""Hosts get what the bundle holds over TLS and nothing else; the server ends with the deployment."""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from infra.bundle import Bundle, BundleError, Layers
from infra.bundle.server import serving

ADDRESS = "127.0.0.1"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle beside a file that must stay unseen."""
    tmp_path = tmp_path_factory.mktemp("bundle")
    for name in ("apt", "wheels", "bin", "clips"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file").write_text(f"{name} content")
    (tmp_path / "wheels" / "index.html").write_text("links")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "apt" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "manifest.json").write_text('{"components": []}')
    return Bundle(
        layers=Layers(bare=(tmp_path,), baked=(tmp_path, tmp_path)),
        apt=tmp_path / "apt",
        wheels=tmp_path / "wheels",
        bin=tmp_path / "bin",
        clips=tmp_path / "clips",
        pulumi=tmp_path / "pulumi",
        manifest=tmp_path / "manifest.json",
        digest="d",
        wheelhouse_digest="w",
    )


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the loopback address and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-subj", "/CN=bundle", "-addext", f"subjectAltName=IP:{ADDRESS}", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    return _free_port()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        number: int = free.getsockname()[1]
        return number


@pytest.fixture(scope="module")
def client(bundle: Bundle, pair: tuple[Path, Path]) -> Iterator[HTTPSConnection]:
    """A connection to a server of the bundle."""
    port = _free_port()
    context = ssl.create_default_context(cafile=str(pair[0]))
    with serving(bundle, None, ADDRESS, port, *pair) as url:
        assert url == f"https://{ADDRESS}:{port}"
        connection = HTTPSConnection(ADDRESS, port, context=context, timeout=10)
        yield connection
        connection.close()


def _get(client: HTTPSConnection, path: str, method: str = "GET") -> tuple[int, str]:
    client.request(method, path)
    response = client.getresponse()
    return response.status, response.read().decode()


def test_serves_the_bundle_and_nothing_else(client: HTTPSConnection) -> None:
    for name in ("apt", "wheels", "bin", "clips"):
        assert _get(client, f"/{name}/deep/file") == (200, f"{name} content")
    assert _get(client, "/manifest.json") == (200, '{"components": []}')
    assert _get(client, "/wheels/") == (200, "links")
    refused = [
        "/",
        "/secret",
        "/apt/../secret",
        "/apt/%2e%2e/secret",
        "/apt/..%2fsecret",
        "/apt/%2fetc/passwd",
    ]
    for path in [*refused, "/apt//etc/passwd", "/apt/link", "/apt/absent"]:
        status, body = _get(client, path)
        assert (path, status) == (path, 404)
        assert "secret" not in body
    for path in ("/apt/deep", "/clips/"):  # no listings
        assert _get(client, path)[0] == 403


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_is_read_only(client: HTTPSConnection, method: str) -> None:
    assert _get(client, "/apt/deep/file", method)[0] == 405


def test_ends_with_the_context_even_when_that_fails(bundle: Bundle, pair: tuple[Path, Path], port: int) -> None:
    with pytest.raises(RuntimeError, match="deployment failed"), serving(bundle, None, ADDRESS, port, *pair):
        raise RuntimeError("deployment failed")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((ADDRESS, port), 1)


def test_says_why_it_does_not_start(bundle: Bundle, pair: tuple[Path, Path], port: int) -> None:
    with socket.socket() as taken:
        taken.bind((ADDRESS, port))
        taken.listen()
        with pytest.raises(BundleError, match="does not start") as caught, serving(bundle, None, ADDRESS, port, *pair):
            pass
    assert "in use" in str(caught.value)


def test_client_without_the_citys_certificate_is_turned_away(
    bundle: Bundle, pair: tuple[Path, Path], port: int
) -> None:
    context = ssl.create_default_context(cafile=str(pair[0]))
    with serving(bundle, None, ADDRESS, port, *pair, client_ca=pair[0]):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            _get(HTTPSConnection(ADDRESS, port, context=context, timeout=10), "/manifest.json")
        context.load_cert_chain(*pair)
        assert _get(HTTPSConnection(ADDRESS, port, context=context, timeout=10), "/manifest.json")[0] == 200


def test_ends_when_its_parent_is_killed(bundle: Bundle, pair: tuple[Path, Path], port: int) -> None:
    program = (
        "import sys, time; from pathlib import Path; from infra.bundle import Bundle, Layers;"
        "from infra.bundle.server import serving; top = Path(sys.argv[1]);"
        "bundle = Bundle(Layers((), ()), top/'apt', top/'wheels', top/'bin', top/'clips', top, top/'manifest.json', '', '');"
        f"context = serving(bundle, None, '{ADDRESS}', {port}, Path(sys.argv[2]), Path(sys.argv[3]));"
        "print(context.__enter__(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(bundle.apt.parent), *map(str, pair)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline().startswith(b"https://")
        parent.kill()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection((ADDRESS, port), 1).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.05)
    pytest.fail("the server outlived its parent")
